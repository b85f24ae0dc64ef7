// Certificates and revocation lists as uploads bring them: read, asked everything, judged, linted.
#include "certs/certificate.h"
#include "base/check.h"
#include "certs/chain.h"
#include "certs/crl.h"
#include "certs/der.h"
#include "certs/lint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView octets(data, size);
  const bool strict = certs::der::is_strict(octets);
  if (const auto certificate = certs::Certificate::from_der(octets)) {
    base::check(strict, "a certificate that is not strict DER was taken");
    const auto again = certs::Certificate::from_pem(certificate->pem());
    base::check(again && again->sha256() == certificate->sha256(), "PEM changed a certificate");
    (void)certificate->subject();
    (void)certificate->common_name();
    (void)certificate->organization();
    (void)certificate->serial_hex();
    (void)certs::lint(*certificate);
    certs::TrustList list;
    list.roots = {*certificate};
    const std::vector<certs::Certificate> extra{*certificate, *certificate};
    for (const auto purpose :
         {certs::ChainPurpose::any, certs::ChainPurpose::seal, certs::ChainPurpose::timestamp}) {
      const auto status =
          certs::validate(*certificate, extra, list, purpose, certificate->not_before());
      base::check(
          purpose == certs::ChainPurpose::any || status.answer != certs::ChainAnswer::trusted,
          "an unlisted certificate is trusted");
    }
  }
  if (const auto crl = certs::Crl::from_der(octets)) {
    base::check(strict, "a revocation list that is not strict DER was taken");
    (void)crl->issuer();
    (void)certs::lint(*crl);
  }
  return 0;
}
