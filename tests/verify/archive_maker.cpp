#include "tests/verify/archive_maker.h"

namespace test {
namespace {

std::string stream(base::BytesView data) {
  return "<< /Length " + std::to_string(data.size()) + " >>\nstream\n" +
         std::string(base::as_text(data)) + "\nendstream";
}

std::string catalog(const std::string& fields, const std::string& more) {
  return "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R " + fields +
         "] /SigFlags 3 >>" + more + " >>";
}

}  // namespace

std::string with_store(std::string pdf, const Store& store) {
  auto objects = store.objects;
  int number = 41;
  const auto array = [&](const std::vector<base::Bytes>& all) {
    std::string out = "[";
    for (const auto& one : all) {
      out += std::to_string(number) + " 0 R ";
      objects.emplace(number++, stream(one));
    }
    return out + "]";
  };
  const auto certificates = array(store.certificates), lists = array(store.lists);
  objects.emplace(40,
                  "<< /Type /DSS /Certs " + certificates + " /CRLs " + lists + store.more + " >>");
  objects.emplace(1, catalog("", " /DSS 40 0 R" + store.in_catalog));
  return append_revision(std::move(pdf), objects, "1 0 R", 120);
}

std::string with_document_stamp(std::string pdf, const certs::TimestampAuthority& authority,
                                const DocumentStamp& stamp) {
  const auto field = std::to_string(stamp.field) + " 0 R";
  const auto value = std::to_string(stamp.field + 1) + " 0 R";
  auto objects = stamp.objects;
  objects.emplace(1,
                  catalog(stamp.other_fields + field,
                          (stamp.store.empty() ? "" : " " + stamp.store) + stamp.more_in_catalog));
  objects.emplace(
      3,
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << "
      "/F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> /Annots [6 0 R " +
          stamp.other_fields + field + "] >>");
  objects.emplace(stamp.field, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (stamp" +
                                   std::to_string(stamp.field) + ") /V " + value +
                                   " /F 132 /Rect " + stamp.rect + " /P 3 0 R" + stamp.in_field +
                                   " >>");
  objects.emplace(stamp.field + 1,
                  "<< /Type /" + stamp.type + " /Filter /Adobe.PPKLite /SubFilter /" +
                      stamp.sub_filter +
                      " /ByteRange [0 ********** ********** **********] /Contents <" +
                      std::string(9000, '0') + "> >>");
  pdf = append_revision(std::move(pdf), objects, "1 0 R", 120);
  return fill_signature(std::move(pdf), [&](base::BytesView content) {
    const auto digest = base::sha256(content);
    return *authority.stamp(stamp.of_other ? base::sha256(digest) : digest);
  });
}

}  // namespace test
