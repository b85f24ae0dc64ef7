// From bytes to a verdict: which file it is, which seals it has, what the worst of them says.
#include "verify/verifier.h"

#include <algorithm>

#include "verify/code.h"
#include "verify/ofd/seals.h"
#include "verify/pdf_seals.h"
#include "verify/seal_judge.h"

namespace verify {
namespace {

/// What one seal comes to by itself; the worst question decides.
Outcome outcome_of(const SealReport& seal) {
  if (seal.intact == Answer::no) return Outcome::altered;
  if (seal.genuine == Answer::no) return Outcome::not_trusted;
  if (seal.in_force == Answer::no) return Outcome::expired;
  const bool all =
      seal.intact == Answer::yes && seal.genuine == Answer::yes && seal.in_force == Answer::yes;
  return all ? Outcome::genuine : Outcome::undetermined;
}

/// Worst first.
int rank(Outcome outcome) {
  switch (outcome) {
    case Outcome::malformed:
      return 0;
    case Outcome::altered:
      return 1;
    case Outcome::not_trusted:
      return 2;
    case Outcome::expired:
      return 3;
    case Outcome::unsealed:
      return 4;
    case Outcome::undetermined:
      return 5;
    case Outcome::sample:
      return 6;
    case Outcome::genuine:
      return 7;
  }
  return 0;
}

/// Seals and document time stamps of one file, in its order.
class Signatures {
 public:
  Signatures(base::BytesView file, const Limits& limits,
             const std::vector<pdf::Signature>& signatures, Verdict& verdict)
      : file_(file), limits_(limits), signatures_(signatures), verdict_(verdict) {}
  void judge(const Grounds& grounds, base::Time at);
  void judge_revisions();
  void note_earlier();

 private:
  void changed_from(std::size_t last, const char* key);
  std::size_t end_of(std::size_t i) const {
    return i < signatures_.size() ? signatures_[i].end : file_.size();
  }

  base::BytesView file_;
  const Limits& limits_;
  const std::vector<pdf::Signature>& signatures_;
  Verdict& verdict_;
};

/// The last one first: what a trusted document time stamp covers is proven to have been there.
void Signatures::judge(const Grounds& grounds, base::Time at) {
  std::optional<base::Time> proven;
  for (auto i = signatures_.size(); i-- > 0;) {
    const auto& signature = signatures_[i];
    if (!signature.document_stamp) {
      verdict_.seals.push_back(judge_seal(file_, signature, grounds, at, proven));
      continue;
    }
    auto stamp = judge_document_stamp(file_, signature, grounds, at, proven);
    if (stamp.intact == Answer::yes && stamp.trusted == Answer::yes)
      proven = proven ? std::min(*proven, *stamp.at) : stamp.at;
    verdict_.document_stamps.push_back(std::move(stamp));
  }
  std::reverse(verdict_.seals.begin(), verdict_.seals.end());
  std::reverse(verdict_.document_stamps.begin(), verdict_.document_stamps.end());
}

/// A change behind a signature is one behind all before it.
void Signatures::changed_from(std::size_t last, const char* key) {
  std::size_t seal = 0, stamp = 0;
  for (std::size_t i = 0; i <= last; ++i) {
    const bool is_stamp = signatures_[i].document_stamp;
    auto& intact = is_stamp ? verdict_.document_stamps[stamp].intact : verdict_.seals[seal].intact;
    auto& reasons =
        is_stamp ? verdict_.document_stamps[stamp].reasons : verdict_.seals[seal].reasons;
    (is_stamp ? stamp : seal) += 1;
    if (!signatures_[i].problem.empty()) continue;
    intact = Answer::no;
    if (std::find(reasons.begin(), reasons.end(), key) == reasons.end()) reasons.push_back(key);
  }
}

/// Compares what each signature covers with what the next one covers, and the last one with the
/// file.
void Signatures::judge_revisions() {
  for (std::size_t i = 0; i < signatures_.size(); ++i) {
    if (!signatures_[i].problem.empty()) continue;
    const bool last = i + 1 == signatures_.size();
    if (last && signatures_[i].end == file_.size()) return;
    auto older = pdf::File::open(file_.first(signatures_[i].end), limits_);
    auto newer = pdf::File::open(file_.first(end_of(i + 1)), limits_);
    const bool evidence = last || signatures_[i + 1].document_stamp;
    const bool allowed = older.ok() && newer.ok() && signatures_[i].end < end_of(i + 1) &&
                         (evidence ? pdf::only_evidence_added(*older, *newer)
                                   : pdf::only_signatures_added(*older, *newer));
    if (!allowed)
      changed_from(i, last ? "verify.changed_after_sealing" : "verify.changed_between_seals");
    else if (last)
      verdict_.reasons.push_back("verify.evidence_uncovered");
  }
}

void Signatures::note_earlier() {
  constexpr std::size_t kMost = 32;
  const auto first = std::find_if(signatures_.begin(), signatures_.end(), [](const auto& one) {
    return one.problem.empty() && !one.document_stamp;
  });
  if (first == signatures_.end() || first->end == file_.size()) return;
  const auto text = base::as_text(file_);
  base::Sha256 sha;
  std::size_t hashed = 0;
  const auto take = [&](std::size_t end) {
    sha.update(file_.subspan(hashed, end - hashed));
    hashed = end;
    verdict_.earlier_sha256.push_back(sha.finish());
  };
  take(first->end);
  for (auto at = first->end; verdict_.earlier_sha256.size() < kMost &&
                             (at = text.find("%%EOF", at)) != std::string_view::npos;) {
    at += 5;
    if (text.substr(at).starts_with('\r')) ++at;
    if (text.substr(at).starts_with('\n')) ++at;
    if (at < file_.size()) take(at);
  }
  std::reverse(verdict_.earlier_sha256.begin(), verdict_.earlier_sha256.end());
}

Outcome outcome_of(const StampReport& stamp) {
  if (stamp.intact == Answer::no) return Outcome::altered;
  return stamp.trusted == Answer::yes ? Outcome::genuine : Outcome::undetermined;
}

/// The worst one decides.
template <class Report>
Outcome worst(const std::vector<Report>& reports, Outcome out = Outcome::genuine) {
  for (const auto& one : reports)
    if (rank(outcome_of(one)) < rank(out)) out = outcome_of(one);
  return out;
}

void unsealed(Verdict& verdict, bool loose, const char* loose_key) {
  verdict.outcome = loose ? Outcome::altered : Outcome::unsealed;
  verdict.reasons.push_back(loose ? loose_key : "verify.unsealed");
}

void judge_ofd(base::BytesView bytes, const Limits& limits, const certs::TrustList& trust,
               base::Time at, Verdict& verdict) {
  verdict.kind = FileKind::ofd;
  auto package = ofd::Package::open(bytes, limits);
  if (!package) {
    verdict.outcome = Outcome::malformed;
    verdict.reasons.push_back(package.error().key);
    return;
  }
  if (const auto typed = package->custom_data("XinyinCode"))
    if (const auto code = DocumentCode::parse(*typed)) verdict.document_code = code->pretty();
  if (package->signatures().empty())
    return unsealed(verdict, ofd::has_loose_seal(*package), "verify.ofd.loose_seal");
  verdict.seals = ofd::judge_seals(*package, trust, at);
  verdict.outcome = worst(verdict.seals);
  // The seal covers this entry too: who takes it away has altered the file.
  if (verdict.outcome == Outcome::genuine && package->custom_data("XinyinSample"))
    verdict.outcome = Outcome::sample;
}

void judge_pdf(base::BytesView bytes, const Limits& limits, const certs::TrustList& trust,
               base::Time at, Verdict& verdict) {
  verdict.kind = FileKind::pdf;
  const auto malformed = [&](const base::Error& failure) {
    verdict.outcome = Outcome::malformed;
    verdict.reasons.push_back(failure.key);
  };
  auto file = pdf::File::open(bytes, limits);
  if (!file) return malformed(file.error());
  auto signatures = pdf::signatures_of(*file, limits);
  if (!signatures) return malformed(signatures.error());
  if (const auto typed = pdf::information(*file, "XinyinCode"))
    if (const auto code = DocumentCode::parse(*typed)) verdict.document_code = code->pretty();
  const bool sealed = std::any_of(signatures->begin(), signatures->end(),
                                  [](const auto& one) { return !one.document_stamp; });
  if (!sealed)
    return unsealed(verdict, signatures->empty() && pdf::has_loose_seal(bytes),
                    "verify.pdf.loose_seal");
  auto evidence = pdf::evidence_of(*file);
  if (!evidence) verdict.reasons.push_back("verify.pdf.evidence");
  const Grounds grounds(trust, evidence ? std::move(*evidence) : pdf::Evidence());
  Signatures all(bytes, limits, *signatures, verdict);
  all.judge(grounds, at);
  all.judge_revisions();
  all.note_earlier();
  verdict.outcome = worst(verdict.document_stamps, worst(verdict.seals));
  // The seal covers this entry too: who takes it away has altered the file.
  if (verdict.outcome == Outcome::genuine && pdf::information(*file, "XinyinSample"))
    verdict.outcome = Outcome::sample;
}

}  // namespace

Verifier::Verifier(certs::TrustList trust, Limits limits)
    : trust_(std::make_shared<const certs::TrustList>(std::move(trust))), limits_(limits) {}

Verdict Verifier::judge(base::BytesView file, base::Time at) const {
  Verdict verdict;
  verdict.sha256 = base::sha256(file);
  const auto refuse = [&](const char* reason) {
    verdict.outcome = Outcome::malformed;
    verdict.reasons.push_back(reason);
  };
  if (file.empty()) {
    refuse("verify.file.empty");
  } else if (file.size() > limits_.file_bytes) {
    refuse("verify.file.too_large");
  } else if (base::as_text(file).starts_with("%PDF-")) {
    judge_pdf(file, limits_, *trust_, at, verdict);
  } else if (base::as_text(file).starts_with("PK\3\4")) {
    judge_ofd(file, limits_, *trust_, at, verdict);
  } else {
    refuse("verify.file.unknown");
  }
  if (!verdict.seals.empty() && at > trust_->next_update)
    verdict.reasons.push_back("verify.trust_list_old");
  return verdict;
}

}  // namespace verify
