// Laws of reading OFD packages, before any seal is looked at: one reading of a ZIP file, XML
// without tricks, every file that is reached. What seals cover: tests/seal/ofd_test.cpp.
#include "verify/ofd/package.h"

#include <gtest/gtest.h>

#include "tests/verify/zip_maker.h"
#include "verify/verifier.h"

namespace {

using test::zip;
using test::zip_of;
using test::ZipEntry;
using verify::Outcome;
using verify::ofd::Package;
using verify::ofd::Part;
using verify::ofd::Zip;

std::string zip_key(const std::string& file, const verify::ofd::ZipLimits& limits = {}) {
  const auto read = Zip::read(base::as_bytes(file), limits);
  return read ? "" : read.error().key;
}

std::string field(std::uint16_t id, const std::string& content) {
  std::string out{static_cast<char>(id), static_cast<char>(id >> 8),
                  static_cast<char>(content.size()), 0};
  return out + content;
}

TEST(OfdZipTest, WhatOthersWriteIsRead) {
  const std::string text(5000, 'x');
  const auto file =
      zip({{.name = "Doc_0/", .content = "", .deflate = false},
           {.name = "Doc_0/a.xml", .content = text},
           {.name = "Doc_0/b.xml", .content = text, .descriptor = true},
           {.name = "Doc_0/图.png", .content = "png", .deflate = false},
           {.name = "c", .content = "", .extra = field(0x5455, "12345")},
           {.name = "e", .content = text, .local_flags_flip = 0x0800, .large_in_local = true},
           {.name = "d", .content = "d", .flags = 0, .made_by = 0x031e, .attributes = 0x81a40000}});
  const auto read = Zip::read(base::as_bytes(file));
  ASSERT_TRUE(read.ok()) << read.error().key << ' ' << read.error().detail;
  EXPECT_EQ(read->entries().size(), 6u);
  EXPECT_EQ(base::as_text(*read->find("e")), text);
  EXPECT_EQ(*read->spelled("DOC_0/a.XML"), "Doc_0/a.xml");
  EXPECT_EQ(read->spelled("Doc_0"), nullptr);
  EXPECT_EQ(base::as_text(*read->find("Doc_0/b.xml")), text);
  EXPECT_EQ(base::as_text(*read->find("Doc_0/图.png")), "png");
  EXPECT_EQ(read->find("Doc_0/"), nullptr);
  EXPECT_EQ(read->find("doc_0/a.xml"), nullptr);
}

TEST(OfdZipTest, EachTrickIsRefusedForItsReason) {
  const ZipEntry a{.name = "a", .content = "aaaa"}, b{.name = "b", .content = "bbbb"};
  const auto with = [&](auto change) {
    ZipEntry out = b;
    change(out);
    return zip({a, out});
  };
  const auto named = [&](const std::string& name) {
    return with([&](ZipEntry& e) { e.name = name; });
  };
  auto far = zip({a, b});
  far[far.rfind("PK\1\2") + 45] = 5;
  const std::vector<std::tuple<std::string, std::string, std::string>> table{
      {"not a ZIP file", "hello", "zip_none"},
      {"octets behind the end", zip({a, b}, {.behind = "x"}), "zip_none"},
      {"a comment", zip({a, b}, {.comment = "hidden"}), "zip_none"},
      {"a comment that is not there", zip({a, b}).replace(zip({a, b}).size() - 2, 1, "\1"),
       "zip_none"},
      {"cut off", zip({a, b}).substr(0, 60), "zip_none"},
      {"octets before the first file", with([](ZipEntry& e) { e.before = "x"; }), "zip_gap"},
      {"octets before all files", zip({{.name = "a", .content = "aaaa", .before = "MZ"}, b}),
       "zip_gap"},
      {"a file before all", "MZ" + zip({a, b}), "zip_gap"},
      {"a gap before the directory", zip({a, b}, {.before_directory = "gap"}), "zip_gap"},
      {"a gap behind the directory", zip({a, b}, {.behind_directory = "gap"}), "zip_gap"},
      {"a file that the directory hides", with([](ZipEntry& e) { e.listed = false; }), "zip_gap"},
      {"an entry beyond the file", far, "zip_gap"},
      {"the directory cut short", zip({a, b}, {.count = 1}), "zip_gap"},
      {"more entries than there are", zip({a, b}, {.count = 3}), "zip_structure"},
      {"another name in the file", with([](ZipEntry& e) { e.local_name = "c"; }), "zip_mismatch"},
      {"another CRC in the file", with([](ZipEntry& e) { e.local_crc_flip = 1; }), "zip_mismatch"},
      {"a wrong CRC", with([](ZipEntry& e) { e.crc_flip = 1; }), "zip_damaged"},
      {"longer than it says", with([](ZipEntry& e) { e.claimed_size = 3; }), "zip_damaged"},
      {"shorter than it says", with([](ZipEntry& e) { e.claimed_size = 5; }), "zip_damaged"},
      {"two sizes of a stored file",
       with([](ZipEntry& e) { e.deflate = false, e.claimed_size = 5; }), "zip_structure"},
      {"the same name twice", zip({a, a}), "zip_duplicate"},
      {"the same name in capitals", named("A"), "zip_duplicate"},
      {"the same name in another normal form", named("\xEF\xBD\x81"), "zip_duplicate"},
      {"a file as another's folder", named("a/b"), "zip_duplicate"},
      {"a file and a folder of one name", named("A/"), "zip_structure"},
      {"the parent folder", named("../b"), "zip_name"},
      {"the parent folder within", named("Doc_0/../OFD.xml"), "zip_name"},
      {"a dot", named("./b"), "zip_name"},
      {"an absolute path", named("/b"), "zip_name"},
      {"a drive", named("C:b"), "zip_name"},
      {"a backslash", named("Doc_0\\b"), "zip_name"},
      {"two slashes", named("Doc_0//b"), "zip_name"},
      {"no name", named(""), "zip_name"},
      {"a nought in the name", named(std::string("b\0c", 3)), "zip_name"},
      {"a dot at the end", named("b."), "zip_name"},
      {"a name that is not UTF-8", named("\xff\xfe"), "zip_name"},
      {"encrypted", with([](ZipEntry& e) { e.flags = 1; }), "zip_encrypted"},
      {"strongly encrypted headers", with([](ZipEntry& e) { e.flags = 1 << 13; }),
       "zip_unsupported"},
      {"another method", with([](ZipEntry& e) { e.method = 12; }), "zip_unsupported"},
      {"a link", with([](ZipEntry& e) { e.made_by = 0x031e, e.attributes = 0xa1ff0000; }),
       "zip_unsupported"},
      {"another name in Unicode", with([](ZipEntry& e) { e.extra = field(0x7075, "12345c"); }),
       "zip_unsupported"},
      {"ZIP64 sizes", with([](ZipEntry& e) { e.extra = field(1, "12345678"); }), "zip_unsupported"},
      {"other sizes behind the name",
       with([](ZipEntry& e) { e.large_in_local = true, e.large_lie = 1; }), "zip_mismatch"},
      {"another flag in the file", with([](ZipEntry& e) { e.local_flags_flip = 2; }),
       "zip_mismatch"},
      {"another reading of the name",
       with([](ZipEntry& e) { e.name = "图", e.local_flags_flip = 0x0800; }), "zip_mismatch"},
      {"a torn extra field", with([](ZipEntry& e) { e.extra = "123"; }), "zip_unsupported"},
      {"a bomb", with([](ZipEntry& e) { e.content = std::string(8 << 20, '\0'); }), "zip_bomb"},
      {"a bomb by its word", with([](ZipEntry& e) { e.claimed_size = 0xf0000000; }), "zip_bomb"},
  };
  for (const auto& [what, file, key] : table) EXPECT_EQ(zip_key(file), "verify.ofd." + key) << what;
  std::vector<ZipEntry> many;
  for (int i = 0; i < 11; ++i) many.push_back({.name = std::to_string(i), .content = "x"});
  EXPECT_EQ(zip_key(zip(many), {.entries = 10}), "verify.ofd.zip_too_many");
  EXPECT_EQ(zip_key(zip(many), {.unpacked = 10}), "verify.ofd.zip_bomb");
}

TEST(OfdZipTest, NoPrefixAndNoFlipIsReadAsTheSame) {
  const auto good = zip({{.name = "a.xml", .content = "<a>some text</a>"},
                         {.name = "b.xml", .content = "another", .descriptor = true}});
  const auto entries = Zip::read(base::as_bytes(good))->entries();
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_NE(zip_key(good.substr(0, size)), "") << size;
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bent = good;
    bent[at] = static_cast<char>(bent[at] ^ 4);
    const auto read = Zip::read(base::as_bytes(bent));
    // Dates, versions and attributes are nobody's business; what is read is what was there.
    if (read.ok()) {
      for (const auto& [name, content] : read->entries()) {
        (void)name;
        EXPECT_TRUE(content == entries.at("a.xml") || content == entries.at("b.xml")) << at;
      }
    }
  }
}

std::string xml(const std::string& root, const std::string& inner,
                const std::string& attributes = "") {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:" + root +
         " xmlns:ofd=\"http://www.ofdspec.org/2016\" " + attributes + ">" + inner +
         "</ofd:" + root + ">";
}

std::string xml_key(const std::string& text) {
  verify::ofd::XmlBudget budget;
  const auto read = verify::ofd::parse_xml(base::as_bytes(text), budget);
  return read ? "" : read.error().key;
}

TEST(OfdXmlTest, ATreeOfWhatIsOfOfd) {
  verify::ofd::XmlBudget budget;
  const auto read = verify::ofd::parse_xml(
      base::as_bytes("\xEF\xBB\xBF" +
                     xml("A",
                         "<ofd:B x=\"1\"> 甲&amp;<![CDATA[<乙>]]>\n</ofd:B><C xmlns=\"urn:other\">"
                         "<ofd:B>hidden</ofd:B></C><B/><ofd:B/>")),
      budget);
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(read->name, "A");
  ASSERT_EQ(read->children.size(), 2u);
  EXPECT_EQ(read->child_text("B"), "甲&<乙>");
  EXPECT_EQ(read->child("B")->attribute("x"), "1");
  EXPECT_EQ(read->child("B")->attribute("y"), "");
  EXPECT_EQ(read->child("C"), nullptr);
}

TEST(OfdXmlTest, EachTrickIsRefusedForItsReason) {
  std::string deep, many = "<ofd:B", wide;
  for (int i = 0; i < 70; ++i) deep = "<ofd:B>" + deep + "</ofd:B>";
  for (int i = 0; i < 65; ++i) many += " a" + std::to_string(i) + "=\"\"";
  for (int i = 0; i < 410'000; ++i) wide += "<ofd:B/>";
  std::string attributes, fifty;
  for (int i = 0; i < 50; ++i) fifty += " a" + std::to_string(i) + "=\"\"";
  for (int i = 0; i < 10'000; ++i) attributes += "<ofd:B" + fifty + "/>";
  const std::string bomb =
      "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
      "\"&a;&a;&a;&a;&a;\">"
      "<!ENTITY c \"&b;&b;&b;&b;&b;\">]><ofd:A "
      "xmlns:ofd=\"http://www.ofdspec.org/2016\">&c;</ofd:A>";
  const std::string outside =
      "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><ofd:A "
      "xmlns:ofd=\"http://www.ofdspec.org/2016\"/>";
  auto latin = xml("A", "\xE9");
  latin.replace(latin.find("UTF-8"), 5, "ISO-8859-1");
  const std::vector<std::tuple<std::string, std::string, std::string>> table{
      {"entities that multiply", bomb, "xml_doctype"},
      {"an entity from elsewhere", outside, "xml_doctype"},
      {"an unknown entity", xml("A", "&x;"), "xml_malformed"},
      {"another encoding", latin, "xml_encoding"},
      {"UTF-16", std::string("\xff\xfe<\0A\0/\0>\0", 10), "xml_encoding"},
      {"UTF-16 without its mark", std::string("<\0A\0/\0>\0", 8), "xml_encoding"},
      {"not UTF-8", xml("A", "\xff"), "xml_encoding"},
      {"not well formed", xml("A", "<ofd:B>"), "xml_malformed"},
      {"two roots", xml("A", "") + xml("B", "").substr(39), "xml_malformed"},
      {"an attribute twice", xml("A", "<ofd:B x=\"1\" x=\"2\"/>"), "xml_malformed"},
      {"nothing", "", "xml_malformed"},
      {"another namespace", "<A xmlns=\"urn:other\"/>", "xml_namespace"},
      {"no namespace", "<A/>", "xml_namespace"},
      {"too deep", xml("A", deep), "xml_too_complex"},
      {"too many attributes", xml("A", many + "/>"), "xml_too_complex"},
      {"too many elements", xml("A", wide), "xml_too_complex"},
      {"too many attributes in all", xml("A", attributes), "xml_too_complex"},
  };
  for (const auto& [what, text, key] : table) EXPECT_EQ(xml_key(text), "verify.ofd." + key) << what;
}

TEST(OfdPackageTest, PathsHaveOneReading) {
  using verify::ofd::resolve;
  EXPECT_EQ(resolve("Doc_0/Document.xml", "Pages/Page_0/Content.xml"),
            "Doc_0/Pages/Page_0/Content.xml");
  EXPECT_EQ(resolve("Doc_0/Document.xml", "/OFD.xml"), "OFD.xml");
  EXPECT_EQ(resolve("Doc_0/Signs/Sign_0/Signature.xml", "../../../OFD.xml"), "OFD.xml");
  EXPECT_EQ(resolve("OFD.xml", "./Doc_0/Document.xml"), "Doc_0/Document.xml");
  for (const auto* bad : {"", "/", "..", "../x", "Doc_0//x", "a\\b", "file:x", "a/../../b", "a/",
                          "http://x/y", "x\n", "x?y", "x#y"})
    EXPECT_EQ(resolve("OFD.xml", bad), std::nullopt) << bad;
}

/// A package of one page with everything a file can be reached by.
std::map<std::string, std::string> package() {
  return {
      {"OFD.xml",
       xml("OFD",
           "<ofd:DocBody><ofd:DocInfo><ofd:Cover>Doc_0/Res/cover.png</ofd:Cover>"
           "<ofd:CustomDatas><ofd:CustomData Name=\"XinyinCode\">1B20-8H44-RM2M-B1E6-0S57"
           "</ofd:CustomData></ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml"
           "</ofd:DocRoot></ofd:DocBody>")},
      {"Doc_0/Document.xml",
       xml("Document",
           "<ofd:CommonData><ofd:PublicRes>PublicRes.xml</ofd:PublicRes><ofd:TemplatePage ID=\"9\" "
           "BaseLoc=\"Tpls/T.xml\"/></ofd:CommonData><ofd:Pages><ofd:Page ID=\"1\" "
           "BaseLoc=\"Pages/P.xml\"/></ofd:Pages><ofd:Annotations>Annots.xml</ofd:Annotations>"
           "<ofd:CustomTags>Tags/Tags.xml</ofd:CustomTags><ofd:Attachments>Attachs/A.xml"
           "</ofd:Attachments><ofd:Extensions>Ext.xml</ofd:Extensions>")},
      {"Doc_0/PublicRes.xml",
       xml("Res",
           "<ofd:ColorSpaces><ofd:ColorSpace ID=\"2\" Profile=\"rgb.icc\"/></ofd:ColorSpaces>"
           "<ofd:Fonts><ofd:Font ID=\"3\"><ofd:FontFile>f.otf</ofd:FontFile></ofd:Font></ofd:Fonts>"
           "<ofd:MultiMedias><ofd:MultiMedia ID=\"4\"><ofd:MediaFile>p.png</ofd:MediaFile>"
           "</ofd:MultiMedia></ofd:MultiMedias>",
           "BaseLoc=\"Res\"")},
      {"Doc_0/Tpls/T.xml", xml("Page", "")},
      {"Doc_0/Pages/P.xml", xml("Page", "<ofd:PageRes>PageRes.xml</ofd:PageRes>")},
      {"Doc_0/Pages/PageRes.xml",
       xml("Res",
           "<ofd:MultiMedias><ofd:MultiMedia ID=\"5\"><ofd:MediaFile>q.png</ofd:MediaFile>"
           "</ofd:MultiMedia></ofd:MultiMedias>",
           "BaseLoc=\".\"")},
      {"Doc_0/Annots.xml",
       xml("Annotations",
           "<ofd:Page PageID=\"1\"><ofd:FileLoc>Annot.xml</ofd:FileLoc></ofd:Page>")},
      {"Doc_0/Tags/Tags.xml",
       xml("CustomTags",
           "<ofd:CustomTag TypeID=\"x\"><ofd:SchemaLoc>http://x/y.xsd</ofd:SchemaLoc>"
           "<ofd:FileLoc>Tag.xml</ofd:FileLoc></ofd:CustomTag>")},
      {"Doc_0/Attachs/A.xml", xml("Attachments",
                                  "<ofd:Attachment ID=\"6\"><ofd:FileLoc>facts.json</ofd:FileLoc>"
                                  "</ofd:Attachment>")},
      {"Doc_0/Ext.xml",
       xml("Extensions",
           "<ofd:Extension><ofd:ExtendData>Ext.dat</ofd:ExtendData></ofd:Extension>")},
  };
}

std::string package_key(const std::map<std::string, std::string>& files) {
  const auto open = Package::open(base::as_bytes(zip_of(files)));
  return open ? "" : open.error().key;
}

TEST(OfdPackageTest, EverythingThatIsReachedIsListed) {
  const auto file = zip_of(package());
  const auto open = Package::open(base::as_bytes(file));
  ASSERT_TRUE(open.ok()) << open.error().key << ' ' << open.error().detail;
  const std::map<std::string, Part, std::less<>> expected{
      {"OFD.xml", Part::root},
      {"Doc_0/Document.xml", Part::document},
      {"Doc_0/PublicRes.xml", Part::resource},
      {"Doc_0/Tpls/T.xml", Part::template_page},
      {"Doc_0/Pages/P.xml", Part::page},
      {"Doc_0/Pages/PageRes.xml", Part::resource},
      {"Doc_0/Annots.xml", Part::annotations},
      {"Doc_0/Annot.xml", Part::page_annotations},
      {"Doc_0/Tags/Tags.xml", Part::custom_tags},
      {"Doc_0/Tags/Tag.xml", Part::custom_tag},
      {"Doc_0/Attachs/A.xml", Part::attachments},
      {"Doc_0/Attachs/facts.json", Part::attachment},
      {"Doc_0/Ext.xml", Part::extensions},
      {"Doc_0/Ext.dat", Part::extension},
      {"Doc_0/Res/cover.png", Part::media},
      {"Doc_0/Res/f.otf", Part::media},
      {"Doc_0/Res/p.png", Part::media},
      {"Doc_0/Res/rgb.icc", Part::media},
      {"Doc_0/Pages/q.png", Part::media},
  };
  EXPECT_EQ(open->reached(), expected);
  EXPECT_EQ(open->pages(), std::vector<std::string>{"1"});
  EXPECT_EQ(open->custom_data("XinyinCode"), "1B20-8H44-RM2M-B1E6-0S57");
}

TEST(OfdPackageTest, WhatMakersGetWrongIsRead) {
  auto files = package();
  files.erase("Doc_0/Attachs/A.xml");  // named, but not there
  auto& document = files["Doc_0/Document.xml"];
  document.replace(document.find("Tpls/T.xml"), 10, "TPLS/T.xml");
  const auto file = zip_of(files);
  const auto open = Package::open(base::as_bytes(file));
  ASSERT_TRUE(open.ok()) << open.error().key << ' ' << open.error().detail;
  EXPECT_EQ(open->reached().at("Doc_0/Tpls/T.xml"), Part::template_page);
}

TEST(OfdPackageTest, WhatCannotBeReadOneWayIsRefused) {
  const auto with = [](const std::string& file, const std::string& from, const std::string& to) {
    auto files = package();
    auto& text = files.at(file);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return files;
  };
  const auto without = [](const std::string& file) {
    auto files = package();
    files.erase(file);
    return files;
  };
  auto encrypted = package();
  encrypted["Encryptions.xml"] = "x";
  const std::vector<std::tuple<std::string, std::map<std::string, std::string>, std::string>> table{
      {"no OFD.xml", without("OFD.xml"), "no_root"},
      {"no page", without("Doc_0/Pages/P.xml"), "missing"},
      {"no document", without("Doc_0/Document.xml"), "missing"},
      {"out of the package", with("OFD.xml", "Doc_0/Document.xml", "../Document.xml"), "path"},
      {"a page elsewhere", with("Doc_0/Document.xml", "Pages/P.xml", "http://x/P.xml"), "path"},
      {"a page that is a template", with("Doc_0/Document.xml", "Tpls/T.xml", "Pages/P.xml"),
       "structure"},
      {"a page that is a document", with("Doc_0/Document.xml", "Pages/P.xml", "Document.xml"),
       "structure"},
      {"a page without a number", with("Doc_0/Document.xml", "<ofd:Page ID=\"1\"", "<ofd:Page"),
       "structure"},
      {"two pages of one number",
       with("Doc_0/Document.xml", "</ofd:Pages>",
            "<ofd:Page ID=\"1\" BaseLoc=\"Pages/P.xml\"/></ofd:Pages>"),
       "structure"},
      {"no document", with("OFD.xml", "ofd:DocBody>", "ofd:Body>"), "xml_malformed"},
      {"encrypted", encrypted, "encrypted"},
  };
  for (const auto& [what, files, key] : table)
    EXPECT_EQ(package_key(files), "verify.ofd." + key) << what;
}

TEST(OfdVerifierTest, APackageWithoutSealsIsUnsealedAndOneThatLostThemAltered) {
  const verify::Verifier verifier(certs::TrustList{});
  const auto judge = [&](const std::string& file) {
    return verifier.judge(base::as_bytes(file), base::from_unix_s(1'795'489'200));
  };
  const auto plain = judge(zip_of(package()));
  EXPECT_EQ(plain.kind, verify::FileKind::ofd);
  EXPECT_EQ(plain.outcome, Outcome::unsealed);
  EXPECT_EQ(plain.document_code, "1B20-8H44-RM2M-B1E6-0S57");
  auto files = package();
  files["Doc_0/Signs/Sign_0/SignedValue.dat"] = "x";
  const auto lost = judge(zip_of(files));
  EXPECT_EQ(lost.outcome, Outcome::altered);
  EXPECT_EQ(lost.reasons, std::vector<std::string>{"verify.ofd.loose_seal"});
  const auto other = judge(zip_of({{"word/document.xml", "<x/>"}}));
  EXPECT_EQ(other.outcome, Outcome::malformed);
  EXPECT_EQ(other.reasons, std::vector<std::string>{"verify.ofd.no_root"});
}

}  // namespace
