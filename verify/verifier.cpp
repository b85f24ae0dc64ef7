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

void changed(SealReport& seal, const char* key) {
  seal.intact = Answer::no;
  seal.reasons.push_back(key);
}

/// Compares what each seal covers with what the next one covers, and the last one with the file.
void judge_revisions(base::BytesView file, const Limits& limits,
                     const std::vector<pdf::Signature>& signatures, Verdict& verdict) {
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    SealReport& seal = verdict.seals[i];
    if (!signatures[i].problem.empty()) continue;
    if (i + 1 == signatures.size()) {
      if (!seal.whole_document) changed(seal, "verify.changed_after_sealing");
      return;
    }
    auto older = pdf::File::open(file.first(signatures[i].end), limits);
    auto newer = pdf::File::open(file.first(signatures[i + 1].end), limits);
    if (!older || !newer || signatures[i].end == signatures[i + 1].end ||
        !pdf::only_signatures_added(*older, *newer))
      changed(seal, "verify.changed_between_seals");
  }
}

/// The worst seal decides.
Outcome worst(const std::vector<SealReport>& seals) {
  Outcome out = Outcome::genuine;
  for (const SealReport& seal : seals)
    if (rank(outcome_of(seal)) < rank(out)) out = outcome_of(seal);
  return out;
}

/// The seal covers the mark too: who takes it away has altered the file.
void mark_sample(Verdict& verdict, bool marked) {
  if (marked && verdict.outcome == Outcome::genuine) verdict.outcome = Outcome::sample;
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
  mark_sample(verdict, package->custom_data("XinyinSample").has_value());
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
  if (signatures->empty())
    return unsealed(verdict, pdf::has_loose_seal(bytes), "verify.pdf.loose_seal");
  for (const pdf::Signature& signature : *signatures)
    verdict.seals.push_back(judge_seal(bytes, signature, trust, at));
  judge_revisions(bytes, limits, *signatures, verdict);
  verdict.outcome = worst(verdict.seals);
  mark_sample(verdict, pdf::information(*file, "XinyinSample").has_value());
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
