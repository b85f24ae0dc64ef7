#include "verify/ses_judge.h"

#include <algorithm>

#include "certs/chain.h"
#include "certs/signature.h"
#include "verify/ses_token.h"

namespace verify::ses {
namespace {

using base::BytesView;
using certs::Certificate;
using certs::ChainAnswer;
using certs::ChainPurpose;
using certs::ChainStatus;

/// Clocks of makers, sealers, time-stamp authorities and the judge may differ by so much.
constexpr auto kSkew = std::chrono::minutes(5);

/// Which of the three questions of a report a step is about.
enum class Question { intact, genuine, in_force };

constexpr const char* kOwn = "Xinyin";

const char* seal_clause(Version version) {
  switch (version) {
    case Version::v1:
      return "GM/T 0031-2014 6.2.3";
    case Version::v4:
      return "GB/T 38540-2020 6.3";
    case Version::v5:
      return "GM/T 0031-2025";
  }
  return kOwn;
}

const char* signature_clause(Version version) {
  return version == Version::v4 ? "GB/T 38540-2020 7.3" : seal_clause(version);
}

/// The key of what was found wrong with a signature; `broken` says whose it is.
std::string signature_reason(certs::Sm2Answer answer, const char* broken) {
  switch (answer) {
    case certs::Sm2Answer::holds:
      return {};
    case certs::Sm2Answer::broken:
      return broken;
    case certs::Sm2Answer::other_key:
      return "verify.ses.other_key";
    case certs::Sm2Answer::other_id:
      return "verify.ses.other_id";
    case certs::Sm2Answer::ecdsa:
      return "verify.ses.ecdsa";
  }
  return broken;
}

class Judgement {
 public:
  Judgement(const certs::TrustList& trust, base::Time at) : trust_(trust), at_(at) {}
  SealReport signature(BytesView bytes, const Original& original);
  SealReport seal(BytesView bytes);

 private:
  void step(const char* clause, const char* what, Question question, Answer answer,
            std::string reason = {});
  /// yes, or no with the reason
  void ask(const char* clause, const char* what, Question question, bool holds,
           const char* reason) {
    step(clause, what, question, holds ? Answer::yes : Answer::no, holds ? "" : reason);
  }
  void note(const std::string& key);
  void begin(const Seal& seal);
  SealReport finish();

  /// The moment is the sealer's word alone, which a date of his choice would be too.
  bool only_claimed() const { return !report_.time_attested && moment_ < at_; }
  void find_moment(const Signature& signature);
  void signer(const Signature& signature);
  void signer_certificate(const Certificate& certificate);
  void claimed_moment(const Certificate& certificate);
  void original(const Signature& signature, const Original& original);
  void signature_token();

  void seal_steps(const Seal& seal, std::optional<base::Bytes> sealer_key);
  void maker(const Seal& seal, const Certificate& certificate);
  void maker_as_of(base::Time when, const Certificate& certificate);
  void seal_token(const Seal& seal);
  void validity(const Seal& seal);
  void extensions(const std::vector<Extension>& all, const char* clause);

  const certs::TrustList& trust_;
  const base::Time at_;
  const char* clause_ = kOwn;         ///< of steps about the signature
  const char* seal_clause_ = kOwn;    ///< of steps about the seal
  base::Time moment_;                 ///< that decides
  base::Time claimed_;                ///< by the sealer
  std::optional<base::Time> proven_;  ///< the seal existed then: by a trusted token
  std::optional<Token> token_, seal_token_;
  SealReport report_;
  Answer asked_[3] = {Answer::yes, Answer::yes, Answer::yes};
  bool asked_any_[3] = {false, false, false};
};

void Judgement::note(const std::string& key) {
  if (!key.empty() &&
      std::find(report_.reasons.begin(), report_.reasons.end(), key) == report_.reasons.end())
    report_.reasons.push_back(key);
}

void Judgement::step(const char* clause, const char* what, Question question, Answer answer,
                     std::string reason) {
  const auto at = static_cast<std::size_t>(question);
  asked_[at] = std::min(asked_[at], answer);
  asked_any_[at] = true;
  note(reason);
  report_.steps.push_back({clause, what, answer, std::move(reason)});
}

SealReport Judgement::finish() {
  const auto answer = [&](Question question) {
    const auto at = static_cast<std::size_t>(question);
    return asked_any_[at] ? asked_[at] : Answer::unsure;
  };
  report_.intact = answer(Question::intact);
  report_.genuine = answer(Question::genuine);
  report_.in_force = answer(Question::in_force);
  return std::move(report_);
}

void Judgement::begin(const Seal& seal) {
  clause_ = signature_clause(seal.version);
  seal_clause_ = seal_clause(seal.version);
  report_.seal_object = SealObject{static_cast<int>(seal.version),
                                   seal.id,
                                   seal.name,
                                   seal.vendor,
                                   seal.type,
                                   seal.picture.type,
                                   seal.picture.data.size(),
                                   seal.picture.width_mm,
                                   seal.picture.height_mm,
                                   seal.created,
                                   seal.valid_from,
                                   seal.valid_until,
                                   {}};
}

SealReport Judgement::seal(BytesView bytes) {
  const auto read = Seal::read(bytes);
  if (!read) {
    step("GB/T 38540-2020 6.3", "verify.ses.step.structure", Question::intact, Answer::no,
         read.error().key);
    return finish();
  }
  begin(*read);
  step(seal_clause_, "verify.ses.step.structure", Question::intact, Answer::yes);
  moment_ = at_;
  report_.sealed_at = read->created;
  if (read->time_stamp) {
    seal_token_ = Token::judge(*read->time_stamp, read->signature, trust_);
    if (seal_token_->attests()) proven_ = seal_token_->at;
  }
  seal_steps(*read, std::nullopt);
  return finish();
}

SealReport Judgement::signature(BytesView bytes, const Original& original) {
  const auto read = Signature::read(bytes);
  if (!read) {
    step("GB/T 38540-2020 7.3", "verify.ses.step.structure", Question::intact, Answer::no,
         read.error().key);
    return finish();
  }
  begin(read->seal);
  step(clause_, "verify.ses.step.structure", Question::intact, Answer::yes);
  find_moment(*read);
  signer(*read);
  this->original(*read, original);
  const auto sealer = Certificate::from_der(read->signer);
  seal_steps(read->seal, sealer ? std::optional(sealer->public_key()) : std::nullopt);
  signature_token();
  return finish();
}

/// The token's moment where it is trusted, else the sealer's word. docs/decisions/0022.
void Judgement::find_moment(const Signature& signature) {
  report_.sealed_at = signature.signed_at;
  claimed_ = moment_ = signature.signed_at.value_or(at_);
  if (signature.seal.time_stamp) {
    seal_token_ = Token::judge(*signature.seal.time_stamp, signature.seal.signature, trust_);
    if (seal_token_->attests()) proven_ = seal_token_->at;
  }
  if (!signature.time_stamp) return;
  token_ = Token::judge(*signature.time_stamp, signature.signature, trust_);
  if (!token_->attests()) return;
  moment_ = token_->at;
  report_.sealed_at = token_->at;
  report_.time_attested = true;
  // The seal is part of what was signed, so it is at least as old.
  proven_ = std::min(proven_.value_or(token_->at), token_->at);
}

void Judgement::signer(const Signature& signature) {
  const auto certificate = Certificate::from_der(signature.signer);
  if (!certificate) {
    step(clause_, "verify.ses.step.signer_signature", Question::intact, Answer::no,
         "verify.ses.certificate");
    return;
  }
  report_.signer = certificate->organization();
  const auto answer =
      certs::judge_sm2(certificate->public_key(), signature.to_sign, signature.signature);
  step(clause_, "verify.ses.step.signer_signature", Question::intact,
       answer == certs::Sm2Answer::holds ? Answer::yes : Answer::no,
       signature_reason(answer, "verify.ses.signer_signature"));
  signer_certificate(*certificate);
  if (!report_.time_attested) claimed_moment(*certificate);
  ask(clause_, "verify.ses.step.listed", Question::genuine, signature.seal.lists(signature.signer),
      "verify.ses.not_listed");
}

void Judgement::signer_certificate(const Certificate& certificate) {
  const auto status = certs::validate(certificate, {}, trust_, ChainPurpose::seal, moment_);
  report_.compromised_since = status.compromised_since;
  if (status.entry) {
    report_.signer = status.entry->agency;
    report_.signer_code = status.entry->agency_code;
    const auto name = status.entry->certificate.common_name();
    if (!name.empty() && name != report_.signer) report_.signer += " · " + name;
  }
  const bool chained = status.answer != ChainAnswer::untrusted;
  step(clause_, "verify.ses.step.signer_chain", Question::genuine,
       chained ? Answer::yes : Answer::no, chained ? "" : status.reason);
  if (!chained) {
    step(clause_, "verify.ses.step.signer_time", Question::in_force, Answer::unsure);
    return;
  }
  const auto answer = status.answer == ChainAnswer::trusted  ? Answer::yes
                      : status.answer == ChainAnswer::unsure ? Answer::unsure
                                                             : Answer::no;
  step(clause_, "verify.ses.step.signer_time", Question::in_force, answer,
       answer == Answer::yes ? "" : status.reason);
}

/// Beyond the standards: who stole a key would date back, so a moment that only the sealer vouches
/// for holds while his certificate still does. The same as for PDF (docs/decisions/0022).
void Judgement::claimed_moment(const Certificate& certificate) {
  constexpr const char* kWhat = "verify.ses.step.claimed_time";
  note("verify.seal.time_claimed");
  if (!report_.sealed_at) {
    step(kOwn, kWhat, Question::in_force, Answer::unsure, "verify.seal.no_time");
    return;
  }
  const auto now = certs::validate(certificate, {}, trust_, ChainPurpose::seal, at_);
  if (!report_.compromised_since) report_.compromised_since = now.compromised_since;
  if (report_.compromised_since)
    step(kOwn, kWhat, Question::in_force, Answer::no, "verify.seal.compromised_unproven");
  else if (now.answer == ChainAnswer::revoked)
    step(kOwn, kWhat, Question::in_force, Answer::no, "verify.ses.revoked_unproven");
  else if (now.answer == ChainAnswer::expired)
    step(kOwn, kWhat, Question::in_force, Answer::unsure, "verify.seal.time_unproven");
  else if (now.answer == ChainAnswer::trusted)
    step(kOwn, kWhat, Question::in_force, Answer::yes);
  else
    step(kOwn, kWhat, Question::in_force, Answer::unsure, now.reason);
}

void Judgement::original(const Signature& signature, const Original& original) {
  ask(clause_, "verify.ses.step.data_hash", Question::intact,
      base::constant_time_equal(signature.data_hash, original.digest),
      "verify.ses.data_hash_differs");
  if (!original.property_info.empty())
    ask(clause_, "verify.ses.step.property_info", Question::intact,
        signature.property_info == original.property_info, "verify.ses.property_differs");
  if (!original.algorithm.empty())
    ask(kOwn, "verify.ses.step.algorithm", Question::intact, original.algorithm == kSm2WithSm3,
        "verify.ses.algorithm_differs");
  if (original.seal)
    ask(kOwn, "verify.ses.step.same_seal", Question::intact,
        base::as_text(*original.seal) == base::as_text(signature.seal.whole),
        "verify.ses.other_seal");
  extensions(signature.extensions, clause_);
  if (signature.time_info)
    step(clause_, "verify.ses.step.time_stamp", Question::in_force, Answer::unsure,
         "verify.ses.time_info_token");
  const bool future = moment_ > at_ + kSkew;
  step(kOwn, "verify.ses.step.not_in_future", Question::in_force,
       future ? Answer::unsure : Answer::yes, future ? "verify.seal.in_future" : "");
}

void Judgement::seal_steps(const Seal& seal, std::optional<base::Bytes> sealer_key) {
  const auto certificate = Certificate::from_der(seal.maker);
  if (!certificate) {
    step(seal_clause_, "verify.ses.step.maker_signature", Question::intact, Answer::no,
         "verify.ses.certificate");
    return;
  }
  report_.seal_object->maker = certificate->common_name();
  const auto answer =
      certs::judge_sm2(certificate->public_key(), seal.signed_bytes(), seal.signature);
  step(seal_clause_, "verify.ses.step.maker_signature", Question::intact,
       answer == certs::Sm2Answer::holds ? Answer::yes : Answer::no,
       signature_reason(answer, "verify.ses.maker_signature"));
  if (seal.version == Version::v5)
    ask(seal_clause_, "verify.ses.step.created", Question::in_force,
        seal.created <= seal.valid_until, "verify.ses.created_late");
  maker(seal, *certificate);
  const auto key = certificate->public_key();
  bool other = !sealer_key || *sealer_key != key;
  for (const auto& one : seal.certificates)
    if (const auto sealer = Certificate::from_der(one))
      other = other && sealer->public_key() != key;
  other = other && !seal.lists(seal.maker);
  ask(kOwn, "verify.ses.step.maker_is_other", Question::genuine, other,
      "verify.ses.maker_is_sealer");
  validity(seal);
  extensions(seal.extensions, seal_clause_);
  seal_token(seal);
}

/// v4: the maker's certificate must hold when the seal is used. v5: when the seal was made; what
/// came to it later is a remark.
void Judgement::maker(const Seal& seal, const Certificate& certificate) {
  constexpr const char* kTime = "verify.ses.step.maker_time";
  if (seal.version != Version::v5) {
    maker_as_of(moment_, certificate);
    if (certificate.not_before() > seal.created + kSkew)
      step(seal_clause_, kTime, Question::in_force, Answer::yes, "verify.ses.maker_after_creation");
    const auto later = certs::validate(certificate, {}, trust_, ChainPurpose::seal_maker, at_);
    if (only_claimed() &&
        (later.answer == ChainAnswer::expired || later.answer == ChainAnswer::revoked))
      step(kOwn, "verify.ses.step.claimed_time", Question::in_force, Answer::unsure,
           "verify.ses.maker_ended_unproven");
    return;
  }
  maker_as_of(seal.created, certificate);
  const auto now = certs::validate(certificate, {}, trust_, ChainPurpose::seal_maker, at_);
  if (now.answer == ChainAnswer::expired || now.answer == ChainAnswer::revoked)
    step(seal_clause_, kTime, Question::in_force, Answer::yes, "verify.ses.maker_ended_since");
}

void Judgement::maker_as_of(base::Time when, const Certificate& certificate) {
  const auto status = certs::validate(certificate, {}, trust_, ChainPurpose::seal_maker, when);
  const bool chained = status.answer != ChainAnswer::untrusted;
  step(seal_clause_, "verify.ses.step.maker_chain", Question::genuine,
       chained ? Answer::yes : Answer::no, chained ? "" : "verify.ses.maker_not_trusted");
  constexpr const char* kTime = "verify.ses.step.maker_time";
  if (!chained) {
    note(status.reason);
    return;
  }
  if (status.answer == ChainAnswer::unsure) {
    step(seal_clause_, kTime, Question::in_force, Answer::unsure, "verify.ses.maker_unknown");
    note(status.reason);
  } else if (status.answer != ChainAnswer::trusted) {
    step(seal_clause_, kTime, Question::in_force, Answer::no, "verify.ses.maker_not_in_force");
    note(status.reason);
  } else {
    step(seal_clause_, kTime, Question::in_force, Answer::yes);
  }
  // The date in a seal is its maker's word. Who has the key makes seals of any date.
  auto lost = status.compromised_since;
  if (!lost) {
    const auto now = certs::validate(certificate, {}, trust_, ChainPurpose::seal_maker, at_);
    lost = now.compromised_since;
  }
  if (lost)
    ask(kOwn, "verify.ses.step.maker_key", Question::genuine, proven_ && *proven_ < *lost,
        "verify.ses.maker_compromised");
}

void Judgement::validity(const Seal& seal) {
  const bool early = moment_ < seal.valid_from;
  const bool late = moment_ > seal.valid_until;
  step(seal_clause_, "verify.ses.step.seal_valid", Question::in_force,
       early || late ? Answer::no : Answer::yes,
       early  ? "verify.ses.seal_not_yet"
       : late ? "verify.ses.seal_expired"
              : "");
  if (!early && !late && only_claimed() && at_ > seal.valid_until)
    step(kOwn, "verify.ses.step.claimed_time", Question::in_force, Answer::unsure,
         "verify.ses.seal_ended_unproven");
}

/// No extension is known to us yet; one that must be understood leaves the matter open.
void Judgement::extensions(const std::vector<Extension>& all, const char* clause) {
  if (std::any_of(all.begin(), all.end(), [](const Extension& one) { return one.critical; }))
    step(clause, "verify.ses.step.extensions", Question::genuine, Answer::unsure,
         "verify.ses.critical_extension");
}

void Judgement::seal_token(const Seal& seal) {
  if (!seal_token_) return;
  constexpr const char* kWhat = "verify.ses.step.seal_time_stamp";
  const auto& token = *seal_token_;
  if (token.intact != Answer::yes) {
    step(seal_clause_, kWhat, Question::intact, token.intact,
         token.intact == Answer::no ? "verify.ses.seal_token_broken" : token.reason);
    note(token.reason);
  } else if (!token.attests()) {
    step(seal_clause_, kWhat, Question::in_force, Answer::unsure,
         "verify.ses.seal_token_not_trusted");
    note(token.reason);
  } else {
    ask(seal_clause_, kWhat, Question::in_force, seal.created <= token.at + kSkew,
        "verify.ses.seal_token_early");
  }
}

void Judgement::signature_token() {
  if (!token_) return;
  constexpr const char* kWhat = "verify.ses.step.time_stamp";
  if (token_->intact != Answer::yes) {
    step(clause_, kWhat, Question::intact, token_->intact,
         token_->intact == Answer::no ? "verify.ses.token_broken" : token_->reason);
    note(token_->reason);
  } else if (!token_->attests()) {
    step(clause_, kWhat, Question::in_force, Answer::unsure, "verify.seal.timestamp_not_trusted");
    note(token_->reason);
  } else {
    ask(clause_, kWhat, Question::in_force, claimed_ <= token_->at + kSkew,
        "verify.ses.token_early");
  }
}

}  // namespace

SealReport judge_signature(BytesView signature, const Original& original,
                           const certs::TrustList& trust, base::Time at) {
  return Judgement(trust, at).signature(signature, original);
}

SealReport judge_seal(BytesView seal, const certs::TrustList& trust, base::Time at) {
  return Judgement(trust, at).seal(seal);
}

}  // namespace verify::ses
