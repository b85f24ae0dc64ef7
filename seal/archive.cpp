#include "seal/archive.h"

#include <algorithm>

#include "base/fail_point.h"
#include "base/json.h"
#include "seal/evidence.h"
#include "seal/records.h"
#include "seal/revision.h"
#include "store/audit.h"
#include "verify/cms.h"
#include "verify/pdf_seals.h"

namespace seal {
namespace {

using base::Code;
using base::error;

constexpr std::size_t kTokenBytes = 4608;  // as in a seal (seal/issuer.cpp)

base::Error not_augmentable(std::string why) {
  return error(Code::invalid_argument, "seal.not_augmentable", std::move(why));
}

/// What seals and stamps of a file were made with, in its order.
struct Held {
  std::vector<certs::Certificate> certificates;
  std::optional<certs::Certificate> last_stamper;
};

base::Result<Held> held_by(base::BytesView bytes) {
  BASE_TRY(auto file, verify::pdf::File::open(bytes, {}));
  BASE_TRY(const auto signatures, verify::pdf::signatures_of(file, {}));
  Held out;
  const auto add = [&](const std::vector<certs::Certificate>& all) {
    for (const auto& one : all) {
      const auto is = [&](const auto& other) { return one.sha256() == other.sha256(); };
      if (std::none_of(out.certificates.begin(), out.certificates.end(), is))
        out.certificates.push_back(one);
    }
  };
  for (const auto& signature : signatures) {
    if (!signature.problem.empty()) return not_augmentable(signature.problem);
    BASE_TRY(const auto container, verify::SignedData::read(signature.container));
    add(container.certificates);
    if (signature.document_stamp) out.last_stamper = container.signer;
    if (!container.time_stamp) continue;
    BASE_TRY(const auto token, verify::SignedData::read(*container.time_stamp));
    add(token.certificates);
    out.last_stamper = token.signer;
  }
  return out;
}

}  // namespace

base::Result<base::Time> Augmenter::good_until(base::BytesView file) {
  const auto held = held_by(file);
  if (!held.ok()) return not_augmentable(held.error().key);
  if (!held->last_stamper) return not_augmentable("no time stamp");
  return held->last_stamper->not_after();
}

base::Result<Augmenter::Augmented> Augmenter::augment(base::BytesView file) const {
  const auto now = parts_.clock.now();
  const auto verifier = parts_.verifier();
  const auto before = verifier->judge(file, now);
  if (before.outcome != verify::Outcome::genuine)
    return not_augmentable("judged " + std::string(to_string(before.outcome)));
  const auto held = held_by(file);
  if (!held.ok()) return not_augmentable(held.error().key);
  auto evidence = evidence_for_archive(held->certificates, verifier->trust(), now);
  // Who will stamp is not known; all who may are in the store afterwards.
  BASE_TRY(const auto next, evidence_for_stamping(verifier->trust(), now));
  for (const auto& one : next.evidence.certificates) evidence.certificates.push_back(one);
  for (const auto& one : next.evidence.revocation_lists) evidence.revocation_lists.push_back(one);

  BASE_TRY(auto revision, append_revision(file, evidence, kTokenBytes));
  BASE_TRY(const auto token, parts_.timestamps.stamp(revision.digest));
  if (!pdf::embed_signature(revision, token))
    return error(Code::unavailable, "seal.timestamp_size", std::to_string(token.size()) + " bytes");
  const auto after = verifier->judge(revision.file, parts_.clock.now());
  const bool lacking = std::any_of(after.seals.begin(), after.seals.end(), [](const auto& seal) {
    return seal.level < verify::PadesLevel::lta;
  });
  if (after.outcome == verify::Outcome::genuine && lacking)
    return error(Code::unavailable, "seal.revocation_stale", "no lists for what the file holds");
  const bool good = after.outcome == verify::Outcome::genuine &&
                    after.document_stamps.size() == before.document_stamps.size() + 1;
  if (!good) {
    std::string why = "outcome " + std::string(to_string(after.outcome));
    for (const auto& seal : after.seals) {
      why += ", level " + std::string(to_string(seal.level));
      for (const auto& reason : seal.reasons) why += ", " + reason;
    }
    for (const auto& stamp : after.document_stamps)
      for (const auto& reason : stamp.reasons) why += ", " + reason;
    return error(Code::internal, "seal.judged_bad", why);
  }
  BASE_TRY(const auto until, good_until(revision.file));
  return Augmented{std::move(revision.file), until};
}

base::Result<Archive::Done> Archive::turn(int portion) const {
  Done done;
  const auto note = [&](const base::Result<void>& outcome, int& count) -> bool {
    if (outcome.ok()) return ++count, true;
    ++done.failed;
    done.why = outcome.error().key + ": " + outcome.error().detail;
    return outcome.error().code != Code::unavailable;  // that will be so for the next one too
  };
  BASE_TRY(const auto fresh, records::not_looked_at(parts_.pool, portion));
  for (const auto& id : fresh)
    if (!note(look(id), done.looked_at)) return done;
  BASE_TRY(const auto due, records::due(parts_.pool, parts_.clock.now() + parts_.ahead, portion));
  for (const auto& id : due)
    if (!note(augment(id), done.augmented)) return done;
  done.more = done.failed == 0 && (fresh.size() == static_cast<std::size_t>(portion) ||
                                   due.size() == static_cast<std::size_t>(portion));
  return done;
}

base::Result<void> Archive::look(const std::string& document) const {
  BASE_TRY(const auto row, records::read_any(parts_.pool, document));
  if (!row) return error(Code::not_found, "seal.no_document");
  BASE_TRY(const auto file, newest(document));
  BASE_TRY(const auto until, Augmenter::good_until(file));
  BASE_TRY(auto tx, parts_.pool.begin());
  const records::Augmentation issued{document,           0, parts_.clock.now(), until,
                                     base::sha256(file), {}};
  BASE_TRY_VOID(records::insert(tx, issued));
  return tx.commit();
}

base::Result<void> Archive::augment(const std::string& document) const {
  BASE_TRY(const auto row, records::read_any(parts_.pool, document));
  BASE_TRY(const auto revisions, records::augmentations(parts_.pool, document));
  if (!row || revisions.empty()) return error(Code::not_found, "seal.no_document");
  BASE_TRY(const auto file, newest(document));
  BASE_TRY(const auto more, parts_.augmenter.augment(file));
  const int number = revisions.back().number + 1;
  const auto place = document + "#" + std::to_string(number);
  const auto tail = base::BytesView(more.file).subspan(file.size());
  const auto sha256 = base::sha256(more.file);
  const auto now = parts_.clock.now();
  base::fail_point("archive.augmented");
  base::JsonWriter facts;
  facts.StartObject();
  facts.member("number", number);
  facts.member("good_until", base::to_rfc3339(more.good_until));
  facts.EndObject();
  BASE_TRY(auto tx, parts_.pool.begin());
  // Whoever was quicker has written this number, and this is for nothing.
  const records::Augmentation next{
      document,        number, now,
      more.good_until, sha256, parts_.cipher.seal("seal.augmentation.tail", place, tail)};
  BASE_TRY_VOID(records::insert(tx, next));
  BASE_TRY_VOID(store::audit(tx, {.at = now,
                                  .actor = "system:archive",
                                  .act = "document.augment",
                                  .object = document,
                                  .outcome = "ok",
                                  .facts_json = facts.text()}));
  return tx.commit();
}

base::Result<base::Bytes> Archive::newest(const std::string& document) const {
  const auto damaged = [&] { return error(Code::internal, "seal.damaged", document); };
  BASE_TRY(const auto row, records::read_any(parts_.pool, document));
  if (!row) return error(Code::not_found, "seal.no_document");
  auto file = parts_.cipher.open("seal.document.file", row->id, row->file_sealed);
  if (!file.ok() || base::sha256(*file) != row->sha256) return damaged();
  BASE_TRY(const auto revisions, records::augmentations(parts_.pool, document));
  for (const auto& one : revisions) {
    if (one.number > 0) {
      const auto tail = parts_.cipher.open(
          "seal.augmentation.tail", document + "#" + std::to_string(one.number), one.tail_sealed);
      if (!tail.ok()) return damaged();
      base::append(*file, *tail);
    }
    if (base::sha256(*file) != one.sha256) return damaged();
  }
  return std::move(file).value();
}

}  // namespace seal
