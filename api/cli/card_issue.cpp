#include "api/cli/card_issue.h"

#include "certs/certificate.h"
#include "certs/der.h"
#include "certs/oids.h"
#include "certs/profiles.h"
#include "certs/tbs.h"

namespace cli {
namespace {

namespace der = certs::der;

constexpr std::chrono::days kCertificateLife{2 * 365};
constexpr const char* kOfficerUse = XINYIN_OID_ARC ".2.5";  ///< EKU: officers' approvals
constexpr std::size_t kSerialBytes = 16;

/// C, serialNumber (the person id) and CN. RFC 5280 §4.1.2.4.
base::Bytes name_of(const CardPerson& person) {
  const auto attribute = [](const char* oid, const base::Bytes& text) {
    return der::set({der::sequence({der::oid(oid), text})});
  };
  return der::sequence({attribute("2.5.4.6", der::printable("CN")),
                        attribute("2.5.4.5", der::printable(person.id)),
                        attribute("2.5.4.3", der::utf8(person.name))});
}

/// A certificate of the key that signs, signed by that key, and read back.
base::Result<certs::Certificate> certify_self(Context& context, const hsm::Card& card,
                                              const CardPerson& person) {
  const auto now = std::chrono::floor<std::chrono::seconds>(context.clock().now());
  auto serial = context.random().bytes(kSerialBytes);
  serial.front() =
      static_cast<std::uint8_t>((serial.front() & 0x7f) | 0x40);  // positive, full length
  const auto algorithm = hsm::Algorithm::ecdsa_p256;
  const std::uint8_t usage[] = {certs::kDigitalSignature | certs::kNonRepudiation};
  certs::TbsCertificate tbs;
  tbs.version = der::value(0xA0, der::integer(2));
  tbs.serial = der::integer(serial);
  tbs.algorithm = certs::signature_algorithm(algorithm);
  tbs.subject = name_of(person);
  tbs.issuer = tbs.subject;
  tbs.validity = der::sequence({der::time(now), der::time(now + kCertificateLife)});
  tbs.public_key = card.public_key();
  tbs.extensions = {
      certs::extension("2.5.29.15", true, der::bits(usage, 6)),
      certs::extension("2.5.29.37", false, der::sequence({der::oid(kOfficerUse)})),
      certs::extension("2.5.29.14", false, der::octets(certs::key_identifier(card.public_key())))};
  const auto encoded = tbs.encode();
  BASE_TRY(const auto signature, card.sign(encoded));
  return certs::Certificate::from_der(certs::assemble(encoded, algorithm, signature));
}

}  // namespace

base::Result<std::unique_ptr<hsm::Card>> issue_card(Context& context, const CardFile& file,
                                                    hsm::NewCard card, const CardPerson& person) {
  BASE_TRY_VOID(hsm::make_card(card, context.random()));
  hsm::CardConfig config{file.module, file.label, file.serial, std::move(card.pin), true};
  BASE_TRY(auto made, hsm::Card::open(std::move(config), context.random()));
  BASE_TRY(const auto certificate, certify_self(context, *made, person));
  BASE_TRY_VOID(made->store_certificate(certificate.der()));
  return made;
}

}  // namespace cli
