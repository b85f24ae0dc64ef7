#include "verify/seal_judge.h"

#include <algorithm>

#include "certs/chain.h"
#include "certs/crl.h"
#include "verify/cms.h"

namespace verify {
namespace {

using certs::ChainAnswer;
using certs::ChainPurpose;
using certs::ChainStatus;

/// Clocks of the sealer, the time-stamp authority and the judge may differ by so much.
constexpr auto kSkew = std::chrono::minutes(5);

template <class Report>
void note(Report& report, std::string key) {
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
  Judgement(base::BytesView file, const pdf::Signature& signature, const Grounds& grounds,
            base::Time at, std::optional<base::Time> proven)
      : file_(file), signature_(signature), grounds_(grounds), at_(at), proven_(proven) {}
  SealReport run();

 private:
  bool container();
  void time();
  bool stamped(base::BytesView token);
  void attested(base::Time moment);
  void claimed();
  void level();
  void chain(const ChainStatus& status);
  void name_signer(const ChainStatus& status);

  base::BytesView file_;
  const pdf::Signature& signature_;
  const Grounds& grounds_;
  const base::Time at_;
  const std::optional<base::Time> proven_;
  SignedData signed_;
  ChainStatus status_;                   // at the moment that decides
  std::vector<certs::Certificate> tsa_;  // whose stamp settled the moment, and what came with it
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
  if (report_.genuine == Answer::yes &&
      !all_known(signed_.certificates, status_.path, grounds_.trust())) {
    report_.intact = Answer::no;
    note(report_, "verify.seal.stray_certificate");
  }
  level();
  return report_;
}

void Judgement::level() {
  if (report_.intact != Answer::yes || report_.genuine != Answer::yes) return;
  report_.level = report_.time_attested ? PadesLevel::t : PadesLevel::b;
  if (!report_.time_attested ||
      !grounds_.in_file(*signed_.signer, signed_.certificates, *report_.sealed_at) ||
      (!tsa_.empty() && !grounds_.in_file(tsa_.front(), tsa_, *report_.sealed_at)))
    return;
  report_.level = proven_ ? PadesLevel::lta : PadesLevel::lt;
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
    note(report_, proven_ ? "verify.seal.time_by_document_stamp" : "verify.seal.time_claimed");
  }
  if (proven_ && report_.intact == Answer::yes)
    attested(*proven_);
  else
    claimed();
}

/// True when a trusted stamp settled the moment, and with it everything else.
bool Judgement::stamped(base::BytesView token) {
  const auto stamp = grounds_.stamp(token, base::sha256(signed_.signature), proven_);
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
  if (!all_known(*along, stamp.chain.path, grounds_.trust())) {
    report_.intact = Answer::no;
    note(report_, "verify.seal.stray_certificate");
    return false;
  }
  tsa_ = stamp.chain.path;
  attested(stamp.at);
  if (proven_ && *proven_ + kSkew < stamp.at) {
    // What covers the stamp says that it was there before its own time: one clock was wrong.
    report_.in_force = std::min(report_.in_force, Answer::unsure);
    note(report_, "verify.stamp.order");
  }
  return true;
}

void Judgement::attested(base::Time moment) {
  report_.sealed_at = moment;
  report_.time_attested = true;
  chain(grounds_.validate(*signed_.signer, signed_.certificates, ChainPurpose::seal, moment));
  if (moment > at_ + kSkew) {
    report_.in_force = std::min(report_.in_force, Answer::unsure);
    note(report_, "verify.seal.in_future");
  }
}

/// Without a trusted stamp the sealing moment is the sealer's word. Who stole a key would date
/// back: a certificate that has since been revoked, or has ended, vouches for nothing then.
void Judgement::claimed() {
  const auto moment = report_.sealed_at.value_or(at_);
  const auto validate = [&](base::Time when) {
    return grounds_.validate(*signed_.signer, signed_.certificates, ChainPurpose::seal, when);
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

const certs::TrustList* Grounds::with_evidence() const {
  if (evidence_.revocation_lists.empty()) return nullptr;
  if (!both_) {
    auto both = std::make_unique<certs::TrustList>(trust_);
    for (const auto& der : evidence_.revocation_lists) both->crls.push_back(der);
    both_ = std::move(both);
  }
  return both_.get();
}

ChainStatus Grounds::validate(const certs::Certificate& leaf,
                              const std::vector<certs::Certificate>& along, ChainPurpose purpose,
                              base::Time at) const {
  auto status = certs::validate(leaf, along, trust_, purpose, at);
  if (status.answer != ChainAnswer::unsure) return status;
  const auto* more = with_evidence();
  return more == nullptr ? status : certs::validate(leaf, along, *more, purpose, at);
}

certs::TimestampStatus Grounds::stamp(base::BytesView token, const base::Digest& digest,
                                      std::optional<base::Time> proven) const {
  auto out = certs::judge_timestamp(token, digest, trust_);
  if (!out.intact) return out;
  if (const auto* more = with_evidence(); more && out.chain.answer == ChainAnswer::unsure)
    out = certs::judge_timestamp(token, digest, *more);
  auto& chain = out.chain;
  if (chain.answer != ChainAnswer::revoked || !proven || !chain.revoked_at || !chain.entry ||
      *proven >= *chain.revoked_at)
    return out;
  // The token was there before the key was lost: nobody else can have made it.
  const bool in_use =
      chain.entry->since <= out.at && (!chain.entry->until || out.at <= *chain.entry->until);
  const auto then = validate(chain.path.front(), chain.path, ChainPurpose::any, out.at);
  if (in_use && then.answer == ChainAnswer::trusted) {
    chain.answer = ChainAnswer::trusted;
    chain.reason = then.reason;
  }
  return out;
}

bool Grounds::in_file(const certs::Certificate& leaf, const std::vector<certs::Certificate>& along,
                      base::Time at) const {
  if (evidence_.revocation_lists.empty()) return false;
  std::vector<certs::Crl> lists;
  for (const auto& der : evidence_.revocation_lists)
    if (auto list = certs::Crl::from_der(der)) lists.push_back(std::move(*list));
  auto certificates = along;
  certificates.insert(certificates.end(), evidence_.certificates.begin(),
                      evidence_.certificates.end());
  return certs::validate_path(leaf, certificates, {trust_.roots, {}}, lists, {}, at).answer ==
         ChainAnswer::trusted;
}

SealReport judge_seal(base::BytesView file, const pdf::Signature& signature, const Grounds& grounds,
                      base::Time at, std::optional<base::Time> proven) {
  return Judgement(file, signature, grounds, at, proven).run();
}

StampReport judge_document_stamp(base::BytesView file, const pdf::Signature& signature,
                                 const Grounds& grounds, base::Time at,
                                 std::optional<base::Time> proven) {
  StampReport report;
  const auto broken = [&](std::string key) {
    report.intact = Answer::no;
    note(report, std::move(key));
    return report;
  };
  if (!signature.problem.empty()) return broken(signature.problem);
  const auto stamp = grounds.stamp(signature.container, digest_of_ranges(file, signature), proven);
  if (!stamp.intact) return broken(stamp.chain.reason);
  const auto along = certificates_of_token(signature.container);
  if (!along) return broken("verify.seal.timestamp_malformed");
  report.intact = Answer::yes;
  report.at = stamp.at;
  if (stamp.chain.answer != ChainAnswer::trusted) {
    report.trusted = stamp.chain.answer == ChainAnswer::unsure ? Answer::unsure : Answer::no;
    note(report, "verify.stamp.not_trusted");
    note(report, stamp.chain.reason);
    return report;
  }
  if (!all_known(*along, stamp.chain.path, grounds.trust()))
    return broken("verify.seal.stray_certificate");
  report.trusted = Answer::yes;
  if (stamp.at > at + kSkew) {
    report.trusted = Answer::unsure;
    note(report, "verify.seal.in_future");
  }
  return report;
}

}  // namespace verify
