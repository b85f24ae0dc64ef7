#include "seal/composer.h"

#include "base/fail_point.h"
#include "seal/revision.h"

namespace seal {
namespace {

using base::Code;
using base::error;
using namespace std::chrono_literals;

constexpr std::size_t kTokenBytes =
    4608;  // of an RFC 3161 token with its chain; ours has about 2 KiB
constexpr auto kMostClockDifference = 5min;  // between us and the time-stamp authority

Forms::Evidence evidence_of(const SealConfig& seal) {
  if (seal.pdf_level == verify::PadesLevel::t) return Forms::Evidence::none;
  return seal.append_evidence ? Forms::Evidence::beside : Forms::Evidence::inside;
}

base::Error wrong_token(std::size_t size) {
  return error(Code::unavailable, "seal.timestamp_size", std::to_string(size) + " bytes");
}

pdf::Content content_of(const Draft& draft, const Composer::Identity& identity) {
  return {.fields = draft.fields,
          .rows = draft.rows,
          .document_id = identity.id,
          .code = identity.code.pretty(),
          .date = base::to_chinese_date(base::china_date(identity.at)),
          .sample = draft.sample};
}

std::string_view facts_of(const Draft& draft) {
  return draft.facts_json.empty() ? std::string_view("{}") : draft.facts_json;
}

}  // namespace

Composer::Composer(Parts parts, SealConfig seal, CmsFrame frame, PdfTemplates templates,
                   std::unique_ptr<const NationalForms> national)
    : parts_(std::move(parts)),
      seal_(std::move(seal)),
      cms_(std::move(frame)),
      forms_(std::move(templates), seal_.certificate, seal_.chain, evidence_of(seal_)),
      national_(std::move(national)) {}

base::Result<std::unique_ptr<Composer>> Composer::create(Parts parts, SealConfig seal,
                                                         const Templates& kinds) {
  base::check(seal.key != nullptr && parts.verifier != nullptr,
              "an issuer needs a key and a judge");
  const bool package = parts.font_file.empty();
  const std::string title =
      parts.title_font_file.empty() && package ? pdf::kTitleFont : parts.title_font_file;
  BASE_TRY(const auto body, pdf::FontFace::open(package ? pdf::kBodyFont : parts.font_file));
  auto display = body;
  if (!title.empty()) {
    BASE_TRY(display, pdf::FontFace::open(title));
  }
  BASE_TRY(auto frame, CmsFrame::create(seal.key->info(), seal.certificate, seal.chain));
  const pdf::Faces faces{body, display};
  const pdf::Letterhead head{seal.agency, seal.agency_code, seal.picture, parts.verify_address};
  PdfTemplates templates;
  std::vector<const pdf::Template*> forms;
  for (const auto* one : kinds.newest()) {
    BASE_TRY(auto made,
             pdf::PdfTemplate::create(one->form, faces, head, frame.most_bytes(kTokenBytes)));
    templates.emplace(one->kind, std::move(made));
    forms.push_back(&one->form);
  }
  std::unique_ptr<const NationalForms> national;
  if (seal.national) {
    BASE_TRY(national, NationalForms::create(*seal.national, forms, faces, head));
  }
  return std::unique_ptr<Composer>(new Composer(std::move(parts), std::move(seal), std::move(frame),
                                                std::move(templates), std::move(national)));
}

base::Result<base::Bytes> Composer::make(const Draft& draft, const Identity& identity) {
  return draft.format == Format::pdf ? make_pdf(draft, identity) : make_ofd(draft, identity);
}

// What comes behind the seal: evidence, where it is not inside, and a document time stamp.
base::Result<void> Composer::complete(base::Bytes& file, const pdf::Evidence& evidence) const {
  const bool archive = seal_.pdf_level == verify::PadesLevel::lta;
  if (!archive && evidence.empty()) return {};
  BASE_TRY(auto revision, append_revision(file, evidence, archive ? kTokenBytes : 0));
  if (archive) {
    BASE_TRY(const auto token, parts_.timestamps.stamp(revision.digest));
    if (token.empty() || !pdf::embed_signature(revision, token)) return wrong_token(token.size());
  }
  file = std::move(revision.file);
  return {};
}

base::Result<base::Bytes> Composer::make_pdf(const Draft& draft, const Identity& identity) {
  BASE_TRY(const auto current, forms_.current(parts_.verifier()->trust(), identity.at));
  const auto& form = *current->templates.find(draft.kind)->second;
  BASE_TRY(auto document,
           form.compose({.content = content_of(draft, identity),
                         .facts_json = facts_of(draft),
                         .code_address = parts_.verify_address + identity.code.text(),
                         .at = identity.at,
                         .file_id = parts_.random.bytes(16)}));
  base::fail_point("seal.after_compose");
  BASE_TRY(const auto signature, seal_.key->sign(cms_.to_sign(document.digest)));
  const auto value = cms_.signature_value(signature);
  base::fail_point("seal.after_sign");
  BASE_TRY(const auto token, parts_.timestamps.stamp(base::sha256(value)));
  if (token.empty() || token.size() > kTokenBytes) return wrong_token(token.size());
  base::fail_point("seal.after_stamp");
  const bool fits = pdf::embed_signature(document, cms_.finish(document.digest, value, token));
  base::check(fits, "a signature is larger than what was reserved for the largest");
  BASE_TRY_VOID(complete(document.file, current->beside));
  return std::move(document.file);
}

base::Result<base::Bytes> Composer::make_ofd(const Draft& draft, const Identity& identity) const {
  base::check(national_ != nullptr, "OFD is asked for where no seal seals it");
  const auto address = parts_.verify_address + identity.code.text();
  return national_->make(draft.kind,
                         {.content = content_of(draft, identity),
                          .facts_json = facts_of(draft),
                          .code_address = address,
                          .at = identity.at,
                          .document_id = parts_.random.bytes(16)},
                         parts_.timestamps);
}

std::string Composer::what_is_wrong(const verify::Verdict& verdict, const Draft& draft,
                                    const verify::DocumentCode& code) const {
  using verify::Outcome;
  const bool pdf = draft.format == Format::pdf;
  if (verdict.outcome != (draft.sample ? Outcome::sample : Outcome::genuine))
    return "outcome " + std::string(to_string(verdict.outcome));
  if (verdict.kind != (pdf ? verify::FileKind::pdf : verify::FileKind::ofd))
    return "another kind of file";
  if (verdict.seals.size() != 1) return std::to_string(verdict.seals.size()) + " seals";
  const auto& seal = verdict.seals[0];
  const bool appended =
      pdf && (seal_.append_evidence || seal_.pdf_level == verify::PadesLevel::lta);
  if (!seal.whole_document && !appended) return "not the whole document";
  if (pdf && seal.level < seal_.pdf_level) return "level " + std::string(to_string(seal.level));
  if (!seal.time_attested || !seal.sealed_at) return "time not attested";
  if (std::chrono::abs(*seal.sealed_at - parts_.clock.now()) > kMostClockDifference)
    return "the time stamp says " + base::to_rfc3339(*seal.sealed_at);
  if (verdict.document_code != code.pretty()) return "another document code";
  return {};
}

base::Result<void> Composer::judge(base::BytesView file, const Draft& draft,
                                   const verify::DocumentCode& code) const {
  const auto verdict = parts_.verifier()->judge(file, parts_.clock.now());
  auto wrong = what_is_wrong(verdict, draft, code);
  if (wrong.empty()) return {};
  for (const auto& reason : verdict.reasons) wrong += ", " + reason;
  for (const auto& one : verdict.seals)
    for (const auto& reason : one.reasons) wrong += ", " + reason;
  return error(Code::internal, "seal.judged_bad", wrong);
}

}  // namespace seal
