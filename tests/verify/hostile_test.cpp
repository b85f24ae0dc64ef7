// Files made to exhaust whoever reads them. Each goes to xinyin-verify in a process of its own with
// little memory and a deadline far above what it needs. security.md 110, 111.
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>

#include "test_paths.h"
#include "tests/support/pki.h"
#include "tests/verify/pdf_maker.h"

namespace {

std::string deflated(const std::string& plain) {
  uLongf size = compressBound(plain.size());
  std::string out(size, '\0');
  compress2(reinterpret_cast<Bytef*>(out.data()), &size,
            reinterpret_cast<const Bytef*>(plain.data()), plain.size(), 9);
  out.resize(size);
  return out;
}

/// A file whose only cross-reference section is a stream with this dictionary and content.
std::string with_stream(const std::string& dictionary, const std::string& content) {
  std::string pdf = "%PDF-1.7\n";
  const std::size_t at = pdf.size();
  pdf += "1 0 obj\n<< /Type /XRef " + dictionary + " /Length " + std::to_string(content.size()) +
         " /Root 2 0 R >>\nstream\n" + content + "\nendstream\nendobj\nstartxref\n" +
         std::to_string(at) + "\n%%EOF\n";
  return pdf;
}

/// A file whose catalog (object 2) is in a compressed object stream with this content.
std::string with_catalog_in(const std::string& content) {
  std::string pdf = "%PDF-1.7\n";
  const std::size_t stream_at = pdf.size();
  pdf += "3 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length " +
         std::to_string(content.size()) + " >>\nstream\n" + content + "\nendstream\nendobj\n";
  const std::size_t at = pdf.size();
  const auto entry = [](int kind, std::size_t value) {
    return std::string{static_cast<char>(kind), static_cast<char>(value >> 16),
                       static_cast<char>(value >> 8), static_cast<char>(value), '\0'};
  };
  const std::string entries = entry(2, 3) + entry(1, stream_at);
  return pdf + "1 0 obj\n<< /Type /XRef /W [1 3 1] /Index [2 2] /Size 4 /Root 2 0 R /Length " +
         std::to_string(entries.size()) + " >>\nstream\n" + entries +
         "\nendstream\nendobj\nstartxref\n" + std::to_string(at) + "\n%%EOF\n";
}

/// A file of these objects (1 is the catalog), with a classic table.
std::string of_objects(const std::vector<std::string>& bodies, const std::string& trailer = "") {
  std::string pdf = "%PDF-1.7\n", table;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    char line[32];
    std::snprintf(line, sizeof line, "%010zu 00000 n \n", pdf.size());
    table += line;
    pdf += std::to_string(i + 1) + " 0 obj\n" + bodies[i] + "\nendobj\n";
  }
  const std::string at = std::to_string(pdf.size());
  return pdf + "xref\n1 " + std::to_string(bodies.size()) + "\n" + table +
         "trailer\n<< /Root 1 0 R /Size " + std::to_string(bodies.size() + 1) + trailer +
         " >>\nstartxref\n" + at + "\n%%EOF\n";
}

std::string repeated(const std::string& one, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += one;
  return out;
}

class HostileTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { test::Pki().write(directory()); }
  static void TearDownTestSuite() { std::filesystem::remove_all(directory()); }
  static std::filesystem::path directory() {
    return std::filesystem::path(::testing::TempDir()) / ("hostile-" + std::to_string(::getpid()));
  }
  /// What the program says of `pdf`; fails when it dies, or needs more than it may.
  static std::string judged(const std::string& pdf, int expected = 1) {
    const std::string file = (directory() / "hostile.pdf").string();
    test::write_file(file, pdf);
    // Sanitizers reserve more address space than any limit: there the deadline alone holds.
    const std::string memory = kSanitized ? "" : "ulimit -v 400000; ";
    int code = -1;
    const std::string said =
        test::run(memory +
                      "timeout -s KILL 60 " XINYIN_BIN_DIR
                      "/xinyin-verify --json --no-state --at "
                      "2026-11-24T04:00:00Z --trust " +
                      (directory() / "trust-list.jws").string() + " " + file + " 2>&1",
                  &code);
    EXPECT_EQ(code, expected) << said.substr(0, 500);
    return said;
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool kSanitized = true;
#else
  static constexpr bool kSanitized = false;
#endif
};

TEST_F(HostileTest, StreamsThatInflateWithoutEnd) {
  const std::string bomb = deflated(std::string(300 << 20, '\0'));
  judged(with_stream("/W [1 2 1] /Size 10 /Filter /FlateDecode", bomb));
  const std::string good = "2 0 << /Type /Catalog >>";
  EXPECT_NE(judged(with_catalog_in(deflated(good))).find("unsealed"), std::string::npos)
      << "the same file with an honest stream is read";
  judged(with_catalog_in(bomb));
}

TEST_F(HostileTest, NestingWithoutEnd) {
  judged(of_objects({"<< /Type /Catalog /AcroForm " + repeated("[", 2'000'000) + " >>"}));
  judged(of_objects({"<< /Type /Catalog /AcroForm " + repeated("<< /A ", 1'000'000) + " >>"}));
  judged(of_objects({"<< /Type /Catalog /AcroForm " + repeated("(", 5'000'000) + " >>"}));
}

TEST_F(HostileTest, CircularSections) {
  const std::string pdf = of_objects({"<< /Type /Catalog >>"});
  const std::string own = pdf.substr(pdf.rfind("startxref") + 10);
  judged(of_objects({"<< /Type /Catalog >>"}, " /Prev " + own.substr(0, own.find('\n'))));
  judged(of_objects({"<< /Type /Catalog >>"}, " /XRefStm 9"));
  judged(of_objects({"<< /Type /Catalog >>"}, " /Prev -1"));
  judged(of_objects({"<< /Type /Catalog >>"}, " /Prev 999999999999"));
}

TEST_F(HostileTest, CircularFieldsAndReferences) {
  judged(of_objects({"<< /Type /Catalog /AcroForm 1 0 R /Fields [1 0 R 2 0 R] >>",
                     "<< /Kids [2 0 R 3 0 R] >>", "<< /Kids [2 0 R 1 0 R] >>"}));
  judged(of_objects({"2 0 R", "3 0 R", "1 0 R"}));
  std::vector<std::string> chain{"<< /Type /Catalog /AcroForm << /Fields [2 0 R] >> >>"};
  for (int i = 3; i < 50'000; ++i) chain.push_back("<< /Kids [" + std::to_string(i) + " 0 R] >>");
  chain.push_back("<< >>");
  judged(of_objects(chain));
}

TEST_F(HostileTest, MoreOfEverythingThanAnybodyNeeds) {
  judged(with_stream("/W [1 1 1] /Size 999999999999", std::string(3'000'000, '\1')));
  judged(with_stream("/W [0 0 0] /Size 1000000000", ""));
  judged(with_stream("/W [1 1 1] /Size 9 /Index [" + repeated("0 999999 ", 90'000) + "]",
                     std::string(20'000'000, '\1')));
  judged(of_objects({"<< /Type /Catalog /AcroForm [" + repeated("0 ", 10'000'000) + "] >>"}));
  std::string table = of_objects({"<< /Type /Catalog >>"});
  judged(table.replace(table.find("xref\n1 1"), 8, "xref\n1 9999999999"));
  const std::string said =
      judged(of_objects({"<< /Type /Catalog /AcroForm << /Fields [" +
                         repeated("<< /FT /Sig /V << >> >> ", 17) + "] >> >>"}));
  EXPECT_NE(said.find("verify.pdf.too_many_seals"), std::string::npos) << said;
}

TEST_F(HostileTest, ObjectsThatOverlapCostEachTime) {
  // Each of many fields begins a comment that reaches to the end of a long file.
  std::string fields, headers, table;
  std::string pdf = "%PDF-1.7\n";
  std::vector<std::size_t> places;
  const auto add = [&](const std::string& text) {
    places.push_back(pdf.size());
    pdf += text;
  };
  constexpr int kMany = 20'000;
  for (int i = 2; i < kMany; ++i) fields += std::to_string(i) + " 0 R ";
  add("1 0 obj << /Type /Catalog /AcroForm << /Fields [" + fields + "] >> >> endobj\n");
  for (int i = 2; i < kMany; ++i) add(std::to_string(i) + " 0 obj %");
  pdf += std::string(20 << 20, 'x') + "\n<< >> endobj\n";
  const std::size_t at = pdf.size();
  pdf += "xref\n1 " + std::to_string(places.size()) + "\n";
  for (const std::size_t place : places) {
    char line[32];
    std::snprintf(line, sizeof line, "%010zu 00000 n \n", place);
    pdf += line;
  }
  pdf += "trailer\n<< /Root 1 0 R /Size 9 >>\nstartxref\n" + std::to_string(at) + "\n%%EOF\n";
  const std::string said = judged(pdf);
  EXPECT_NE(said.find("verify.pdf.too_complex"), std::string::npos) << said;
}

TEST_F(HostileTest, LengthsThatNeedEachOther) {
  judged(of_objects(
      {"<< /Type /Catalog /AcroForm 2 0 R >>", "<< /Length 2 0 R >>\nstream\n\nendstream"}));
  judged(with_stream("/W [1 2 1] /Size 1 /Length 1 0 R", ""));
}

TEST_F(HostileTest, KeysTwiceAreTwoReadings) {
  judged(
      of_objects({"<< /Type /Catalog /AcroForm << /Fields [] >> /AcroForm << /Fields [2 0 R] "
                  ">> >>",
                  "<< /FT /Sig >>"}));
  judged(of_objects({"<< /Type /Catalog /A#63roForm << /Fields [] >> /AcroForm null >>"}));
}

}  // namespace
