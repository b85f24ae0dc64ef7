#include "verify/seal_judge.h"

#include <algorithm>

#include "certs/chain.h"
#include "certs/timestamp.h"
#include "verify/cms.h"

namespace verify {
namespace {

using certs::ChainAnswer;
using certs::ChainPurpose;
using certs::ChainStatus;

/// Clocks of the sealer, the time-stamp authority and the judge may differ by so much.
constexpr auto kSkew = std::chrono::minutes(5);

void note(SealReport& report, std::string key) {
  if (std::find(report.reasons.begin(), report.reasons.end(), key) == report.reasons.end())
    report.reasons.push_back(std::move(key));
}

base::Digest digest_of_ranges(base::BytesView file, const pdf::Signature& signature) {
  base::Sha256 sha;
  sha.update(file.first(signature.hole_begin));
  sha.update(file.subspan(signature.hole_end, signature.end - signature.hole_end));
  return sha.finish();
}

/// Each certificate that came along is one that the judgement used or that the list holds: the
/// signature does not cover them, and whoever passes the file on could put others there.
bool all_known(const std::vector<certs::Certificate>& certificates,
               const std::vector<certs::Certificate>& path, const certs::TrustList& trust) {
  return std::all_of(certificates.begin(), certificates.end(), [&](const auto& one) {
    const auto is = [&](const certs::Certificate& other) { return one.sha256() == other.sha256(); };
    return std::any_of(path.begin(), path.end(), is) ||
           std::any_of(trust.intermediates.begin(), trust.intermediates.end(), is) ||
           std::any_of(trust.roots.begin(), trust.roots.end(), is);
  });
}

class Judgement {
 public:
  Judgement(base::BytesView file, const pdf::Signature& signature, const certs::TrustList& trust,
            base::Time at)
      : file_(file), signature_(signature), trust_(trust), at_(at) {}
  SealReport run();

 private:
  bool container();
  void time();
  bool stamped(base::BytesView token);
  void claimed();
  void chain(const ChainStatus& status);
  void name_signer(const ChainStatus& status);

  base::BytesView file_;
  const pdf::Signature& signature_;
  const certs::TrustList& trust_;
  const base::Time at_;
  SignedData signed_;
  ChainStatus status_;  // at the moment that decides
  SealReport report_;
};

SealReport Judgement::run() {
  report_.sealed_at = pdf::to_time(signature_.claimed_time);
  if (!signature_.problem.empty()) {
    report_.intact = Answer::no;
    note(report_, signature_.problem);
    return report_;
  }
  report_.whole_document = signature_.end == file_.size();
  if (signature_.sub_filter != "ETSI.CAdES.detached") {
    report_.genuine = Answer::no;
    note(report_, "verify.seal.not_pades");
    return report_;
  }
  if (!container()) return report_;
  time();
  if (report_.genuine == Answer::yes && !all_known(signed_.certificates, status_.path, trust_)) {
    report_.intact = Answer::no;
    note(report_, "verify.seal.stray_certificate");
  }
  return report_;
}

/// Is the signature over these bytes, by the key of the certificate that came with it?
bool Judgement::container() {
  auto read = SignedData::read(signature_.container);
  if (!read) {
    report_.intact =
        read.error().key == "verify.seal.unknown_attribute" ? Answer::unsure : Answer::no;
    note(report_, read.error().key);
    return false;
  }
  signed_ = std::move(*read);
  report_.signer = signed_.signer->organization();
  const bool holds =
      signed_.content_type == "data" && signed_.detached &&
      base::constant_time_equal(signed_.message_digest, digest_of_ranges(file_, signature_)) &&
      signed_.signature_holds();
  report_.intact = holds ? Answer::yes : Answer::no;
  if (!holds) note(report_, "verify.seal.broken");
  return holds;
}

void Judgement::time() {
  if (signed_.time_stamp) {
    if (stamped(*signed_.time_stamp)) return;
  } else {
    note(report_, "verify.seal.time_claimed");
  }
  claimed();
}

/// True when a trusted stamp settled the moment, and with it everything else.
bool Judgement::stamped(base::BytesView token) {
  const auto stamp = certs::judge_timestamp(token, base::sha256(signed_.signature), trust_);
  const auto along = certificates_of_token(token);
  if (!stamp.intact || !along) {
    // Put there by someone else, or changed: the seal itself is not covered by it.
    report_.intact = Answer::no;
    note(report_, stamp.intact ? "verify.seal.timestamp_malformed" : stamp.chain.reason);
    return false;
  }
  if (stamp.chain.answer != ChainAnswer::trusted) {
    note(report_, "verify.seal.timestamp_not_trusted");
    note(report_, stamp.chain.reason);
    return false;
  }
  if (!all_known(*along, stamp.chain.path, trust_)) {
    report_.intact = Answer::no;
    note(report_, "verify.seal.stray_certificate");
    return false;
  }
  report_.sealed_at = stamp.at;
  report_.time_attested = true;
  chain(
      certs::validate(*signed_.signer, signed_.certificates, trust_, ChainPurpose::seal, stamp.at));
  if (stamp.at > at_ + kSkew) {
    report_.in_force = std::min(report_.in_force, Answer::unsure);
    note(report_, "verify.seal.in_future");
  }
  return true;
}

/// Without a trusted stamp the sealing moment is the sealer's word. Who stole a key would date
/// back: a certificate that has since been revoked, or has ended, vouches for nothing then.
void Judgement::claimed() {
  const auto moment = report_.sealed_at.value_or(at_);
  const auto validate = [&](base::Time when) {
    return certs::validate(*signed_.signer, signed_.certificates, trust_, ChainPurpose::seal, when);
  };
  chain(validate(moment));
  if (signed_.time_stamp) report_.in_force = std::min(report_.in_force, Answer::unsure);
  if (!report_.sealed_at) note(report_, "verify.seal.no_time");
  if (moment > at_ + kSkew) {
    report_.in_force = std::min(report_.in_force, Answer::unsure);
    note(report_, "verify.seal.in_future");
  }
  if (report_.compromised_since && report_.genuine == Answer::yes) {
    // Whatever the moment of judging: a date of one's own choice is no proof of anything then.
    report_.in_force = Answer::no;
    note(report_, "verify.seal.compromised_unproven");
    return;
  }
  if (report_.in_force != Answer::yes) return;
  const ChainStatus now = validate(at_);
  if (now.answer == ChainAnswer::trusted) return;
  report_.in_force = now.answer == ChainAnswer::revoked ? Answer::no : Answer::unsure;
  report_.compromised_since = now.compromised_since;
  note(report_, now.reason);
  if (now.answer == ChainAnswer::expired) note(report_, "verify.seal.time_unproven");
}

void Judgement::chain(const ChainStatus& status) {
  status_ = status;
  name_signer(status);
  report_.compromised_since = status.compromised_since;
  report_.genuine = status.answer == ChainAnswer::untrusted ? Answer::no : Answer::yes;
  switch (status.answer) {
    case ChainAnswer::trusted:
      report_.in_force = Answer::yes;
      return;
    case ChainAnswer::untrusted:
    case ChainAnswer::unsure:
      report_.in_force = Answer::unsure;
      break;
    case ChainAnswer::expired:
    case ChainAnswer::not_yet_valid:
    case ChainAnswer::revoked:
      report_.in_force = Answer::no;
      break;
  }
  note(report_, status.reason);
}

void Judgement::name_signer(const ChainStatus& status) {
  if (!status.entry) return;
  report_.signer = status.entry->agency;
  report_.signer_code = status.entry->agency_code;
  const std::string name = status.entry->certificate.common_name();
  if (!name.empty() && name != report_.signer) report_.signer += " · " + name;
}

}  // namespace

SealReport judge_seal(base::BytesView file, const pdf::Signature& signature,
                      const certs::TrustList& trust, base::Time at) {
  return Judgement(file, signature, trust, at).run();
}

}  // namespace verify
