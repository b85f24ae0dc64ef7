// PDFs and CMS containers for tests, made apart from the room that judges and the room that seals.
//
//   auto pdf = test::SealedPdf().sign(signer);     // a one-page PDF with one signature
//   pdf = test::append_revision(pdf, {{4, "<< … >>"}});   // an incremental update
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "certs/certificate.h"
#include "certs/timestamp.h"
#include "hsm/key.h"

namespace test {

/// Makes a detached container over the bytes given.
using CmsMaker = std::function<base::Bytes(base::BytesView)>;

struct CmsOptions {
  const certs::TimestampAuthority* stamp = nullptr;
  std::vector<certs::Certificate> along;  ///< besides the signer's own
  bool signing_certificate = true;
  bool message_digest = true;
  bool content_type = true;
  bool twice = false;                        ///< the signer info is there twice
  bool unordered = false;                    ///< signed attributes not in DER order
  bool own_certificate = true;               ///< the signer's certificate is sent along
  bool foreign_signing_certificate = false;  ///< signing-certificate-v2 names another certificate
  bool wrong_stamp = false;                  ///< stamps something else
  bool unknown_unsigned = false;             ///< one more unsigned attribute
  std::string digest_oid = "2.16.840.1.101.3.4.2.1";
};
CmsMaker cms(std::shared_ptr<const hsm::Key> key, const certs::Certificate& certificate,
             const CmsOptions& options = {});
/// By the openssl program: a key of its own in `directory`, certified by `certify`.
CmsMaker openssl_cms(const std::string& directory, const std::string& key_kind,
                     const std::function<certs::Certificate(base::BytesView spki)>& certify,
                     const std::vector<certs::Certificate>& along);

struct PdfOptions {
  std::string claimed_time = "D:20261124105900+08'00'";
  std::string code = "1B20-8H44-RM2M-B1E6-0S57";
  std::string sub_filter = "ETSI.CAdES.detached";
  std::size_t container_bytes = 5200;
  bool upper_case = false;
  std::string extra_catalog;
  std::string more_annotations;  ///< of the page, put there by countersigned_pdf
};

/// Objects: 1 catalog, 2 pages, 3 page, 4 content, 5 information, 6 field, 7 signature.
std::string unsealed_pdf(const PdfOptions& options = {});
std::string sealed_pdf(const CmsMaker& maker, const PdfOptions& options = {});
/// Appends a revision with one more signature (field and value are new objects).
std::string countersigned_pdf(std::string pdf, const CmsMaker& maker,
                              const PdfOptions& options = {});
/// An incremental update: objects as "<< … >>" or whole bodies; `free` numbers are freed.
std::string append_revision(std::string pdf, const std::map<int, std::string>& objects,
                            const std::string& root = "1 0 R", int size = 100);
/// Fills in the last placeholder of /ByteRange and /Contents.
std::string fill_signature(std::string pdf, const CmsMaker& maker, bool upper_case = false);

std::string run(const std::string& command, int* status = nullptr);
void write_file(const std::string& path, std::string_view text);
std::string read_file(const std::string& path);

}  // namespace test
