// 实名核验: proving who somebody is, the level reached, and its history. LD/T 01-2020 5.4.1.2b,
// 5.4.1.5, 6.2.6; docs/decisions/0110-proofing.md.
//
// A level is the best evidence in force; settle_proofing() alone moves it, with the evidence and
// its audit row in one transaction. A failed try never lowers it. What is kept is the result and
// the source's transaction number: no image, no template, and nothing that was typed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/accounts.h"
#include "auth/proofing_methods.h"
#include "auth/proofing_source.h"
#include "auth/sessions.h"
#include "auth/soft_lock.h"

namespace auth {

/// One answer, or one act at a counter, as it is put down.
struct ProofingEvidence {
  SubjectId subject;
  std::string method, source;
  ProofingOutcome outcome = ProofingOutcome::unavailable;
  std::optional<Proofing> level = std::nullopt;  ///< of a match
  std::vector<std::string> matched = {};
  std::string transaction = {};
  std::optional<base::Time> valid_until = std::nullopt;
};

/// Puts it down within `tx` and settles the level. `by`: who did it, for the audit trail.
/// Errors: conflict `auth.proofing.replayed`: this answer has proven somebody before; not_found
/// `auth.subject_unknown`.
base::Result<Proofing> put_proofing(store::Tx& tx, base::Random& random,
                                    const ProofingEvidence& evidence, base::Time now,
                                    std::string_view by);
/// The level of the best evidence in force at `now`, written where it is another one.
base::Result<Proofing> settle_proofing(store::Tx& tx, const SubjectId& subject, base::Time now,
                                       std::string_view by);

/// A certificate of an admitted body whose holder proved possession of its key and whose chain was
/// judged (by whoever calls). Its identity attributes are compared here.
struct VerifiedCertificate {
  std::string body;             ///< the certification body, as the trust list names it
  std::string fingerprint;      ///< SHA-256 of the certificate, hex: the evidence's transaction
  std::string name, id_number;  ///< of the holder, as the certificate has them
  base::Time not_after;
};

/// Thread-safe through its parts.
class Proofings {
 public:
  /// Null: that source is off.
  struct Sources {
    const ProofingSource* identity = nullptr;     ///< 二要素, 三要素, 四要素
    const ProofingSource* association = nullptr;  ///< 信息关联
    const VisitedSource* social_card = nullptr;   ///< 电子社保卡
    const VisitedSource* face = nullptr;
    bool certificates = false;  ///< whether certificates of admitted bodies can be shown
    const VisitedSource* network_id = nullptr;  ///< 网证 (国家网络身份认证)
    bool network_id_face = false;   ///< it can look at a living face too
    bool network_id_tells = false;  ///< it says who it is, instead of comparing what it is told
  };
  struct Config {
    /// How long evidence of P1, P2 and P3 counts; zero: without an end.
    std::array<std::chrono::seconds, 3> life{};
    std::chrono::seconds visit_life{15 * 60};
    std::string face_consent;  ///< the text that a person agrees to, both languages
    Proofing network_id_level = Proofing::p2;  ///< what a 网证 without a face is worth here
  };
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    Accounts& accounts;
    const base::Clock& clock;
    base::Random& random;
    Sources sources = {};
    Config config = {};
  };
  explicit Proofings(Parts parts);

  /// Ways that are open to this kind of subject, lowest level first; the counter always is. Face
  /// stands there only beside another way to its level that needs no face (办法 art 10).
  std::vector<const ProofingMethod*> offered(SubjectKind kind) const;
  /// The highest level that a way at this desk reaches (without the counter).
  Proofing reachable(SubjectKind kind) const;

  struct Tried {
    ProofingOutcome outcome = ProofingOutcome::unavailable;
    Proofing level = Proofing::p0;  ///< that stands now
    std::string return_to = {};     ///< of a visit: where the person was going
    std::string trouble = {};       ///< of `unavailable`, for the log
  };
  /// Asks a source. Counted before it is asked, taken back when there was no answer.
  /// Errors: invalid_argument `auth.proofing.method`, `auth.proofing.typed` with fields;
  /// rate_limited `auth.login_slow` with retry_after.
  base::Result<Tried> ask(const SubjectId& subject, std::string_view method,
                          const FieldValues& typed, std::string_view network);

  struct Begun {
    std::string address;  ///< the source's page, or what its code says
    std::string state;    ///< for finish(); stands in our return address
  };
  /// Errors: as ask(); permission_denied `auth.proofing.consent` where the method's own consent is
  /// missing; unavailable `auth.proofing.unavailable`.
  base::Result<Begun> begin(const Session& session, std::string_view method,
                            const std::string& return_address, std::string_view return_to,
                            std::string_view network);
  /// Nothing while the source says that the person is still at it. Once it answered, the visit is
  /// spent: of several at once one has the answer.
  /// Errors: expired `auth.proofing.visit_over`: unknown, spent, too old, or of another session.
  base::Result<std::optional<Tried>> finish(const Session& session, std::string_view state);

  /// Raises the level of the person whom the certificate names. Errors: conflict
  /// `auth.proofing.certificate_other`: it names somebody else, and binds nothing;
  /// permission_denied `auth.proofing.method` while certificates are off.
  base::Result<Proofing> take_certificate(const SubjectId& subject,
                                          const VerifiedCertificate& certificate);
  /// Puts down, within `tx`, that a source said by `method` who the subject is, and that it is what
  /// stands on record. Errors: those of put_proofing(); invalid_argument `auth.proofing.method`: the
  /// way is not open.
  base::Result<Proofing> put_match(store::Tx& tx, const SubjectId& subject,
                                   std::string_view method, const std::string& source,
                                   const std::string& transaction);
  /// A member of staff saw the person and the document. `evidence` names the paper or the record
  /// of the counter. Errors: permission_denied `auth.staff.none`, `auth.staff.own`;
  /// invalid_argument `auth.proofing.evidence`.
  base::Result<Proofing> at_counter(const SubjectId& subject, const SubjectId& staff,
                                    std::string_view evidence);

  base::Result<bool> has_consent(const SubjectId& subject, std::string_view method);
  /// Errors: invalid_argument `auth.proofing.method`: it needs none.
  base::Result<void> consent(const SubjectId& subject, std::string_view method);
  /// The way is closed until it is given again; the level reached stands. Errors: not_found
  /// `auth.proofing.consent`.
  base::Result<void> withdraw(const SubjectId& subject, std::string_view method);
  const std::string& consent_text() const { return parts_.config.face_consent; }

  struct Row {
    std::string method, source, outcome, transaction;
    std::optional<Proofing> level;
    base::Time at;
    std::optional<base::Time> valid_until;
    bool in_force = false;
  };
  /// Newest first, at most `most`.
  base::Result<std::vector<Row>> history(const SubjectId& subject, int most = 50);
  struct Standing {
    Proofing level = Proofing::p0;
    std::optional<base::Time> until;
  };
  /// Errors: not_found `auth.subject_unknown`.
  base::Result<Standing> standing(const SubjectId& subject);

  /// Settles those whose evidence ran out and deletes visits that nobody finished, at most `most`
  /// of each. Gives how many.
  base::Result<std::int64_t> sweep(int most = 200);

 private:
  base::Result<const ProofingMethod*> open_method(SubjectKind kind, std::string_view method,
                                                  ProofingMethod::Way way) const;
  bool is_open(const ProofingMethod& method) const;
  const VisitedSource& visited(const ProofingMethod& method) const;
  /// Whether this source says who somebody is, and nothing of the person is sent to it.
  bool tells(const ProofingMethod& method) const;
  ProofingQuestion visit_question(const SubjectRecord& person, const ProofingMethod& method,
                                  std::string nonce) const;
  base::Result<Tried> put_down(const SubjectRecord& person, const ProofingMethod& method,
                               const std::string& source, const ProofingAnswer& answer,
                               store::Tx& tx);
  std::optional<base::Time> until(Proofing level, base::Time now) const;
  Parts parts_;
  std::vector<ProofingMethod> methods_;  ///< with the levels of this installation
};

}  // namespace auth
