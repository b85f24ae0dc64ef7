// The service agreement and the privacy consent: two things, each in versions, each accepted by
// itself. LD/T 01-2020 6.2.4; Personal Information Protection Law 14–17.
//
// An acceptance is kept with the version, the digest of the text to the byte, the moment and the
// way; the audit trail has the same, and its signed heads vouch for it. A consent can be withdrawn,
// the agreement ends with the account.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/actor.h"
#include "store/store.h"

namespace auth {

enum class AgreementKind { service, privacy };
std::string_view to_text(AgreementKind kind);
std::optional<AgreementKind> agreement_kind(std::string_view text);

struct AgreementSection {
  std::string id;  ///< of the service agreement: a to f, by the letters of 6.2.4
  std::string zh, en;
};

struct Agreement {
  AgreementKind kind = AgreementKind::service;
  int version = 0;
  std::string title_zh, title_en;
  std::vector<AgreementSection> sections;
  std::string content;  ///< the JSON to the byte
  std::string sha256;   ///< of content, hex
  base::Time published_at;
};

/// A text to begin with, complete in its clauses (auth/model_agreements): an agency publishes its
/// own.
std::string_view model_agreement(AgreementKind kind);

/// Reads one and asks for its clauses, as publish() does; it has no version yet. Errors:
/// invalid_argument `auth.agreement.form` with fields; those of base::parse_json.
base::Result<Agreement> read_agreement(AgreementKind kind, std::string_view content);

/// What somebody says he accepts: the very text that he was shown.
struct Acceptance {
  AgreementKind kind = AgreementKind::service;
  int version = 0;
  std::string sha256;  ///< hex
};

struct AgreementAct {
  AgreementKind kind = AgreementKind::service;
  int version = 0;
  bool accepted = true;  ///< false: withdrawn
  std::string sha256, how;
  base::Time at;
};

/// Thread-safe through its pool.
class Agreements {
 public:
  Agreements(store::Pool& pool, const base::Clock& clock) : pool_(pool), clock_(clock) {}

  /// Publishes the next version: {"title": {"zh", "en"}, "sections": [{"id", "zh", "en"}, …]}. The
  /// service agreement must have each of a to f, the privacy text purpose, data, retention, sharing
  /// and rights; none empty in either language. The text in force again is no new version. Gives
  /// the version. Errors: invalid_argument `auth.agreement.form` with fields; conflict
  /// `store.conflict` when two publish at once.
  base::Result<int> publish(AgreementKind kind, std::string_view content, std::string_view by);

  /// The version in force. Errors: not_found `auth.agreement.none`.
  base::Result<Agreement> current(AgreementKind kind);
  /// Errors: not_found `auth.agreement.none`.
  base::Result<Agreement> find(AgreementKind kind, int version);

  /// Those in force that this subject has not accepted, or whose consent he withdrew.
  base::Result<std::vector<Agreement>> pending(const SubjectId& subject);
  /// All acts of a subject, newest first.
  base::Result<std::vector<AgreementAct>> acts(const SubjectId& subject);

  /// Checks that each is the version in force. Errors: conflict `auth.agreement.changed`.
  base::Result<void> check(const std::vector<Acceptance>& accepted);
  /// Within the deed that it belongs to. `how`: "registration", "login", "account", "api", …
  /// Errors: as Tx::run.
  base::Result<void> record(store::Tx& tx, const SubjectId& subject, const Acceptance& accepted,
                            std::string_view how);
  /// check() and record() in one.
  base::Result<void> accept(const SubjectId& subject, const std::vector<Acceptance>& accepted,
                            std::string_view how);
  /// Those that wait, all of them: each must be among `accepted` and is recorded by itself; what
  /// does not wait is passed over. Errors: invalid_argument `auth.agreement.needed`; conflict
  /// `auth.agreement.changed`.
  base::Result<void> accept_pending(const SubjectId& subject,
                                    const std::vector<Acceptance>& accepted, std::string_view how);
  /// Withdraws the privacy consent: what portals were allowed ends, and so do the tokens that they
  /// hold, and they are told; the next login at a portal asks again. Errors: not_found `auth.agreement.none`
  /// when there is none to withdraw.
  base::Result<void> withdraw_privacy(const SubjectId& subject, std::string_view how);

 private:
  base::Result<void> put_act(store::Tx& tx, const SubjectId& subject, const Acceptance& what,
                             bool accepted, std::string_view how);
  store::Pool& pool_;
  const base::Clock& clock_;
};

}  // namespace auth
