#include "api/upstairs.h"

#include "api/body_trust.h"
#include "api/openid_keys.h"
#include "api/platform_sources.h"
#include "api/proofing_sources.h"
#include "api/public_files.h"
#include "certs/oids.h"
#include "gateways/sms_client.h"
#include "gateways/timestamp_client.h"
#include "seal/foreign_timestamps.h"
#include "seal/local_timestamps.h"
#include "seal/timestamps_in_order.h"

namespace api {
namespace {

constexpr std::size_t kMostKeyFile = 64 * 1024;
constexpr std::size_t kMostRootsFile = 1u << 20;

base::Result<base::Secret> data_key(const Config& config, hsm::Client& signer) {
  BASE_TRY(const auto wrapped, read_file(config.data_key_file, kMostKeyFile));
  BASE_TRY(auto key, signer.unwrap("data-key", base::as_bytes(wrapped)));
  if (key.reveal().size() != 32)
    return base::error(base::Code::internal, "api.data_key", "not 32 bytes");
  return key;
}

/// Where there are no text messages, sending says so.
class NoSms final : public auth::SmsSender {
 public:
  bool offered() const override { return false; }
  base::Result<std::string> send(const auth::TextMessage&) override {
    return base::error(base::Code::unavailable, "auth.sms.away", "sms.url is empty");
  }
};

base::Result<std::shared_ptr<auth::SmsSender>> sms_sender(Services& services) {
  const auto& config = services.config.sms;
  if (config.url.empty()) return std::shared_ptr<auth::SmsSender>(std::make_shared<NoSms>());
  BASE_TRY(auto secret, base::Secret::from_file(config.key_secret_file));
  gateways::SmsClient::Config sms{
      config.url,       config.key_id,
      config.sign_name, {{"code", config.code_template}, {"notice", config.notice_template}},
      config.deadline,  config.roots_file};
  return std::shared_ptr<auth::SmsSender>(std::make_shared<gateways::SmsClient>(
      std::move(sms), std::move(secret), services.clock, services.random));
}

/// auth, and what else no certificate touches.
base::Result<void> build_lasting(Services& services, Lasting& rooms) {
  const auto& config = services.config;
  auto& signer = *services.signer;
  BASE_TRY(const auto key, data_key(config, signer));
  if (config.openid.working_keys) {
    rooms.key_wrapper = std::make_shared<SignerWrapper>(signer);
    rooms.working_keys = std::make_shared<auth::WorkingKeys>(
        auth::WorkingKeys::Config{config.public_url, config.openid.working_key,
                                  config.openid.publish_ahead, config.openid.keep_earlier},
        auth::WorkingKeys::Parts{services.pool, *rooms.key_wrapper, services.clock});
  }
  BASE_TRY(const auto openid, choose_openid_keys(services, rooms.working_keys.get()));
  rooms.cipher = std::make_shared<store::FieldCipher>(key, services.random);
  BASE_TRY(rooms.sms, sms_sender(services));
  auth::PasswordHasher::Config hashing;
  hashing.workers = config.passwords.workers;
  hashing.queue = config.passwords.queue;
  hashing.memory_kib = config.passwords.memory_kib;
  hashing.passes = config.passwords.passes;
  BASE_TRY(rooms.proofing_sources, build_proofing_sources(services));
  BASE_TRY(rooms.platform_sources, build_platform_sources(services));
  join_auth(services, rooms, hashing, openid.keys.signing.front());
  BASE_TRY_VOID(rooms.provider->take_keys(openid.keys));
  rooms.sealing_life = seal::Issuer::new_life(services.clock, services.random);
  rooms.records = std::make_shared<services::Records>(services.pool, *rooms.cipher, services.clock);
  return {};
}

/// Our own authority and those of others, in the configured order.
base::Result<void> build_timestamps(Services& services, Upstairs& rooms) {
  const auto& config = services.config.timestamps;
  std::vector<const seal::TimestampSource*> order;
  rooms.timestamp_sources.push_back(std::make_unique<seal::LocalTimestamps>(*rooms.authority));
  order.push_back(rooms.timestamp_sources.back().get());
  if (!config.foreign_urls.empty()) {
    BASE_TRY(const auto pem, read_file(config.foreign_roots_file, kMostRootsFile));
    BASE_TRY(auto roots, certs::certificates_from_pem(pem));
    std::vector<std::unique_ptr<certs::TimestampServer>> servers;
    for (const auto& url : config.foreign_urls)
      servers.push_back(std::make_unique<gateways::TimestampClient>(url, config.foreign_deadline));
    rooms.timestamp_sources.push_back(std::make_unique<seal::ForeignTimestamps>(
        std::move(servers), certs::ForeignAuthorities{std::move(roots), config.foreign_policies},
        services.clock, services.random));
    order.push_back(rooms.timestamp_sources.back().get());
    if (config.foreign_first) std::swap(order[0], order[1]);
  }
  rooms.timestamps = std::make_unique<seal::TimestampsInOrder>(std::move(order));
  return {};
}

/// The seal that is configured by its number; else, of those that the key is for, the one that is
/// in use, or was last.
base::Result<std::optional<seal::Seal>> registered_seal(Services& services) {
  const auto& config = services.config;
  seal::Seals seals({services.pool, services.clock, services.random});
  if (!config.seal_number.empty()) return seals.find(config.seal_number);
  BASE_TRY(auto all, seals.all());
  std::optional<seal::Seal> out;
  const auto rank = [](const seal::Seal& one) {
    return std::pair(one.state == seal::SealState::active, one.since);
  };
  for (auto& one : all)
    if (one.spec.pdf_key == config.signer.seal_key && one.made_at &&
        (!out || rank(*out) < rank(one)))
      out = std::move(one);
  return out;
}

/// What it seals OFD with. Without its key or certificate PDF still leaves, and OFD is refused by
/// name: a missing key of the one format must not stop the other. Errors: unavailable, when the
/// signer is away.
base::Result<std::optional<seal::NationalSeal>> national_seal(
    Services& services, const std::optional<seal::Seal>& registered) {
  std::optional<seal::NationalSeal> none;
  if (!registered || registered->spec.ofd_key.empty() || registered->object.empty()) return none;
  auto key = services.signer->key(registered->spec.ofd_key);
  if (!key.ok() && key.error().code == base::Code::unavailable) return std::move(key).error();
  const auto certificate = certificate_of(services.config, registered->spec.ofd_key);
  if (!key.ok() || !certificate.ok()) return none;
  return std::optional(seal::NationalSeal{std::move(*key), *certificate, registered->object});
}

}  // namespace

void join_auth(Services& services, Lasting& rooms, const auth::PasswordHasher::Config& hashing,
               std::shared_ptr<const hsm::Key> openid_key) {
  const auto& config = services.config;
  auto& pool = services.pool;
  const auto& clock = services.clock;
  auto& random = services.random;
  const auto& cipher = *rooms.cipher;
  rooms.hasher = std::make_shared<auth::PasswordHasher>(hashing, random);
  rooms.accounts = std::make_shared<auth::Accounts>(
      auth::Accounts::Parts{pool, cipher, *rooms.hasher, clock, random});
  rooms.sessions = std::make_shared<auth::Sessions>(pool, clock, random, auth::Sessions::Config{});
  rooms.notices = std::make_shared<auth::Notices>(auth::Notices::Parts{pool, cipher, clock});
  rooms.otps = std::make_shared<auth::Otps>(
      auth::Otps::Parts{pool, cipher, *rooms.sms, clock, random, config.sms.codes});
  rooms.own_codes = std::make_shared<auth::OwnCodes>(
      auth::OwnCodes::Parts{pool, cipher, *rooms.notices, clock, random, config.agency.name});
  rooms.phone_factor = std::make_shared<auth::PhoneFactor>(auth::PhoneFactor::Parts{
      pool, cipher, *rooms.otps, *rooms.notices, clock, random, config.sms.cool_off});
  rooms.sign_in = std::make_shared<auth::SignIn>(
      auth::SignIn::Parts{pool, cipher, *rooms.sessions, *rooms.notices, clock, random});
  if (auth::Passkeys::possible_at(config.public_url))
    rooms.passkeys = std::make_shared<auth::Passkeys>(
        auth::Passkeys::Parts{pool, cipher, clock, random, *rooms.notices,
                              auth::Passkeys::party_of(config.public_url, config.agency.name)});
  rooms.body_trust = std::make_shared<FollowedBodyTrust>(services.body_trust);
  rooms.certificates = std::make_shared<auth::Certificates>(
      auth::Certificates::Parts{pool, cipher, clock, random, *rooms.accounts, *rooms.notices,
                                *rooms.body_trust, config.public_url});
  rooms.agreements = std::make_shared<auth::Agreements>(pool, clock);
  rooms.own_account =
      std::make_shared<auth::OwnAccount>(auth::OwnAccount::Parts{pool, cipher, clock});
  if (!rooms.proofing_sources) rooms.proofing_sources = std::make_shared<ProofingSources>();
  rooms.proofings = build_proofings(services, rooms);
  rooms.registration = std::make_shared<auth::Registration>(auth::Registration::Parts{
      pool, cipher, *rooms.accounts, *rooms.agreements, clock, random, {}, rooms.proofings.get()});
  rooms.mandates = std::make_shared<auth::Mandates>(auth::Mandates::Parts{
      services.pool, *rooms.cipher, *rooms.accounts, services.clock, services.random});
  rooms.card_login = std::make_shared<auth::CardLogin>(auth::CardLogin::Parts{
      pool, cipher, *rooms.accounts, rooms.proofing_sources->social_card.get(), clock, random});
  rooms.cancellation = std::make_shared<auth::Cancellation>(
      auth::Cancellation::Parts{pool, *rooms.notices, clock, config.cancel_wait});
  auth::Provider::Config provider;
  provider.issuer = config.public_url;
  provider.code_life = config.openid.code;
  provider.access_token_life = config.openid.access_token;
  provider.id_token_life = config.openid.id_token;
  provider.refresh_token_life = config.openid.refresh_token;
  provider.refresh_family_life = config.openid.refresh_family;
  provider.refresh_grace = config.openid.refresh_grace;
  provider.pushed_life = config.openid.pushed;
  provider.dpop_nonce_needed = config.openid.dpop_nonce_needed;
  provider.mtls_url = config.http.mtls_url;
  provider.provable_person = rooms.proofings->reachable(auth::SubjectKind::person);
  provider.provable_unit = rooms.proofings->reachable(auth::SubjectKind::unit);
  rooms.provider = std::make_shared<auth::Provider>(
      provider, auth::Provider::Parts{pool, *rooms.accounts, std::move(openid_key), clock, random});
  if (!rooms.platform_sources) rooms.platform_sources = std::make_shared<PlatformSources>();
  rooms.platforms = build_platforms(services, rooms);
}

base::Result<ChosenKeys> choose_keys(Services& services) {
  const auto& labels = services.config.signer;
  BASE_TRY(auto seal, choose_key(services, labels.seal_key, certs::ChainPurpose::seal));
  BASE_TRY(auto timestamp,
           choose_key(services, labels.timestamp_key, certs::ChainPurpose::timestamp));
  BASE_TRY(auto issuing, certificate_of(services.config, "issuing"));
  BASE_TRY(auto registered, registered_seal(services));
  BASE_TRY(auto national, national_seal(services, registered));
  return ChosenKeys{std::move(seal), std::move(timestamp), std::move(issuing),
                    std::move(registered), std::move(national)};
}

base::Result<std::shared_ptr<Upstairs>> build_upstairs(Services& services, ChosenKeys keys,
                                                       const Upstairs* before) {
  const auto& config = services.config;
  auto rooms = std::make_shared<Upstairs>();
  if (before != nullptr) {
    static_cast<Lasting&>(*rooms) = *before;
  } else {
    BASE_TRY_VOID(build_lasting(services, *rooms));
  }
  rooms->in_use = keys.digests();

  // seal: the only way a formal document leaves.
  rooms->authority_key = keys.timestamp.certificate.public_key_sha256();
  rooms->authority = std::make_unique<certs::TimestampAuthority>(
      keys.timestamp.key, keys.timestamp.certificate, std::vector{keys.issuing},
      certs::TimestampAuthority::Config{.policy_oid = certs::oid::kTimestampPolicy}, services.clock,
      services.random, services.clock_guard);
  BASE_TRY_VOID(build_timestamps(services, *rooms));
  seal::Issuer::SealConfig seal{
      .id = seal::SealId(keys.registered ? keys.registered->spec.id : ""),
      .agency = config.agency.name,
      .agency_code = config.agency.code,
      .picture = keys.registered ? keys.registered->spec.picture
                                 : seal::SealPictureSpec{.text = config.agency.name,
                                                         .caption = config.agency.caption},
      .key = keys.seal.key,
      .certificate = keys.seal.certificate,
      .chain = {keys.issuing},
      .pdf_level = config.pdf_seals.level,
      .append_evidence = config.pdf_seals.append_evidence,
      .national = std::move(keys.national)};
  BASE_TRY(rooms->remote_sealing,
           seal::RemoteSealing::create(
               {services.pool, services.clock, services.random, *rooms->timestamps},
               seal.id.value(), seal.key, seal.certificate, seal.chain));
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
                            .font_file = config.font_file.string(),
                            .life = rooms->sealing_life};
  BASE_TRY(rooms->issuer, seal::Issuer::create(std::move(parts), std::move(seal)));
  rooms->augmenter = std::make_unique<seal::Augmenter>(seal::Augmenter::Parts{
      [&services] { return services.verifier.get(); }, *rooms->timestamps, services.clock});
  rooms->archive = std::make_unique<seal::Archive>(
      seal::Archive::Parts{services.pool, *rooms->cipher, services.clock, *rooms->augmenter,
                           config.pdf_seals.archive_ahead});
  return rooms;
}

base::Result<std::shared_ptr<const certs::OcspResponder>> build_responder(Services& services) {
  BASE_TRY(const auto chosen,
           choose_key(services, services.config.signer.ocsp_key, certs::ChainPurpose::any));
  BASE_TRY(const auto issuing, certificate_of(services.config, "issuing"));
  BASE_TRY(auto responder, certs::OcspResponder::create(chosen.key, chosen.certificate, issuing));
  return std::make_shared<const certs::OcspResponder>(std::move(responder));
}

}  // namespace api
