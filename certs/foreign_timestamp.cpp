#include "certs/foreign_timestamp.h"

#include <openssl/ts.h>

#include <algorithm>

#include "certs/der.h"
#include "certs/openssl.h"

namespace certs {
namespace {

using base::Bytes;
using base::BytesView;

constexpr std::size_t kMostResponse = 64 << 10;
constexpr auto kMostDifference = std::chrono::minutes(5);

base::Error refused(std::string why) {
  const auto told = openssl_errors();
  return base::error(base::Code::unavailable, "certs.foreign_timestamp",
                     told.empty() ? std::move(why) : why + ": " + told);
}

using Store = Owned<X509_STORE, X509_STORE_free>;

Store store_of(const std::vector<Certificate>& roots, base::Time now) {
  Store store(X509_STORE_new());
  for (const auto& root : roots) X509_STORE_add_cert(store.get(), raw(root));
  X509_VERIFY_PARAM* rules = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_time(rules, base::to_unix_s(now));
  X509_VERIFY_PARAM_set_auth_level(rules, 2);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
  return store;
}

bool policy_accepted(TS_TST_INFO* info, const std::vector<std::string>& policies) {
  if (policies.empty()) return true;
  return std::any_of(policies.begin(), policies.end(), [&](const std::string& one) {
    const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(one.c_str(), 1));
    return object && OBJ_cmp(object.get(), TS_TST_INFO_get_policy_id(info)) == 0;
  });
}

}  // namespace

Bytes timestamp_query(const base::Digest& digest, BytesView nonce,
                      const ForeignAuthorities& accepted) {
  const auto algorithm = der::sequence({der::oid("2.16.840.1.101.3.4.2.1"), der::null()});
  Bytes policy;
  if (accepted.policies.size() == 1) policy = der::oid(accepted.policies.front());
  return der::sequence({der::integer(1), der::sequence({algorithm, der::octets(digest)}), policy,
                        der::integer(nonce), der::boolean(true)});
}

base::Result<Bytes> take_timestamp(BytesView response, const base::Digest& digest, BytesView nonce,
                                   const ForeignAuthorities& accepted, base::Time now) {
  ERR_clear_error();
  if (response.size() > kMostResponse) return refused("larger than 64 KiB");
  const unsigned char* at = response.data();
  const Owned<TS_RESP, TS_RESP_free> resp(
      d2i_TS_RESP(nullptr, &at, static_cast<long>(response.size())));
  if (!resp || at != response.data() + response.size()) return refused("not a TimeStampResp");
  const auto query = timestamp_query(digest, nonce, accepted);
  const unsigned char* from = query.data();
  const Owned<TS_REQ, TS_REQ_free> req(d2i_TS_REQ(nullptr, &from, static_cast<long>(query.size())));
  base::check(req != nullptr, "a time-stamp query of ours that OpenSSL cannot read");

  // Version, imprint, nonce and (when one was asked for) policy from the query; then the signer.
  const Owned<TS_VERIFY_CTX, TS_VERIFY_CTX_free> rules(TS_REQ_to_TS_VERIFY_CTX(req.get(), nullptr));
  if (!rules) return refused("out of memory");
  TS_VERIFY_CTX_add_flags(rules.get(), TS_VFY_VERSION | TS_VFY_SIGNATURE);
  TS_VERIFY_CTX_set_store(rules.get(), store_of(accepted.roots, now).release());
  if (TS_RESP_verify_response(rules.get(), resp.get()) != 1) return refused("not accepted");

  TS_TST_INFO* info = TS_RESP_get_tst_info(resp.get());
  if (!policy_accepted(info, accepted.policies)) return refused("another policy");
  const auto stamped = to_time(TS_TST_INFO_get_time(info));
  if (!stamped || std::chrono::abs(*stamped - now) > kMostDifference)
    return refused("says another time than ours");
  auto token =
      encode([&](unsigned char** out) { return i2d_PKCS7(TS_RESP_get_token(resp.get()), out); });
  if (token.empty() || token.size() > accepted.most_bytes)
    return refused("a token of " + std::to_string(token.size()) + " octets");
  ERR_clear_error();
  return token;
}

}  // namespace certs
