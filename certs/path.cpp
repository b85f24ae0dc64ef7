#include "certs/path.h"

#include <algorithm>

#include "certs/memo.h"
#include "certs/openssl.h"
#include "certs/path_form.h"

namespace certs {
namespace {

bool looks_issued_by(const Certificate& subject, const Certificate& issuer) {
  const int answer = X509_check_issued(raw(issuer), raw(subject));
  ERR_clear_error();
  return answer == X509_V_OK;
}

bool signature_holds(const Certificate& subject, const Certificate& issuer) {
  static Memo<bool> held(256);
  const auto fact =
      base::Sha256().update(subject.sha256()).update(issuer.public_key_sha256()).finish();
  if (held.find(fact)) return true;
  const bool good = X509_verify(raw(subject), X509_get0_pubkey(raw(issuer))) == 1;
  if (good) held.keep(fact, true);
  ERR_clear_error();
  return good;
}

class Builder {
 public:
  Builder(std::span<const Certificate> extra, const Anchors& anchors, const PathLimits& limits,
          const std::function<bool(const std::vector<Certificate>&)>& visit)
      : anchors_(anchors), limits_(limits), visit_(visit) {
    for (const auto& certificate : anchors.known) pool_.push_back(&certificate);
    for (const auto& certificate : extra.first(std::min(extra.size(), limits.extra)))
      pool_.push_back(&certificate);
  }

  void run(const Certificate& leaf) {
    path_.push_back(leaf);
    for (const auto& root : anchors_.roots)
      if (root.sha256() == leaf.sha256() && offer()) return;
    extend();
  }

  const PathWork& work() const { return work_; }

 private:
  /// True when the search is over.
  bool extend() {
    for (const auto& root : anchors_.roots) {
      if (path_.size() + 1 > limits_.depth) break;
      if (seen(root) || !issued(root)) continue;
      path_.push_back(root);
      const bool done = offer();
      path_.pop_back();
      if (done) return true;
    }
    if (path_.size() + 2 > limits_.depth) return over();
    for (const auto* issuer : pool_) {
      if (over()) return true;
      if (seen(*issuer) || !issued(*issuer)) continue;
      path_.push_back(*issuer);
      const bool done = extend();
      path_.pop_back();
      if (done) return true;
    }
    return over();
  }

  bool offer() {
    ++work_.paths;
    return visit_(path_) || over();
  }

  bool over() const {
    return work_.signature_checks >= limits_.signature_checks || work_.paths >= limits_.paths;
  }

  /// The same subject and key twice in a path leads nowhere. RFC 4158 §5.2.
  bool seen(const Certificate& next) const {
    return std::any_of(path_.begin(), path_.end(), [&](const Certificate& in_path) {
      return in_path.public_key_sha256() == next.public_key_sha256() &&
             X509_NAME_cmp(X509_get_subject_name(raw(in_path)), X509_get_subject_name(raw(next))) ==
                 0;
    });
  }

  bool issued(const Certificate& issuer) {
    if (!looks_issued_by(path_.back(), issuer)) return false;
    if (work_.signature_checks >= limits_.signature_checks) return false;
    ++work_.signature_checks;
    return signature_holds(path_.back(), issuer);
  }

  const Anchors anchors_;
  const PathLimits limits_;
  const std::function<bool(const std::vector<Certificate>&)>& visit_;
  std::vector<const Certificate*> pool_;
  std::vector<Certificate> path_;
  PathWork work_;
};

/// What RFC 5280 §6.1.1 leaves to the caller. OpenSSL's empty set is not "any policy"
/// (security.md §0.6): that has to be said.
bool set_policies(X509_VERIFY_PARAM* param, const PolicyRules& policies) {
  unsigned long flags = X509_V_FLAG_POLICY_CHECK;
  if (policies.required) flags |= X509_V_FLAG_EXPLICIT_POLICY;
  if (policies.no_mapping) flags |= X509_V_FLAG_INHIBIT_MAP;
  if (policies.no_any) flags |= X509_V_FLAG_INHIBIT_ANY;
  bool good = X509_VERIFY_PARAM_set_flags(param, flags) == 1;
  const auto accept = [&](const char* dotted) {
    Owned<ASN1_OBJECT, ASN1_OBJECT_free> policy(OBJ_txt2obj(dotted, 1));
    good = good && policy && X509_VERIFY_PARAM_add0_policy(param, policy.get()) == 1;
    if (good) (void)policy.release();
  };
  for (const auto& policy : policies.accepted) accept(policy.c_str());
  if (policies.accepted.empty()) accept("2.5.29.32.0");
  return good;
}

bool check_straight_path(const std::vector<Certificate>& path, bool timestamp,
                         const PolicyRules& policies) {
  const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  // The stack borrows: the path owns the certificates.
  const Owned<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }> between(
      sk_X509_new_null());
  base::check(store && context && between, "out of memory in OpenSSL");
  bool good = X509_STORE_add_cert(store.get(), raw(path.back())) == 1;
  for (std::size_t i = 1; i + 1 < path.size(); ++i)
    good = good && sk_X509_push(between.get(), raw(path[i])) > 0;
  good = good &&
         X509_STORE_CTX_init(context.get(), store.get(), raw(path.front()), between.get()) == 1;
  if (good) {
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
    // PARTIAL_CHAIN: an anchor ends the path though it is not self-signed.
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE |
                                           X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_depth(param, static_cast<int>(path.size()));
    X509_VERIFY_PARAM_set_auth_level(param, 2);  // 112 bits: RSA 2048, P-224, SHA-224 at least
    good = set_policies(param, policies) &&
           X509_VERIFY_PARAM_set_purpose(
               param, timestamp ? X509_PURPOSE_TIMESTAMP_SIGN : X509_PURPOSE_ANY) == 1 &&
           X509_verify_cert(context.get()) == 1;
  }
  ERR_clear_error();
  return good;
}

}  // namespace

PathWork each_path(const Certificate& leaf, std::span<const Certificate> extra,
                   const Anchors& anchors, const PathLimits& limits,
                   const std::function<bool(const std::vector<Certificate>&)>& visit) {
  Builder builder(extra, anchors, limits, visit);
  builder.run(leaf);
  return builder.work();
}

bool issued_by(const Certificate& subject, const Certificate& issuer) {
  return looks_issued_by(subject, issuer) && signature_holds(subject, issuer);
}

bool straight_path_holds(const std::vector<Certificate>& path, bool timestamp,
                         const PolicyRules& policies) {
  // Without times and revocation the answer depends on the certificates and the rules alone.
  static Memo<bool> held(256);
  base::Sha256 facts;
  for (const auto& certificate : path) facts.update(certificate.sha256());
  const std::uint8_t asked[] = {
      static_cast<std::uint8_t>(timestamp), static_cast<std::uint8_t>(policies.required),
      static_cast<std::uint8_t>(policies.no_mapping), static_cast<std::uint8_t>(policies.no_any)};
  facts.update(asked);
  for (const auto& policy : policies.accepted) facts.update(base::as_bytes(policy + ","));
  const auto fact = facts.finish();
  if (held.find(fact)) return true;
  const bool good = path_form_holds(path) && check_straight_path(path, timestamp, policies);
  if (good) held.keep(fact, true);
  return good;
}

}  // namespace certs
