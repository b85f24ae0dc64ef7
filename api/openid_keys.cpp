#include "api/openid_keys.h"

#include <algorithm>

#include "api/key_choice.h"
#include "certs/chain.h"

namespace api {
namespace {

struct Family {
  std::vector<TokenKeyLife> lives;
  std::vector<certs::Certificate> certificates;
};

/// Those that the trust list trusts now (or would, were its revocation lists new enough).
base::Result<Family> family_of(Services& services, const std::string& label) {
  const auto verifier = services.verifier.get();
  if (!verifier) return base::error(base::Code::unavailable, "api.no_trust_list", "no trust list");
  const auto stem = label.substr(0, label.size() - 1);
  const auto now = services.clock.now();
  Family out;
  for (const int number : numbers_of(services.config.pki_directory, stem)) {
    const auto one = stem + std::to_string(number);
    auto certificate = certificate_of(services.config, one);
    if (!certificate.ok()) continue;
    const auto chain =
        certs::validate(*certificate, {}, verifier->trust(), certs::ChainPurpose::openid, now);
    if (chain.answer != certs::ChainAnswer::trusted && chain.answer != certs::ChainAnswer::unsure)
      continue;
    out.lives.push_back({one, certificate->not_before(), certs::key_use_ends(*certificate)});
    out.certificates.push_back(std::move(*certificate));
  }
  return out;
}

base::Error no_key(const std::string& label, const char* why) {
  auto failure = base::error(base::Code::not_found, "api.no_key", label + ": " + why);
  failure.args = {{"label", label}, {"why", why}};
  return failure;
}

/// Adds the family's keys to `out`.
base::Result<void> add_family(Services& services, const std::string& label, OpenidKeys& out) {
  BASE_TRY(const auto family, family_of(services, label));
  const auto& config = services.config.openid;
  const auto turns =
      key_turns(family.lives, services.clock.now(), config.publish_ahead, config.keep_earlier);
  if (turns.signs >= family.lives.size()) return no_key(label, "none may sign now");
  for (const auto i : turns.published) {
    out.names += (out.names.empty() ? "" : ", ") + family.lives[i].label;
    if (i != turns.signs) {
      out.keys.beside.push_back(family.certificates[i].public_key());
      continue;
    }
    BASE_TRY(auto key, services.signer->key(family.lives[i].label));
    if (key->info().public_key != family.certificates[i].public_key())
      return no_key(family.lives[i].label, "its certificate is of another key");
    out.names += " (signs)";
    out.keys.signing.push_back(std::move(key));
  }
  return {};
}

base::Result<void> add_label(Services& services, const std::string& label, OpenidKeys& out) {
  if (label.ends_with('*')) return add_family(services, label, out);
  BASE_TRY(auto key, services.signer->key(label));
  out.names += (out.names.empty() ? "" : ", ") + label + " (signs)";
  out.keys.signing.push_back(std::move(key));
  return {};
}

}  // namespace

KeyTurns key_turns(const std::vector<TokenKeyLife>& lives, base::Time now,
                   std::chrono::seconds publish_ahead, std::chrono::seconds keep_earlier) {
  const auto signs_from = [&](std::size_t i) { return lives[i].begins + publish_ahead; };
  KeyTurns out;
  out.signs = lives.size();
  for (std::size_t i = 0; i < lives.size() && out.signs == lives.size(); ++i)
    if (signs_from(i) <= now && now <= lives[i].ends) out.signs = i;
  // All are new: the oldest signs, nobody holds tokens of another.
  for (std::size_t i = lives.size(); i-- > 0 && out.signs == lives.size();)
    if (now <= lives[i].ends) out.signs = i;
  if (out.signs == lives.size()) return out;
  for (std::size_t i = 0; i < lives.size(); ++i) {
    if (i > out.signs) {  // an earlier one: it stopped when the next higher one began to sign
      const auto stopped = std::min(lives[i].ends, signs_from(i - 1));
      if (now >= stopped + keep_earlier) continue;
    }
    out.published.push_back(i);
  }
  return out;
}

base::Result<OpenidKeys> choose_openid_keys(Services& services, auth::WorkingKeys* working) {
  const auto& labels = services.config.signer;
  OpenidKeys out;
  BASE_TRY_VOID(add_label(services, labels.openid_key, out));
  for (const auto* label : {&labels.openid_rs256_key, &labels.openid_eddsa_key}) {
    if (label->empty()) continue;
    const auto added = add_label(services, *label, out);
    // A family that nobody made yet is no trouble, a key that is named and not there is.
    if (!added.ok() && (added.error().key != "api.no_key" || !label->ends_with('*')))
      return added.error();
  }
  if (working == nullptr) return out;
  // They sign without the token, but not after it: it must be there now.
  BASE_TRY(const auto health, services.signer->health());
  if (!health.token_up)
    return base::error(base::Code::unavailable, "hsm.unavailable", health.reason);
  BASE_TRY(auto turn, working->put_into(out.keys));
  out.names += "; working keys " + turn.names;
  out.refused = std::move(turn.refused);
  return out;
}

}  // namespace api
