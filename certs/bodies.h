// The register of certification bodies: who was proposed, on which papers, what our check found,
// and how each stood when. Each act stands in one transaction with its audit row. LD/T 01-2020
// 6.2.7.
//
// What officers want is a wish first. A wish takes effect when a trust list that carries it is
// signed: the signer looks at who approved it, and settle() writes the step down with the number of
// that list, in the transaction that records the list.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certs/admission.h"
#include "certs/trust_body.h"
#include "store/store.h"

namespace certs {

/// A paper that is handed in, at most 20 MiB.
struct BodyPaper {
  std::string kind;  ///< as BodyDocument::kind
  std::string file_name;
  base::Bytes content;
};

struct BodyWish {
  std::int64_t id = 0;
  std::int64_t body = 0;
  BodyStanding step;
};

struct BodyRecord {
  TrustBody body;  ///< history from "proposed" on; expiry is the first of what ends
  std::string licence_issuer;
  base::Time licence_from, licence_until;
  std::string qualification;  ///< 电子政务电子认证服务 and its number; may be empty
  std::optional<base::Time> qualification_until;
  std::string contact;
  std::vector<std::string> ocsp_urls;
  std::string proposed_by;

  struct Paper {
    std::string kind, file_name;
    std::int64_t size = 0;
    base::Digest sha256{};
  };
  std::vector<Paper> papers;
  bool check_passed = false;
  std::string check_report;      ///< AdmissionReport::json()
  std::optional<BodyWish> wish;  ///< not in a trust list yet
};

/// Reads and writes within the caller's transaction; `actor` goes into rows and audit, "officer:…".
class Bodies {
 public:
  Bodies(store::Tx& tx, const base::Clock& clock, std::string actor)
      : tx_(tx), clock_(clock), actor_(std::move(actor)) {}

  /// Records a proposal with its papers and what the check found; gives its number. Of `record`,
  /// number, history, papers, documents and check are not looked at. Errors: invalid_argument
  /// `certs.body_malformed` (what, in detail), `certs.body_papers` (licence, liability and
  /// acceptance are needed, and the qualification's when there is one; 20 MiB each).
  base::Result<std::int64_t> propose(const BodyRecord& record, const std::vector<BodyPaper>& papers,
                                     const AdmissionReport& report);
  /// All, by number.
  base::Result<std::vector<BodyRecord>> list();
  /// Errors: not_found `certs.body_not_recorded`.
  base::Result<BodyRecord> find(std::int64_t number);
  /// Errors: not_found `certs.body_not_recorded`.
  base::Result<BodyPaper> paper(std::int64_t number, std::string_view kind);

  /// Writes down that body `number` is to stand at `step.standing` from now on (`step.since` is set
  /// here); the open wish for the same is given again. A newer wish takes the place of an open one.
  /// Errors: conflict `certs.body_step` when that may not follow; permission_denied
  /// `certs.body_check_failed`; expired `certs.body_expired`; invalid_argument `certs.body_reason`.
  base::Result<BodyWish> wish(std::int64_t number, BodyStanding step);

  /// What a trust list says: every body that was ever admitted; with the wish `with`, when given,
  /// as if it were settled. Errors: conflict `certs.body_step` when that wish is not open.
  base::Result<std::vector<TrustBody>> listed(std::optional<std::int64_t> with);
  /// The wish has taken effect with this list; a proposal that is turned down needs none.
  /// Errors: conflict `certs.body_step`; permission_denied `certs.body_check_failed`.
  base::Result<void> settle(std::int64_t wish, std::optional<std::int64_t> trust_list_sequence);

 private:
  base::Result<std::vector<BodyRecord>> read(std::int64_t number);
  base::Result<void> read_parts(BodyRecord& record);
  base::Result<void> read_papers(BodyRecord& record);
  base::Result<void> read_standing(BodyRecord& record);
  base::Result<void> write_parts(std::int64_t number, const BodyRecord& record,
                                 const std::vector<BodyPaper>& papers);
  base::Result<void> audit(std::string act, std::int64_t number, std::string facts_json);

  store::Tx& tx_;
  const base::Clock& clock_;
  std::string actor_;
};

}  // namespace certs
