// Makes the seed corpus of the fuzz target pdf_judge, and the trust list that it judges by:
//   ninja make_verify_corpus && bin/make_verify_corpus tests/fuzz/corpus/pdf_judge
// Files named genuine-* are genuine at 2026-11-24T04:00:00Z; the target holds that nothing else is.
#include <filesystem>

#include "tests/support/pki.h"
#include "tests/verify/archive_maker.h"
#include "tests/verify/pdf_maker.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const auto write = [&](const std::string& name, const std::string& text) {
    test::write_file((directory / name).string(), text);
  };
  test::Pki pki;
  auto second = pki.issue(certs::Profile::seal, "第二枚印章");
  pki.enlist(second.certificate, "seal");
  test::CmsOptions stamped;
  stamped.stamp = &pki.timestamps();
  const auto seal = test::cms(pki.key("seal-1"), pki.certificate("seal-1"), stamped);
  const auto other = test::cms(second.key, second.certificate, {});
  test::PdfOptions small, tight;
  tight.container_bytes = 1500;
  tight.claimed_time = "D:20261124113000+08'00'";
  small.container_bytes = 3800;

  const auto once = test::sealed_pdf(seal, small);
  write("genuine-stamped", once);
  write("genuine-claimed", test::sealed_pdf(other, tight));
  write("genuine-twice", test::countersigned_pdf(once, other, tight));
  const test::Store store{.certificates = {base::to_bytes(pki.certificate("issuing-ca").der())},
                          .lists = {pki.root_crl(), pki.issuing_crl()}};
  const auto stored = test::with_store(once, store);
  test::DocumentStamp over;
  over.store = "/DSS 40 0 R";
  write("genuine-evidence", stored);
  write("genuine-archived", test::with_document_stamp(stored, pki.timestamps(), over));
  over.rect = "[0 0 595 842]";
  write("changed-shown-stamp", test::with_document_stamp(stored, pki.timestamps(), over));
  write("changed-page", test::append_revision(once, {{4, "<< /Length 0 >>\nstream\n\nendstream"}}));
  write("changed-form", test::append_revision(once, {{1, "<< /Type /Catalog /Pages 2 0 R >>"}}));
  write("unsealed", test::unsealed_pdf());
  const std::string plain = (directory / "unsealed").string();
  test::run("qpdf --object-streams=generate " + plain + " " + (directory / "streams").string());
  test::run("qpdf --linearize " + plain + " " + (directory / "linear").string());
  test::run("qpdf --encrypt a b 256 -- " + plain + " " + (directory / "encrypted").string());
  test::write_file((directory.parent_path().parent_path() / "pdf_judge.jws").string(), pki.jws());
  return 0;
}
