#include "tests/seal/ses_house.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>

#include "base/encoding.h"
#include "certs/der.h"
#include "certs/signature.h"

namespace test {
namespace {

namespace der = certs::der;
using base::Bytes;
using base::BytesView;
using certs::Profile;
using std::chrono::days;

template <class T>
T must(base::Result<T> result, const char* what) {
  if (!result) {
    std::fprintf(stderr, "test::SesHouse: %s: %s (%s)\n", what, result.error().key.c_str(),
                 result.error().detail.c_str());
    std::abort();
  }
  return std::move(result).value();
}

Bytes ia5(std::string_view text) {
  return der::value(0x16, base::as_bytes(text));
}

Bytes time_of(base::Time at, bool old) {
  auto value = der::generalized_time(at, false);
  if (!old) return value;
  value.erase(value.begin() + 2, value.begin() + 4);  // UTCTime: two digits of year
  value[0] = 0x17;
  value[1] = 13;
  return value;
}

}  // namespace

SesSign sm2(std::shared_ptr<const hsm::Key> key, std::string user_id) {
  return [key = std::move(key), user_id = std::move(user_id)](BytesView message) {
    const auto z = base::sm2_z(BytesView(key->info().public_key).last(64), user_id);
    const auto e = base::Sm3().update(z).update(message).finish();
    return certs::ecdsa_to_der(must(key->sign(e), "SM2 signature"));
  };
}

Bytes RawSeal::info() const {
  return der::sequence(
      {der::sequence({mark, version, vendor}), id,
       der::sequence({type, name, list_type, list, created, valid_from, valid_until}),
       der::sequence({picture_type, picture, width, height}), extensions});
}

Bytes RawSeal::encode() const {
  const auto its_info = info();
  auto value = signature;
  if (value.empty())
    value = der::bits(sign(old ? der::sequence({its_info, certificate, algorithm}) : its_info));
  if (old) return der::sequence({its_info, der::sequence({certificate, algorithm, value})});
  return der::sequence({its_info, certificate, algorithm, value, token});
}

Bytes RawSignature::to_sign() const {
  if (old) return der::sequence({version, seal, time, data_hash, property, certificate, algorithm});
  return der::sequence({version, seal, time, data_hash, property, extensions});
}

Bytes RawSignature::encode() const {
  const auto tbs = to_sign();
  const auto value = signature.empty() ? der::bits(sign(tbs)) : signature;
  if (old) return der::sequence({tbs, value});
  return der::sequence({tbs, certificate, algorithm, value, token});
}

SesHouse::SesHouse() {
  const auto key = [](const char* label, hsm::Purpose purpose) {
    return SoftKey::make(label, hsm::Algorithm::sm2, purpose);
  };
  root_key = key("root-ca-sm2", hsm::Purpose::root_ca);
  issuing_key = key("issuing-ca-sm2", hsm::Purpose::issuing_ca);
  maker_key = key("seal-maker-1", hsm::Purpose::seal_maker);
  sealer_key = key("seal-sm2-1", hsm::Purpose::seal);
  static base::SystemRandom random;
  auto& clock = pki.clock();
  clock.set(pki.start() - days(30));
  certs::Authority self(root_key, std::nullopt, clock, random);
  root_certificate = std::make_unique<certs::Certificate>(
      must(self.issue(Profile::root_ca, {"测试国密根证书", Pki::kAgency, "", "CN"},
                      root_key->info().public_key),
           "SM2 root"));
  root = std::make_unique<certs::Authority>(root_key, *root_certificate, clock, random);
  issuing_certificate = std::make_unique<certs::Certificate>(
      must(root->issue(Profile::issuing_ca, {"测试国密签发机构", Pki::kAgency, "", "CN"},
                       issuing_key->info().public_key),
           "SM2 issuing authority"));
  issuing = std::make_unique<certs::Authority>(issuing_key, *issuing_certificate, clock, random);
  clock.set(pki.start());
  maker = std::make_unique<certs::Certificate>(
      issue(Profile::seal_maker, "测试制章", maker_key->info().public_key));
  sealer = std::make_unique<certs::Certificate>(
      issue(Profile::seal, "测试国密电子印章", sealer_key->info().public_key));
  enlist(*maker, "seal_maker");
  enlist(*sealer, "seal");
}

certs::Certificate SesHouse::issue(Profile profile, const std::string& name, BytesView public_key) {
  const auto now = pki.clock().now();
  pki.clock().set(pki.start() - days(20));
  auto out = must(issuing->issue(profile, pki.agency(name), public_key), "certificate");
  pki.clock().set(now);
  return out;
}

void SesHouse::enlist(const certs::Certificate& certificate, const std::string& purpose) {
  entries.push_back({purpose, Pki::kAgency, Pki::kAgencyCode, certificate, certificate.not_before(),
                     std::nullopt});
}

void SesHouse::revoke(const certs::Certificate& certificate, base::Time at, int reason) {
  revoked.push_back({certificate.serial_hex(), at, reason});
}

std::string SesHouse::signed_trust() {
  pki.publish();
  auto list = pki.list();
  list.roots.push_back(*root_certificate);
  list.intermediates.push_back(*issuing_certificate);
  list.crls.push_back(must(root->crl(1, {}, list.next_update), "SM2 root's list"));
  list.crls.push_back(must(issuing->crl(1, revoked, list.next_update), "SM2 list"));
  list.entries.insert(list.entries.end(), entries.begin(), entries.end());
  return must(pki.root().sign_trust_list(list), "trust list");
}

certs::TrustList SesHouse::trust() {
  return must(certs::TrustList::parse(signed_trust(), pki.certificate("root-ca").sha256()),
              "trust list read");
}

seal::SealDraft SesHouse::draft(verify::ses::Version version, bool by_digest) {
  seal::SealDraft out;
  out.version = version;
  out.id = "36010000000001";
  out.type = 1;
  out.name = "江州市社会保险事业管理中心";
  out.by_digest = by_digest;
  out.sealers = {*sealer};
  out.created = out.valid_from = pki.start() - days(10);
  out.valid_until = pki.start() + days(700);
  out.picture_type = "png";
  out.picture = png();
  out.width_mm = out.height_mm = 42;
  return out;
}

RawSeal SesHouse::raw_seal(int version, bool by_digest) {
  RawSeal out;
  out.old = version == 1;
  out.mark = ia5("ES");
  out.version = der::integer(version);
  out.vendor = ia5("TEST");
  out.id = ia5("36010000000002");
  out.type = der::integer(1);
  out.name = der::utf8("江州市测试印章");
  if (!out.old) out.list_type = der::integer(by_digest ? 2 : 1);
  out.list = by_digest ? der::sequence({der::sequence(
                             {der::printable("SM3"), der::octets(base::sm3(sealer->der()))})})
                       : der::sequence({der::octets(sealer->der())});
  out.created = out.valid_from = time_of(pki.start() - days(10), out.old);
  out.valid_until = time_of(pki.start() + days(700), out.old);
  out.picture_type = ia5("PNG");
  out.picture = der::octets(png());
  out.width = out.height = der::integer(42);
  out.certificate = der::octets(maker->der());
  out.algorithm = der::oid(verify::ses::kSm2WithSm3);
  out.sign = sm2(maker_key);
  return out;
}

RawSignature SesHouse::raw_signature(int version, Bytes seal) {
  RawSignature out;
  out.old = version == 1;
  out.version = der::integer(version);
  out.seal = std::move(seal);
  const auto at = time_of(now() - std::chrono::hours(1), out.old);
  out.time = out.old ? der::bits(at) : at;
  out.data_hash = der::bits(digest());
  out.property = ia5(kPlace);
  out.certificate = der::octets(sealer->der());
  out.algorithm = der::oid(verify::ses::kSm2WithSm3);
  out.sign = sm2(sealer_key);
  return out;
}

verify::SealReport SesHouse::judge(BytesView signature, base::Time at) {
  const auto hash = digest();
  return verify::ses::judge_signature(signature, {hash, kPlace, verify::ses::kSm2WithSm3, {}},
                                      trust(), at);
}

Bytes ses_token(const certs::TimestampAuthority& authority, BytesView signature) {
  return der::value(0xA0, der::bits(must(authority.stamp(base::sha256(signature)), "token")));
}

Bytes png() {
  // One white pixel.
  return *base::from_base64(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVQI12P4DwABAQEAG7buVgAAAABJRU5ErkJggg="
      "=");
}

SesRan ses_run(const std::filesystem::path& directory, const std::string& command) {
  SesRan ran;
  FILE* pipe = ::popen(("exec 2>&1; cd '" + directory.string() + "' && " + command).c_str(), "r");
  base::check(pipe != nullptr, "popen failed");
  char block[4096];
  for (std::size_t got; (got = std::fread(block, 1, sizeof block, pipe)) > 0;)
    ran.output.append(block, got);
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (ran.status == 127)
    ADD_FAILURE() << ran.output << "\nmend it with: apt-get install -y openssl python3-asn1crypto";
  return ran;
}

}  // namespace test
