#include "api/upstairs.h"

#include "api/public_files.h"
#include "seal/local_timestamps.h"

namespace api {
namespace {

constexpr std::size_t kMostKeyFile = 64 * 1024;
constexpr const char* kTimestampPolicy = "1.3.6.1.4.1.59999.1.1";

base::Result<certs::Certificate> certificate_of(const Config& config, const std::string& label) {
  BASE_TRY(const auto pem, read_file(config.pki_directory / (label + ".pem"), kMostKeyFile));
  return certs::Certificate::from_pem(pem);
}

base::Result<base::Secret> data_key(const Config& config, hsm::Client& signer) {
  BASE_TRY(const auto wrapped, read_file(config.data_key_file, kMostKeyFile));
  BASE_TRY(auto key, signer.unwrap("data-key", base::as_bytes(wrapped)));
  if (key.reveal().size() != 32)
    return base::error(base::Code::internal, "api.data_key", "not 32 bytes");
  return key;
}

}  // namespace

base::Result<std::shared_ptr<Upstairs>> build_upstairs(Services& services) {
  const auto& config = services.config;
  auto& signer = *services.signer;
  if (!services.verifier.get())
    return base::error(base::Code::unavailable, "api.no_trust_list", "no trust list");

  // Keys, and the certificates that say what they are for.
  BASE_TRY(const auto key, data_key(config, signer));
  BASE_TRY(const auto openid_key, signer.key(config.signer.openid_key));
  BASE_TRY(const auto seal_key, signer.key(config.signer.seal_key));
  BASE_TRY(const auto timestamp_key, signer.key(config.signer.timestamp_key));
  BASE_TRY(const auto issuing, certificate_of(config, "issuing"));
  BASE_TRY(const auto seal_certificate, certificate_of(config, config.signer.seal_key));
  BASE_TRY(const auto timestamp_certificate, certificate_of(config, config.signer.timestamp_key));

  auto rooms = std::make_shared<Upstairs>();
  rooms->cipher = std::make_unique<store::FieldCipher>(key, services.random);

  // auth: who is acting.
  auth::PasswordHasher::Config hashing;
  hashing.workers = config.passwords.workers;
  hashing.queue = config.passwords.queue;
  hashing.memory_kib = config.passwords.memory_kib;
  hashing.passes = config.passwords.passes;
  rooms->hasher = std::make_unique<auth::PasswordHasher>(hashing, services.random);
  rooms->accounts = std::make_unique<auth::Accounts>(auth::Accounts::Parts{
      services.pool, *rooms->cipher, *rooms->hasher, services.clock, services.random});
  rooms->sessions = std::make_unique<auth::Sessions>(services.pool, services.clock, services.random,
                                                     auth::Sessions::Config{});
  auth::Provider::Config provider;
  provider.issuer = config.public_url;
  rooms->provider = std::make_unique<auth::Provider>(
      provider, auth::Provider::Parts{services.pool, *rooms->accounts, openid_key, services.clock,
                                      services.random});

  // seal: the only way a formal document leaves.
  rooms->authority = std::make_unique<certs::TimestampAuthority>(
      timestamp_key, timestamp_certificate, std::vector{issuing},
      certs::TimestampAuthority::Config{.policy_oid = kTimestampPolicy}, services.clock,
      services.random);
  rooms->timestamps = std::make_unique<seal::LocalTimestamps>(*rooms->authority);
  seal::Issuer::SealConfig seal{.id = seal::SealId(config.signer.seal_key),
                                .agency = config.agency.name,
                                .agency_code = config.agency.code,
                                .caption = config.agency.caption,
                                .key = seal_key,
                                .certificate = seal_certificate,
                                .chain = {issuing}};
  seal::Issuer::Parts parts{.pool = services.pool,
                            .documents = services.documents,
                            .verifier = [&services] { return services.verifier.get(); },
                            .timestamps = *rooms->timestamps,
                            .code_pepper = services.code_pepper,
                            .cipher = *rooms->cipher,
                            .clock = services.clock,
                            .random = services.random,
                            .instance = config.instance,
                            .verify_address = config.public_url + "/v/",
                            .font_file = config.font_file.string()};
  BASE_TRY(rooms->issuer, seal::Issuer::create(std::move(parts), std::move(seal)));

  // services: facts worth sealing.
  rooms->enrolments = std::make_unique<services::Enrolments>(services.pool, services.clock);
  return rooms;
}

}  // namespace api
