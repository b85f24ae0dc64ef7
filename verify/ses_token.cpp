#include "verify/ses_token.h"

#include <algorithm>

#include "certs/der.h"
#include "verify/cms.h"
#include "verify/ses.h"

namespace verify::ses {
namespace {

using base::BytesView;
using certs::Certificate;
using certs::ChainAnswer;

/// SignedData whose first digest is SM3: a national authority's token, which cannot be judged yet.
bool is_sm3_token(BytesView token) {
  using certs::der::Walk;
  if (!certs::der::is_strict(token)) return false;
  const auto info = Walk(token).take(0x30);
  Walk fields(info.value_or(BytesView{}));
  if (!fields.take(0x06)) return false;
  const auto tagged = fields.take(0xA0);
  const auto data = Walk(tagged.value_or(BytesView{})).take(0x30);
  Walk inside(data.value_or(BytesView{}));
  if (!inside.take(0x02)) return false;
  const auto digests = inside.take(0x31);
  const auto first = Walk(digests.value_or(BytesView{})).take(0x30);
  const auto oid = Walk(first.value_or(BytesView{})).take(0x06);
  return oid && certs::der::dotted(*oid) == kSm3;
}

/// A token stands outside of what is signed: every certificate in it is one that is needed.
bool carries_only_its_path(BytesView token, const std::vector<Certificate>& path,
                           const certs::TrustList& trust) {
  const auto along = certificates_of_token(token);
  if (!along) return false;
  return std::all_of(along->begin(), along->end(), [&](const Certificate& one) {
    const auto is = [&](const Certificate& other) { return one.sha256() == other.sha256(); };
    return std::any_of(path.begin(), path.end(), is) ||
           std::any_of(trust.intermediates.begin(), trust.intermediates.end(), is) ||
           std::any_of(trust.roots.begin(), trust.roots.end(), is);
  });
}

}  // namespace

Token Token::judge(BytesView token, BytesView signature, const certs::TrustList& trust) {
  Token out;
  if (is_sm3_token(token)) {
    out.reason = "verify.ses.token_sm3";
    return out;
  }
  auto stamp = certs::judge_timestamp(token, base::sha256(signature), trust);
  out.at = stamp.at;
  out.chain = std::move(stamp.chain);
  out.reason = out.chain.reason;
  out.intact = stamp.intact ? Answer::yes : Answer::no;
  if (stamp.intact && out.chain.answer == ChainAnswer::trusted &&
      !carries_only_its_path(token, out.chain.path, trust)) {
    out.intact = Answer::no;
    out.reason = "verify.seal.stray_certificate";
  }
  return out;
}

}  // namespace verify::ses
