#include "tests/seal/support.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <map>

namespace test {

TempDirectory::TempDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-seal-XXXXXX").string();
  base::check(::mkdtemp(pattern.data()) != nullptr, "cannot make a temporary directory");
  path_ = pattern;
}
TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDirectory::write(const std::string& name, base::BytesView bytes) const {
  const auto to = path_ / name;
  std::ofstream out(to, std::ios::binary);
  out << base::as_text(bytes);
  base::check(out.good(), "cannot write a temporary file");
  return to;
}

Ran run(const std::string& command, const std::string& package) {
  Ran out;
  // A program that asks questions gets no answer; one that talks without end is cut off.
  FILE* pipe = ::popen(("( " + command + " ) 2>&1 </dev/null").c_str(), "r");
  base::check(pipe != nullptr, "popen failed");
  std::array<char, 4096> buffer;
  for (std::size_t n; out.output.size() < (64u << 20) &&
                      (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.output.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  EXPECT_NE(out.status, 127) << "a program is missing: apt-get install " << package << "\n"
                             << command << "\n"
                             << out.output;
  return out;
}

seal::Draft person_draft(int months, const std::string& name) {
  seal::Draft draft;
  draft.kind = "enrolment-certificate";
  draft.subject = kPerson;
  draft.fields = {{"name", name},
                  {"id_number", "11010519491231002X"},
                  {"personal_number", "4301000012345"},
                  {"region", "江州市"},
                  {"unit", "江州市星河信息技术有限责任公司"},
                  {"period", "2024年12月至2026年11月"},
                  {"issued_for", "本人自用"},
                  {"as_of", "2026-11-24 11:00:00"}};
  const char* kinds[] = {"职工基本养老保险", "失业保险", "工伤保险"};
  for (int i = 0; i < 3; ++i) {
    const auto stem = "insurance." + std::to_string(i + 1) + ".";
    draft.fields.insert(draft.fields.end(), {{stem + "name", kinds[i]},
                                             {stem + "status", "参保缴费"},
                                             {stem + "start", "2019年07月"},
                                             {stem + "months", "88"}});
  }
  for (int i = 0; i < months; ++i) {
    const int month = 11 + i;
    char text[32];
    std::snprintf(text, sizeof text, "%d年%02d月", 2024 + month / 12, month % 12 + 1);
    draft.rows.push_back(
        {text, "江州市星河信息技术有限责任公司", "8500.00", "已到账", "已到账", "—"});
  }
  draft.masked_facts = {{"fact.name", "张*三"}, {"fact.region", "江州市"}};
  draft.facts_json = R"({"kind":"enrolment-certificate","name":"张小三"})";
  return draft;
}

seal::Draft unit_draft(int roster) {
  seal::Draft draft;
  draft.kind = "unit-enrolment-certificate";
  draft.subject = kPerson;
  draft.fields = {{"name", "江州市星河信息技术有限责任公司"},
                  {"id_number", "91430000MA0000001X"},
                  {"unit_number", "430100998877"},
                  {"region", "江州市"},
                  {"period", "2026年11月"},
                  {"issued_for", "投标"},
                  {"as_of", "2026-11-24 11:00:00"},
                  {"headcount", "42"},
                  {"payable", "41"},
                  {"arrears", "无欠费"}};
  int number = 0;
  for (const char* kind : {"职工基本养老保险", "失业保险", "工伤保险"}) {
    const auto stem = "insurance." + std::to_string(++number) + ".";
    draft.fields.insert(draft.fields.end(), {{stem + "name", kind},
                                             {stem + "status", "参保缴费"},
                                             {stem + "start", "2019年07月"},
                                             {stem + "headcount", "42"},
                                             {stem + "arrears", "无欠费"}});
  }
  for (int i = 1; i <= roster; ++i)
    draft.rows.push_back({std::to_string(i), "员工" + std::to_string(i), "110105********002X",
                          "参保缴费", "2019年07月"});
  draft.masked_facts = {{"fact.unit_name", "江州市星河信息技术有限责任公司"}};
  draft.facts_json = "{}";
  return draft;
}

const seal::Templates& templates() {
  static const auto all = seal::Templates::built_in();
  base::check(all.ok(), "the templates do not load");
  return **all;
}

const seal::pdf::Faces& faces() {
  static const seal::pdf::Faces all = [] {
    const auto body = seal::pdf::FontFace::open(kBodyFont);
    const auto title = seal::pdf::FontFace::open(kTitleFont);
    base::check(body.ok() && title.ok(), "no fonts: apt-get install fonts-noto-cjk");
    return seal::pdf::Faces{*body, *title};
  }();
  return all;
}

seal::pdf::Letterhead letterhead() {
  return {Pki::kAgency,
          Pki::kAgencyCode,
          {.text = Pki::kAgency, .caption = "社会保险业务专用章"},
          kAddress};
}

base::Result<seal::pdf::Unsigned> compose(const seal::Draft& draft, std::size_t signature_bytes,
                                          const seal::SealPictureSpec* picture) {
  static std::map<std::pair<std::string, std::size_t>,
                  std::shared_ptr<const seal::pdf::PdfTemplate>>
      made_before;
  std::shared_ptr<const seal::pdf::PdfTemplate> with_another;
  auto& made = picture != nullptr ? with_another : made_before[{draft.kind, signature_bytes}];
  if (!made) {
    auto head = letterhead();
    if (picture != nullptr) head.seal = *picture;
    BASE_TRY(made, seal::pdf::PdfTemplate::create(templates().find(draft.kind)->form, faces(), head,
                                                  signature_bytes));
  }
  return made->compose({.content = {.fields = draft.fields,
                                    .rows = draft.rows,
                                    .document_id = "20261124-7K3M9QZT2W4X",
                                    .code = "7K3M-9QZT-2W4X-ABCD-EFGH",
                                    .date = "2026年11月24日",
                                    .sample = draft.sample},
                        .facts_json = draft.facts_json,
                        .code_address = std::string(kAddress) + "7K3M9QZT2W4XABCDEFGH",
                        .at = base::from_unix_s(Pki::kStart),
                        .file_id = base::Bytes(16, 0x5a)});
}

Sample sealed_sample(const seal::Draft& draft, const hsm::Key& key,
                     const certs::Certificate& certificate, Pki& pki, bool with_stamp) {
  const certs::Certificate chain[] = {pki.certificate("issuing-ca")};
  const auto frame = seal::CmsFrame::create(key.info(), certificate, chain);
  base::check(frame.ok(), "no frame");
  auto document = compose(draft, frame->most_bytes(4608));
  base::check(document.ok(), "cannot compose the sample");
  const auto signature = key.sign(frame->to_sign(document->digest));
  const auto value = frame->signature_value(*signature);
  const auto token = with_stamp ? *pki.timestamps().stamp(base::sha256(value)) : base::Bytes();
  Sample out;
  out.cms = frame->finish(document->digest, value, token);
  base::check(seal::pdf::embed_signature(*document, out.cms), "the signature does not fit");
  out.file = std::move(document->file);
  out.contents_begin = document->contents_begin;
  out.contents_end = document->contents_end;
  return out;
}

}  // namespace test
