#include "tests/verify/pdf_maker.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/signature.h"

namespace test {
namespace {

namespace der = certs::der;
using base::Bytes;
using base::BytesView;

constexpr const char* kData = "1.2.840.113549.1.7.1";
constexpr const char* kSignedData = "1.2.840.113549.1.7.2";

/// The n-th value inside a DER sequence, with its header.
Bytes child(BytesView sequence, int index) {
  const auto header = [](BytesView in, std::size_t& size) {
    std::size_t at = 2;
    size = in[1];
    if (size >= 0x80) {
      const std::size_t count = size & 0x7F;
      size = 0;
      for (std::size_t i = 0; i < count; ++i) size = size << 8 | in[at++];
    }
    return at;
  };
  std::size_t size = 0;
  BytesView inside = sequence.subspan(header(sequence, size));
  for (;; --index) {
    const std::size_t start = header(inside, size);
    if (index == 0) return base::to_bytes(inside.first(start + size));
    inside = inside.subspan(start + size);
  }
}

Bytes attribute(const char* oid, const Bytes& value) {
  return der::sequence({der::oid(oid), der::set({value})});
}

std::string xref_and_trailer(const std::map<int, std::size_t>& offsets, const std::string& trailer,
                             std::size_t at, bool whole) {
  std::ostringstream out;
  out << "xref\n";
  if (whole) {
    out << "0 " << offsets.size() + 1 << "\n0000000000 65535 f \n";
    for (const auto& [number, offset] : offsets) {
      char line[32];
      std::snprintf(line, sizeof line, "%010zu 00000 n \n", offset);
      out << line;
    }
  } else {
    for (const auto& [number, offset] : offsets) {
      char line[48];
      std::snprintf(line, sizeof line, "%d 1\n%010zu 00000 n \n", number, offset);
      out << line;
    }
  }
  out << "trailer\n" << trailer << "\nstartxref\n" << at << "\n%%EOF\n";
  return out.str();
}

std::string signature_dictionary(const PdfOptions& options) {
  return "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /" + options.sub_filter + " /M (" +
         options.claimed_time + ") /ByteRange [0 ********** ********** **********] /Contents <" +
         std::string(options.container_bytes * 2, '0') + "> >>";
}

std::string base_pdf(const PdfOptions& options, bool sealed) {
  const std::string form = sealed ? " /AcroForm << /Fields [6 0 R] /SigFlags 3 >>" : std::string();
  const std::string content = "BT /F1 12 Tf 72 720 Td (Enrolment certificate) Tj ET";
  std::map<int, std::string> objects{
      {1, "<< /Type /Catalog /Pages 2 0 R" + form + options.extra_catalog + " >>"},
      {2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"},
      {3, std::string("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
                      "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont "
                      "/Helvetica >> >> >>") +
              (sealed ? " /Annots [6 0 R]" : "") + " >>"},
      {4,
       "<< /Length " + std::to_string(content.size()) + " >>\nstream\n" + content + "\nendstream"},
      {5, "<< /Title (Test) /XinyinCode (" + options.code + ") >>"}};
  if (sealed) {
    objects[6] =
        "<< /Type /Annot /Subtype /Widget /FT /Sig /T (seal) /V 7 0 R /F 132 /Rect [0 0 0 0] /P 3 "
        "0 R >>";
    objects[7] = signature_dictionary(options);
  }
  std::string pdf = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
  std::map<int, std::size_t> offsets;
  for (const auto& [number, body] : objects) {
    offsets[number] = pdf.size();
    pdf += std::to_string(number) + " 0 obj\n" + body + "\nendobj\n";
  }
  const std::string trailer = "<< /Size " + std::to_string(objects.size() + 1) +
                              " /Root 1 0 R /Info 5 0 R /ID [<00112233445566778899aabbccddeeff> "
                              "<00112233445566778899aabbccddeeff>] >>";
  return pdf + xref_and_trailer(offsets, trailer, pdf.size(), true);
}

}  // namespace

CmsMaker cms(std::shared_ptr<const hsm::Key> key, const certs::Certificate& certificate,
             const CmsOptions& options) {
  return [=](BytesView content) {
    const BytesView der_certificate = certificate.der();
    const Bytes tbs = child(der_certificate, 0);
    const Bytes serial = child(tbs, 1), issuer = child(tbs, 3);
    const Bytes sha256 = der::sequence({der::oid(options.digest_oid)});
    base::Digest named = certificate.sha256();
    if (options.foreign_signing_certificate) named[0] ^= 1;
    std::vector<Bytes> attributes;
    if (options.content_type)
      attributes.push_back(attribute("1.2.840.113549.1.9.3", der::oid(kData)));
    if (options.message_digest)
      attributes.push_back(attribute("1.2.840.113549.1.9.4", der::octets(base::sha256(content))));
    if (options.signing_certificate)
      attributes.push_back(
          attribute("1.2.840.113549.1.9.16.2.47",
                    der::sequence({der::sequence({der::sequence(
                        {der::octets(named),
                         der::sequence({der::sequence({der::value(0xA4, issuer)}), serial})})})})));
    std::sort(attributes.begin(), attributes.end());
    if (options.unordered) std::reverse(attributes.begin(), attributes.end());
    Bytes all;
    for (const Bytes& one : attributes) base::append(all, one);
    auto raw = key->sign(base::sha256(der::value(0x31, all)));
    if (!raw) return Bytes{};
    const bool ecdsa = key->info().algorithm == hsm::Algorithm::ecdsa_p256;
    const Bytes signature = ecdsa ? certs::ecdsa_to_der(*raw) : *raw;
    const Bytes method = ecdsa ? der::sequence({der::oid("1.2.840.10045.4.3.2")})
                               : der::sequence({der::oid("1.2.840.113549.1.1.11"), der::null()});
    Bytes extra;
    if (options.stamp != nullptr) {
      auto token = options.stamp->stamp(
          base::sha256(options.wrong_stamp ? BytesView(method) : BytesView(signature)));
      base::append(extra, attribute("1.2.840.113549.1.9.16.2.14", *token));
    }
    if (options.unknown_unsigned)
      base::append(extra, attribute("1.2.840.113549.1.9.16.2.24", der::octets(serial)));
    if (!extra.empty()) extra = der::value(0xA1, extra);
    const Bytes info =
        der::sequence({der::integer(1), der::sequence({issuer, serial}), sha256,
                       der::value(0xA0, all), method, der::octets(signature), extra});
    Bytes certificates;
    if (options.own_certificate) base::append(certificates, der_certificate);
    for (const auto& one : options.along) base::append(certificates, one.der());
    const Bytes infos = options.twice ? der::value(0x31, {info, info}) : der::value(0x31, info);
    const Bytes signed_data =
        der::sequence({der::integer(1), der::set({sha256}), der::sequence({der::oid(kData)}),
                       der::value(0xA0, certificates), infos});
    return der::sequence({der::oid(kSignedData), der::value(0xA0, signed_data)});
  };
}

CmsMaker openssl_cms(const std::string& directory, const std::string& key_kind,
                     const std::function<certs::Certificate(BytesView spki)>& certify,
                     const std::vector<certs::Certificate>& along) {
  const std::string at = directory + "/";
  run("openssl genpkey " + key_kind + " -out " + at + "key.pem 2>&1 && openssl pkey -in " + at +
      "key.pem -pubout -outform DER -out " + at + "spki.der");
  const auto certificate = certify(base::as_bytes(read_file(at + "spki.der")));
  write_file(at + "cert.pem", certificate.pem());
  std::string chain;
  for (const auto& one : along) chain += one.pem();
  write_file(at + "along.pem", chain);
  return [at](BytesView content) {
    write_file(at + "content", base::as_text(content));
    run("openssl cms -sign -binary -cades -nosmimecap -md sha256 -in " + at + "content -signer " +
        at + "cert.pem -inkey " + at + "key.pem -certfile " + at + "along.pem -outform DER -out " +
        at + "cms.der 2>&1");
    return base::to_bytes(base::as_bytes(read_file(at + "cms.der")));
  };
}

std::string unsealed_pdf(const PdfOptions& options) {
  return base_pdf(options, false);
}

std::string sealed_pdf(const CmsMaker& maker, const PdfOptions& options) {
  return fill_signature(base_pdf(options, true), maker, options.upper_case);
}

std::string fill_signature(std::string pdf, const CmsMaker& maker, bool upper_case) {
  const std::string placeholder = "[0 ********** ********** **********]";
  const std::size_t range = pdf.rfind(placeholder);
  const std::size_t open = pdf.find("/Contents <", range) + 10;
  const std::size_t close = pdf.find('>', open);
  std::ostringstream text;
  text << "[0 " << open << ' ' << close + 1 << ' ' << pdf.size() - close - 1;
  std::string filled = text.str();
  filled.resize(placeholder.size() - 1, ' ');
  pdf.replace(range, placeholder.size(), filled + "]");
  const std::string content = pdf.substr(0, open) + pdf.substr(close + 1);
  std::string hex = base::to_hex(maker(base::as_bytes(content)));
  if (upper_case)
    std::transform(hex.begin(), hex.end(), hex.begin(), [](char c) { return std::toupper(c); });
  if (hex.size() > close - open - 1) {
    std::fprintf(stderr, "the container takes %zu octets\n", hex.size() / 2);
    std::abort();
  }
  pdf.replace(open + 1, hex.size(), hex);
  return pdf;
}

std::string append_revision(std::string pdf, const std::map<int, std::string>& objects,
                            const std::string& root, int size) {
  const std::size_t from = pdf.rfind("startxref") + 10;
  const std::string previous = pdf.substr(from, pdf.find('\n', from) - from);
  std::map<int, std::size_t> offsets;
  for (const auto& [number, body] : objects) {
    offsets[number] = pdf.size();
    pdf += std::to_string(number) + " 0 obj\n" + body + "\nendobj\n";
  }
  const std::string trailer = "<< /Size " + std::to_string(size) + " /Root " + root +
                              " /Info 5 0 R /Prev " + previous + " >>";
  return pdf + xref_and_trailer(offsets, trailer, pdf.size(), false);
}

std::string countersigned_pdf(std::string pdf, const CmsMaker& maker, const PdfOptions& options) {
  pdf = append_revision(
      std::move(pdf),
      {{1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R 8 0 R] /SigFlags 3 >> >>"},
       {3, std::string(
               "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources "
               "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> "
               "/Annots [6 0 R 8 0 R") +
               options.more_annotations + "] >>"},
       {8,
        "<< /Type /Annot /Subtype /Widget /FT /Sig /T (second) /V 9 0 R /F 132 /Rect [0 0 0 0] /P "
        "3 0 R >>"},
       {9, signature_dictionary(options)}},
      "1 0 R", 10);
  return fill_signature(std::move(pdf), maker, options.upper_case);
}

std::string run(const std::string& command, int* status) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t got; pipe != nullptr && (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    out.append(buffer, got);
  const int ended = pipe != nullptr ? pclose(pipe) : -1;
  if (status != nullptr) *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  return out;
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace test
