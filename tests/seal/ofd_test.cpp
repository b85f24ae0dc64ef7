// Our documents as OFD: what other programs read in them, and what is said of those that somebody
// changed. Every attack is refused for its own reason. GB/T 33190-2016 18; GM/T 0099-2020.
#include "seal/ofd/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "base/json.h"
#include "base/random.h"
#include "seal/ofd/seal_picture.h"
#include "seal/templates.h"
#include "test_paths.h"
#include "tests/seal/ses_house.h"
#include "tests/verify/zip_maker.h"
#include "verify/ofd/package.h"
#include "verify/verifier.h"

namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using verify::Answer;
using verify::Outcome;
using verify::Verdict;

using Files = std::map<std::string, std::string>;

constexpr const char* kAddress = "http://127.0.0.1:8080/v/";
constexpr const char* kNotoSans = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";
constexpr const char* kNotoSerif = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc";

using Filled = seal::Draft;

const seal::Templates& templates() {
  static const auto all = *seal::Templates::built_in();
  return *all;
}

Filled sample_of(const std::string& kind) {
  base::SystemRandom random;
  return *templates().sample(kind, random);
}

Filled of_person(int months, const std::string& name = "张小三") {
  Filled out = sample_of("enrolment-certificate");
  out.sample = false;
  for (auto& [field, text] : out.fields) {
    if (field == "name") text = name;
    if (field == "id_number") text = "11010519491231002X";
  }
  out.rows.clear();
  for (int i = 0; i < months; ++i) {
    const int month = 11 + i;
    char text[32];
    std::snprintf(text, sizeof text, "%d年%02d月", 2024 + month / 12, month % 12 + 1);
    out.rows.push_back(
        {text, "江州市星河信息技术有限责任公司", "8500.00", "已到账", "已到账", "—"});
  }
  out.facts_json = R"({"kind":"enrolment-certificate","name":"张小三"})";
  return out;
}

const seal::pdf::Faces& faces() {
  static const seal::pdf::Faces all = [] {
    const auto body = seal::pdf::FontFace::open(kNotoSans);
    const auto title = seal::pdf::FontFace::open(kNotoSerif);
    base::check(body.ok() && title.ok(), "no fonts: apt-get install fonts-noto-cjk");
    return seal::pdf::Faces{*body, *title};
  }();
  return all;
}

/// A directory that goes away.
class Scratch {
 public:
  Scratch() {
    std::string name = "/tmp/xinyin-ofd.XXXXXX";
    base::check(::mkdtemp(name.data()) != nullptr, "no temporary directory");
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

constexpr const char* kCode = "1B20-8H44-RM2M-B1E6-0S57";
const std::string kSign = "Doc_0/Signs/Sign_0/";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class OfdTest : public ::testing::Test {
 protected:
  static test::SesHouse& house() {
    static test::SesHouse shared;
    return shared;
  }
  /// A seal of this version whose picture is the round seal, as vectors.
  static const base::Bytes& seal_object(const std::string& id = "36010000000001") {
    static std::map<std::string, base::Bytes> made;
    auto& out = made[id];
    if (!out.empty()) return out;
    auto draft = house().draft(verify::ses::Version::v4);
    draft.id = id;
    draft.picture_type = "ofd";
    const auto picture = seal::ofd::seal_picture(
        *faces().display,
        {seal::SealShape::round, 42, 42, test::Pki::kAgency, "社会保险业务专用章"});
    base::check(picture.ok(), "the seal's picture");
    draft.picture = *picture;
    auto seal = seal::make_seal(draft, *house().maker_key, *house().maker);
    base::check(seal.ok(), "the seal");
    return out = *seal;
  }
  static base::Bytes sign(const base::Digest& digest,
                          const std::string& place = std::string(seal::ofd::kPropertyInfo)) {
    const auto frame =
        seal::SesFrame::create(house().sealer_key->info(), *house().sealer, seal_object(), place);
    base::check(frame.ok(), "the frame");
    auto out = seal::sign_with(*frame, *house().sealer_key, digest, house().now());
    base::check(out.ok(), "the signature");
    return *out;
  }
  static base::Result<seal::ofd::Unsigned> compose(const Filled& draft) {
    const auto& form = templates().find(draft.kind)->form;
    const seal::pdf::Letterhead head{test::Pki::kAgency,
                                     test::Pki::kAgencyCode,
                                     {.text = test::Pki::kAgency, .caption = "社会保险业务专用章"},
                                     kAddress};
    BASE_TRY(const auto made, seal::ofd::OfdTemplate::create(form, faces(), head, seal_object()));
    return made->compose({.content = {.fields = draft.fields,
                                      .rows = draft.rows,
                                      .document_id = "20261124-7K3M9QZT2W4X",
                                      .code = kCode,
                                      .date = "2026年11月24日",
                                      .sample = draft.sample},
                          .facts_json = draft.facts_json,
                          .code_address = std::string(kAddress) + "1B208H44RM2MB1E60S57",
                          .at = house().now(),
                          .document_id = base::Bytes(16, 0x5a)});
  }
  static std::string sealed(const Filled& draft) {
    const auto document = compose(draft);
    base::check(document.ok(), "the document");
    return std::string(base::as_text(document->finish(sign(document->digest()))));
  }
  static const std::string& good() {
    static const auto file = sealed(of_person(12));
    return file;
  }
  static Files files_of(const std::string& file) {
    const auto zip = verify::ofd::Zip::read(base::as_bytes(file));
    base::check(zip.ok(), "a package");
    Files out;
    for (const auto& [name, bytes] : zip->entries()) out[name] = base::as_text(bytes);
    return out;
  }
  static Verdict judge(std::string_view file) {
    static const verify::Verifier verifier(house().trust());
    return verifier.judge(base::as_bytes(file), house().now() + std::chrono::hours(1));
  }
  static Verdict judge(const Files& files) { return judge(test::zip_of(files)); }
  static std::vector<std::string> reasons(const Verdict& verdict) {
    auto out = verdict.reasons;
    for (const auto& one : verdict.seals)
      out.insert(out.end(), one.reasons.begin(), one.reasons.end());
    return out;
  }
  /// Seals files as another maker may: with a Signature.xml of ours, whatever it says.
  struct Sealing {
    std::vector<std::string> left_out = {};
    std::string check_method = "1.2.156.10197.1.401";
    std::string stamp = R"(<ofd:StampAnnot ID="1" PageRef="4" Boundary="10 10 42 42"/>)";
    std::string method = "1.2.156.10197.1.501";
    std::string more_references = {};
    std::string folder = kSign;
    bool sha256 = false;
    std::string slash = "/";
  };
  static void seal(Files& files, const Sealing& how) {
    files.erase(how.folder + "Signature.xml");
    files.erase(how.folder + "SignedValue.dat");
    files[how.folder + "Seal.esl"] = base::as_text(seal_object());
    std::string references;
    for (const auto& [name, content] : files) {
      if (std::find(how.left_out.begin(), how.left_out.end(), name) != how.left_out.end()) continue;
      const auto bytes = base::as_bytes(content);
      references += "<ofd:Reference FileRef=\"" + how.slash + name + "\"><ofd:CheckValue>" +
                    base::to_base64(how.sha256 ? base::sha256(bytes) : base::sm3(bytes)) +
                    "</ofd:CheckValue></ofd:Reference>";
    }
    const auto text =
        "<ofd:Signature xmlns:ofd=\"http://www.ofdspec.org/2016\"><ofd:SignedInfo><ofd:Provider "
        "ProviderName=\"Other\"/><ofd:SignatureMethod>" +
        how.method + "</ofd:SignatureMethod><ofd:References CheckMethod=\"" + how.check_method +
        "\">" + references + how.more_references + "</ofd:References>" + how.stamp +
        "<ofd:Seal><ofd:BaseLoc>Seal.esl</ofd:BaseLoc></ofd:Seal></ofd:SignedInfo>"
        "<ofd:SignedValue>/" +
        how.folder + "SignedValue.dat</ofd:SignedValue></ofd:Signature>";
    files[how.folder + "SignedValue.dat"] =
        base::as_text(sign(base::sm3(base::as_bytes(text)), "/" + how.folder + "Signature.xml"));
    files[how.folder + "Signature.xml"] = text;
  }
  static Files resealed(const Sealing& how) {
    auto files = files_of(good());
    seal(files, how);
    return files;
  }
  Scratch directory_;
};

TEST_F(OfdTest, OurOwnWorkIsGenuine) {
  for (const auto& draft : {of_person(12), of_person(60, "张䶮")}) {
    const auto verdict = judge(sealed(draft));
    ASSERT_EQ(verdict.outcome, Outcome::genuine) << ::testing::PrintToString(reasons(verdict));
    EXPECT_EQ(verdict.kind, verify::FileKind::ofd);
    ASSERT_EQ(verdict.seals.size(), 1u);
    EXPECT_TRUE(verdict.seals[0].whole_document);
    EXPECT_EQ(verdict.seals[0].signer, std::string(test::Pki::kAgency) + " · 测试国密电子印章");
    EXPECT_EQ(verdict.document_code, kCode);
  }
}

TEST_F(OfdTest, EveryKindOfDocumentHasItsOfdAndItsSampleIsASample) {
  for (const auto* publication : templates().newest()) {
    auto draft = sample_of(publication->kind);
    const auto sample = judge(sealed(draft));
    EXPECT_EQ(sample.outcome, Outcome::sample) << publication->kind;
    draft.sample = false;
    const auto file = directory_.write("document.ofd", sealed(draft));
    const auto ran = test::ses_run(directory_.path(), "/usr/bin/python3 " XINYIN_SOURCE_DIR
                                                      "/tests/seal/foreign_ofd.py " +
                                                          file.string() + " .");
    EXPECT_EQ(ran.status, 0) << publication->kind << ran.output;
    EXPECT_THAT(ran.output, HasSubstr(publication->form.title.zh));
  }
}

TEST_F(OfdTest, TheSameDocumentIsTheSameBytes) {
  const auto first = compose(of_person(3)), again = compose(of_person(3));
  EXPECT_EQ(first->digest(), again->digest());
  EXPECT_EQ(first->finish({}), again->finish({}));
}

TEST_F(OfdTest, AnotherProgramFindsEveryDigestGlyphAndWord) {
  struct Case {
    Filled draft;
    int least;  ///< pages
  };
  for (const auto& [draft, least] :
       {Case{of_person(12), 1}, Case{of_person(60, "张䶮"), 2}, Case{of_person(300), 8}}) {
    const auto file = directory_.write("document.ofd", sealed(draft));
    const auto ran = test::ses_run(directory_.path(), "/usr/bin/python3 " XINYIN_SOURCE_DIR
                                                      "/tests/seal/foreign_ofd.py " +
                                                          file.string() + " .");
    ASSERT_EQ(ran.status, 0) << ran.output;
    auto told = base::parse_json(ran.output);
    ASSERT_TRUE(told.ok()) << ran.output;
    EXPECT_EQ(base::json_text((*told)["custom"], "XinyinCode"), kCode);
    EXPECT_EQ(base::json_text(*told, "title"), "社会保险参保证明");
    const auto pages = static_cast<int>((*told)["lines"].Size());
    EXPECT_GE(pages, least);
    EXPECT_EQ(pages == 1, least == 1);
    EXPECT_EQ(static_cast<int>((*told)["fonts"].Size()), 3);
    EXPECT_EQ((*told)["facts"]["name"], "张小三");
    EXPECT_EQ((*told)["picture"][0], "ofd");
    EXPECT_EQ((*told)["picture"][1].GetInt(), 42);
    // The ring, the star and each character of 13 and 9.
    EXPECT_EQ((*told)["picture"][2].GetInt(), 2 + 13 + 9);
    std::vector<std::string> lines;
    for (const auto& page : (*told)["lines"].GetArray())
      for (const auto& line : page.GetArray()) lines.emplace_back(line.GetString());
    for (const auto* text : {"社会保险参保证明", "11010519491231002X", "8500.00",
                             "江州市星河信息技术有限责任公司", "2026年11月24日", kCode})
      EXPECT_THAT(lines, Contains(HasSubstr(text)));
    EXPECT_THAT(lines, Contains(draft.fields[0].second)) << "a line in one piece";
    // The seal at its place on the last page and, over several pages, a strip on each of them.
    const auto& stamps = (*told)["stamps"];
    ASSERT_EQ(static_cast<int>(stamps.Size()), pages == 1 ? 1 : 1 + pages);
    EXPECT_EQ(stamps[0]["page"].GetInt(), pages - 1);
    double clipped = 0;
    for (rapidjson::SizeType i = 1; i < stamps.Size(); ++i) {
      EXPECT_EQ(stamps[i]["page"].GetInt(), static_cast<int>(i) - 1);
      const auto& box = stamps[i]["boundary"];
      const auto& clip = stamps[i]["clip"];
      if (clip[0].GetDouble() == 0 && i > 1) {
        EXPECT_NEAR(clipped, 42, 0.01) << "a whole seal on the pages of a group";
        clipped = 0;
      }
      EXPECT_NEAR(clip[0].GetDouble(), clipped, 0.01);
      EXPECT_GE(clip[2].GetDouble(), 7);
      clipped += clip[2].GetDouble();
      EXPECT_NEAR(box[0].GetDouble() + clipped, 210, 0.01) << "ends at the paper's edge";
    }
    if (pages > 1) {
      EXPECT_NEAR(clipped, 42, 0.01);
    }

    const auto seal =
        test::ses_run(directory_.path(), "/usr/bin/python3 " XINYIN_SOURCE_DIR
                                         "/tests/seal/foreign_ses.py read SignedValue.dat .");
    EXPECT_EQ(seal.status, 0) << seal.output;
    EXPECT_THAT(seal.output, HasSubstr("property=/Doc_0/Signs/Sign_0/Signature.xml"));
  }
}

TEST_F(OfdTest, EachAttackIsRefusedForItsReason) {
  const auto files = files_of(good());
  const auto other = files_of(sealed(of_person(3, "李四")));
  const auto with = [&](const std::string& name, const std::string& content) {
    auto out = files;
    out[name] = content;
    return out;
  };
  const auto edit = [&](const std::string& name, std::string_view from, std::string_view to) {
    return with(name, replaced(files.at(name), from, to));
  };
  const std::string page = "Doc_0/Pages/Page_0/Content.xml";
  auto two_pages = edit("Doc_0/Document.xml", "</ofd:Pages>",
                        "<ofd:Page ID=\"99999\" BaseLoc=\"Pages/Page_1/Content.xml\"/>"
                        "</ofd:Pages>");
  two_pages["Doc_0/Pages/Page_1/Content.xml"] = files.at(page);
  auto annotated = edit("Doc_0/Document.xml", "<ofd:Attachments>",
                        "<ofd:Annotations>Annots.xml</ofd:Annotations><ofd:Attachments>");
  annotated["Doc_0/Annots.xml"] = "<ofd:Annotations xmlns:ofd=\"http://www.ofdspec.org/2016\"/>";
  auto attached = edit("Doc_0/Attachs/Attachments.xml", "</ofd:Attachments>",
                       "<ofd:Attachment ID=\"more\"><ofd:FileLoc>more.json</ofd:FileLoc>"
                       "</ofd:Attachment></ofd:Attachments>");
  attached["Doc_0/Attachs/more.json"] = "{}";
  auto removed = files;
  removed.erase("Doc_0/Attachs/facts.json");
  auto redirected = edit("OFD.xml", "Doc_0/Document.xml", "Doc_1/Document.xml");
  redirected["Doc_1/Document.xml"] =
      replaced(files.at("Doc_0/Document.xml"), "Pages/Page_0/", "/Doc_1/Page_0/");
  redirected["Doc_1/Document.xml"] =
      replaced(redirected["Doc_1/Document.xml"], "PublicRes.xml", "/Doc_0/PublicRes.xml");
  redirected["Doc_1/Document.xml"] =
      replaced(redirected["Doc_1/Document.xml"], ">DocumentRes", ">/Doc_0/DocumentRes");
  redirected["Doc_1/Document.xml"] =
      replaced(redirected["Doc_1/Document.xml"], "Attachs/", "/Doc_0/Attachs/");
  redirected["Doc_1/Page_0/Content.xml"] = replaced(files.at(page), "张小三", "李小四");
  auto copied = files;
  for (const auto* name : {"Signature.xml", "SignedValue.dat", "Seal.esl"})
    copied[kSign + name] = other.at(kSign + name);
  auto more_seals = edit("Doc_0/Signs/Signatures.xml", "</ofd:Signatures>",
                         "<ofd:Signature ID=\"2\" BaseLoc=\"Sign_1/Signature.xml\"/>"
                         "</ofd:Signatures>");
  more_seals["Doc_0/Signs/Sign_1/Signature.xml"] =
      "<ofd:Signature xmlns:ofd=\"http://www.ofdspec.org/2016\"/>";
  const auto seal_b = std::string(base::as_text(seal_object("36010000000099")));

  struct Attack {
    const char* what;
    Files files;
    Outcome outcome;
    const char* reason;
  };
  const Attack table[] = {
      {"a changed page", edit(page, "8500.00", "9500.00"), Outcome::altered,
       "verify.ofd.changed_page"},
      {"an added page", two_pages, Outcome::altered, "verify.ofd.added_page"},
      {"a replaced attachment", with("Doc_0/Attachs/facts.json", "{}"), Outcome::altered,
       "verify.ofd.changed_attachment"},
      {"an added attachment", attached, Outcome::altered, "verify.ofd.added_attachment"},
      {"a removed attachment", removed, Outcome::altered, "verify.ofd.removed_file"},
      {"an added annotation", annotated, Outcome::altered, "verify.ofd.added_annotation"},
      {"another font", with("Doc_0/Res/FontA.otf", "x"), Outcome::altered,
       "verify.ofd.changed_file"},
      {"another code in the metadata", edit("OFD.xml", kCode, "1B20-8H44-RM2M-B1E6-0S58"),
       Outcome::altered, "verify.ofd.changed_file"},
      {"another document shown", redirected, Outcome::altered, "verify.ofd.added_page"},
      {"a stray file", with("Doc_0/smuggled.bin", "x"), Outcome::altered, "verify.ofd.stray_file"},
      {"a moved stamp", edit(kSign + "Signature.xml", "Boundary=\"", "Boundary=\"1"),
       Outcome::altered, "verify.ses.data_hash_differs"},
      {"a space in Signature.xml", edit(kSign + "Signature.xml", "<ofd:Seal>", "<ofd:Seal> "),
       Outcome::altered, "verify.ses.data_hash_differs"},
      {"another seal in Seal.esl", with(kSign + "Seal.esl", seal_b), Outcome::altered,
       "verify.ses.other_seal"},
      {"another picture in both",
       [&] {
         auto out = files;
         for (const auto* name : {"SignedValue.dat", "Seal.esl"}) {
           auto& bytes = out[kSign + name];
           const auto at = bytes.find("PK\3\4");
           bytes[at + 60] = static_cast<char>(bytes[at + 60] ^ 1);
         }
         return out;
       }(),
       Outcome::altered, "verify.ses.signer_signature"},
      {"a seal of another document", copied, Outcome::altered, "verify.ofd.changed_page"},
      {"a signature value of another document",
       with(kSign + "SignedValue.dat", other.at(kSign + "SignedValue.dat")), Outcome::altered,
       "verify.ses.data_hash_differs"},
      {"no signature value", with(kSign + "SignedValue.dat", ""), Outcome::altered,
       "verify.ses.der"},
      {"a seal taken from the list",
       edit("Doc_0/Signs/Signatures.xml",
            "<ofd:Signature ID=\"1\" Type=\"Seal\" BaseLoc=\"/Doc_0/Signs/Sign_0/Signature.xml\"/>",
            ""),
       Outcome::altered, "verify.ofd.loose_seal"},
      {"the list taken from OFD.xml",
       edit("OFD.xml", "<ofd:Signatures>Doc_0/Signs/Signatures.xml</ofd:Signatures>", ""),
       Outcome::altered, "verify.ofd.loose_seal"},
      {"one more seal on a locked list", more_seals, Outcome::altered,
       "verify.ofd.changed_seal_list"},
      {"entities in a page", edit(page, "<ofd:Page", "<!DOCTYPE x [<!ENTITY y \"z\">]><ofd:Page"),
       Outcome::malformed, "verify.ofd.xml_doctype"},
      {"a page that is no XML", with(page, "x"), Outcome::malformed, "verify.ofd.xml_malformed"},
  };
  for (const auto& attack : table) {
    const auto verdict = judge(attack.files);
    EXPECT_EQ(verdict.outcome, attack.outcome)
        << attack.what << ::testing::PrintToString(reasons(verdict));
    EXPECT_THAT(reasons(verdict), Contains(attack.reason)) << attack.what;
  }
  EXPECT_EQ(judge(files).outcome, Outcome::genuine) << "what the attacks begin with";
}

TEST_F(OfdTest, TricksOfTheArchiveAreMalformed) {
  const auto files = files_of(good());
  std::vector<test::ZipEntry> entries;
  for (const auto& [name, content] : files) entries.push_back({.name = name, .content = content});
  const auto with = [&](const test::ZipEntry& more) {
    auto all = entries;
    all.push_back(more);
    return reasons(judge(test::zip(all)));
  };
  const std::string page = "Doc_0/Pages/Page_0/Content.xml";
  EXPECT_THAT(with({.name = page, .content = "other"}), Contains("verify.ofd.zip_duplicate"));
  EXPECT_THAT(with({.name = "DOC_0/Pages/Page_0/Content.xml", .content = "other"}),
              Contains("verify.ofd.zip_duplicate"));
  EXPECT_THAT(with({.name = "../x", .content = "x"}), Contains("verify.ofd.zip_name"));
  EXPECT_THAT(with({.name = "x", .content = std::string(8 << 20, 'x')}),
              Contains("verify.ofd.zip_bomb"));
  EXPECT_THAT(with({.name = "x", .content = "x", .listed = false}), Contains("verify.ofd.zip_gap"));
  EXPECT_THAT(reasons(judge(good() + "x")), Contains("verify.ofd.zip_none"));
  EXPECT_EQ(judge("x" + good()).outcome, Outcome::malformed);
}

TEST_F(OfdTest, SealsOfOtherMakersAreReadInTheirForms) {
  for (const Sealing& how :
       {Sealing{}, Sealing{.check_method = "SM3"}, Sealing{.check_method = "1.2.156.10197.1.401.2"},
        Sealing{.check_method = "SHA-256", .sha256 = true}, Sealing{.stamp = "", .slash = "/"},
        Sealing{.slash = "../../../"}}) {
    const auto verdict = judge(resealed(how));
    EXPECT_EQ(verdict.outcome, Outcome::genuine)
        << how.check_method << ::testing::PrintToString(reasons(verdict));
  }
}

TEST_F(OfdTest, WhatASealLeavesOutIsReported) {
  struct Case {
    Sealing how;
    Outcome outcome;
    const char* reason;
  };
  const std::string page = "Doc_0/Pages/Page_0/Content.xml";
  const auto twice = "<ofd:Reference FileRef=\"/Doc_0/../OFD.xml\"><ofd:CheckValue>" +
                     base::to_base64(base::Bytes(32)) + "</ofd:CheckValue></ofd:Reference>";
  const auto gone = "<ofd:Reference FileRef=\"/Doc_0/gone.xml\"><ofd:CheckValue>" +
                    base::to_base64(base::Bytes(32)) + "</ofd:CheckValue></ofd:Reference>";
  const Case table[] = {
      {{.left_out = {"OFD.xml"}}, Outcome::undetermined, "verify.ofd.root_uncovered"},
      {{.left_out = {page}}, Outcome::altered, "verify.ofd.added_page"},
      {{.left_out = {"Doc_0/Attachs/facts.json"}}, Outcome::altered, "verify.ofd.added_attachment"},
      {{.left_out = {"Doc_0/Res/FontA.otf"}}, Outcome::altered, "verify.ofd.added_file"},
      {{.check_method = "MD5"}, Outcome::altered, "verify.ofd.check_method"},
      {{.check_method = ""}, Outcome::altered, "verify.ofd.check_method"},
      {{.check_method = "SM3", .sha256 = true}, Outcome::altered, "verify.ofd.changed_page"},
      {{.stamp = R"(<ofd:StampAnnot ID="1" PageRef="77" Boundary="1 1 42 42"/>)"},
       Outcome::altered,
       "verify.ofd.stamp"},
      {{.stamp = R"(<ofd:StampAnnot ID="1" PageRef="4" Boundary="1 1 0 42"/>)"},
       Outcome::altered,
       "verify.ofd.stamp"},
      {{.method = "1.2.156.10197.1.502"}, Outcome::altered, "verify.ses.algorithm_differs"},
      {{.more_references = twice}, Outcome::altered, "verify.ofd.signature_file"},
      {{.more_references = gone}, Outcome::altered, "verify.ofd.removed_file"},
  };
  for (const auto& [how, outcome, reason] : table) {
    const auto verdict = judge(resealed(how));
    EXPECT_EQ(verdict.outcome, outcome) << reason << ::testing::PrintToString(reasons(verdict));
    EXPECT_THAT(reasons(verdict), Contains(reason));
    EXPECT_FALSE(verdict.seals.at(0).whole_document && verdict.outcome == Outcome::undetermined);
  }
}

TEST_F(OfdTest, SealsFollowOneAnotherWhenTheListIsLeftOpen) {
  const std::string list = "Doc_0/Signs/Signatures.xml";
  auto files = resealed({.left_out = {list}});
  EXPECT_EQ(judge(files).outcome, Outcome::genuine);
  auto both = files;
  both[list] = replaced(files.at(list), "</ofd:Signatures>",
                        "<ofd:Signature ID=\"2\" BaseLoc=\"Sign_1/Signature.xml\"/>"
                        "</ofd:Signatures>");
  seal(both, {.left_out = {list}, .folder = "Doc_0/Signs/Sign_1/"});
  auto verdict = judge(both);
  EXPECT_EQ(verdict.outcome, Outcome::genuine) << ::testing::PrintToString(reasons(verdict));
  ASSERT_EQ(verdict.seals.size(), 2u);
  EXPECT_TRUE(verdict.seals[0].whole_document && verdict.seals[1].whole_document);

  // Something put in between two seals is outside the first, whatever the second says.
  auto between = files;
  between["Doc_0/more.bin"] = "x";
  between[list] = both[list];
  seal(between, {.left_out = {list}, .folder = "Doc_0/Signs/Sign_1/"});
  verdict = judge(between);
  EXPECT_EQ(verdict.outcome, Outcome::altered);
  EXPECT_THAT(verdict.seals.at(0).reasons, Contains("verify.ofd.stray_file"));
  EXPECT_EQ(verdict.seals.at(1).intact, Answer::yes);

  // The first seal's files lie there although the list forgot it.
  auto forgotten = both;
  forgotten[list] = replaced(both[list],
                             "<ofd:Signature ID=\"1\" Type=\"Seal\" "
                             "BaseLoc=\"/Doc_0/Signs/Sign_0/Signature.xml\"/>",
                             "");
  verdict = judge(forgotten);
  EXPECT_EQ(verdict.seals.size(), 1u);
  EXPECT_EQ(verdict.outcome, Outcome::genuine) << "the second seal covers the first one's files";
}

TEST_F(OfdTest, ASignatureWithoutASealDoesNotCount) {
  auto files = files_of(good());
  auto& list = files["Doc_0/Signs/Signatures.xml"];
  list = replaced(list, "Type=\"Seal\"", "Type=\"Sign\"");
  seal(files, {});
  const auto verdict = judge(files);
  EXPECT_EQ(verdict.outcome, Outcome::not_trusted);
  EXPECT_THAT(reasons(verdict), Contains("verify.ofd.plain_signature"));
}

TEST_F(OfdTest, NoContentCanBeChanged) {
  const auto files = files_of(good());
  for (const auto& [name, content] : files) {
    const auto step = std::max<std::size_t>(1, content.size() / 12);
    for (std::size_t at = 0; at < content.size(); at += step) {
      auto bent = files;
      bent[name][at] = static_cast<char>(content[at] ^ 0x20);
      EXPECT_NE(judge(bent).outcome, Outcome::genuine) << name << " octet " << at;
    }
  }
}

TEST_F(OfdTest, WrongDraftsAreErrorsAsInPdf) {
  EXPECT_EQ(compose(of_person(1, "张\uE000")).error().key, "seal.glyph");
  auto draft = of_person(12);
  draft.rows[3].pop_back();
  EXPECT_EQ(compose(draft).error().key, "seal.rows");
}

TEST_F(OfdTest, TextOfADraftCannotReachTheMarkup) {
  auto draft = of_person(1, "<b>&\"'</b>");
  draft.rows[0][1] = "]]></ofd:TextCode>";
  const auto file = directory_.write("document.ofd", sealed(draft));
  const auto ran = test::ses_run(directory_.path(), "/usr/bin/python3 " XINYIN_SOURCE_DIR
                                                    "/tests/seal/foreign_ofd.py " +
                                                        file.string() + " .");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("<b>&\\\"'</b>"));
  EXPECT_THAT(ran.output, HasSubstr("]]></ofd:TextCode>"));
}

TEST(OfdDrawingTest, AnOperatorThatNobodyKnowsIsAnError) {
  const seal::pdf::CharacterCodes none('A');
  const auto read = [&](std::string_view text) {
    return seal::ofd::read_drawing(text, {none, none, {}});
  };
  EXPECT_TRUE(read("q 1 0 0 1 5 5 cm 0 0 10 10 re f Q").ok());
  for (const auto* bad : {"0 0 m 1 1 l B", "1 2 3 4 5 k", "/X gs", "(x) Tj", "1 2 rg", "x",
                          "BT /FA 9 Tf <0001>Tj ET", "1..2 w"}) {
    ASSERT_FALSE(read(bad).ok()) << bad;
    EXPECT_EQ(read(bad).error().key, "seal.drawing");
  }
}

TEST(OfdDrawingTest, PlacesAndTurnsAreFollowed) {
  seal::pdf::CharacterCodes body('A');
  for (const auto c : std::u32string_view(U"样本")) body.add(c);
  const auto items = *seal::ofd::read_drawing(
      "/P <</MCID 0>> BDC q 2 0 0 2 10 20 cm 1 2 m 3 4 l S Q EMC "
      "/G gs BT 0 1 -1 0 100 200 Tm /FA 12 Tf <00010002>Tj ET",
      {body, body, {}});
  ASSERT_EQ(items.size(), 2u);
  const auto& line = std::get<seal::ofd::Shape>(items[0]);
  EXPECT_EQ(line.path.at(0).at[0], 12);
  EXPECT_EQ(line.path.at(0).at[1], 24);
  EXPECT_EQ(line.path.at(1).at[1], 28);
  const auto& run = std::get<seal::ofd::Run>(items[1]);
  EXPECT_EQ(run.text, U"样本");
  EXPECT_FALSE(run.matrix.upright());
  EXPECT_EQ(run.matrix.e, 100);
  EXPECT_LT(run.alpha, 255) << "what is multiplied lets through what lies beneath";
}

}  // namespace
