// The only way a formal document leaves. LD/T 01-2020 5.4.2.4: nothing unsealed leaves.
//
// Order of deeds: policy -> intent row, committed -> code minted -> composed -> signed in the
// token, time stamped -> judged by the public Verifier -> register entry, audit row, document bytes
// and the intent's end in ONE transaction -> Issued. A crash between leaves an open intent, which
// settle() ends; bytes that were never registered are never given out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/actor.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "certs/certificate.h"
#include "hsm/key.h"
#include "seal/draft.h"
#include "seal/templates.h"
#include "seal/timestamp_source.h"
#include "store/field_cipher.h"
#include "store/store.h"
#include "verify/register.h"
#include "verify/verifier.h"

namespace seal {

using SealId = base::Strong<struct SealTag>;

/// A document that left by the rules. Made only by Issuer.
class Issued {
 public:
  const verify::DocumentId& id() const { return id_; }
  const std::string& code() const { return code_; }  ///< pretty form; known to the holder only
  const base::Bytes& file() const { return file_; }
  const std::string& kind() const { return kind_; }
  const std::string& media_type() const { return media_type_; }
  const std::string& file_name() const { return file_name_; }
  base::Time issued_at() const { return issued_at_; }

 private:
  friend class Issuer;
  Issued() = default;
  verify::DocumentId id_;
  std::string code_;
  base::Bytes file_;
  std::string kind_, media_type_, file_name_;
  base::Time issued_at_;
};

/// Thread-safe.
class Issuer {
 public:
  struct Life;
  struct SealConfig {
    SealId id;
    std::string agency;       ///< text curved round the seal picture
    std::string agency_code;  ///< unified social credit code
    std::string caption;      ///< e.g. "社会保险业务专用章"
    std::shared_ptr<const hsm::Key> key;
    certs::Certificate certificate;
    std::vector<certs::Certificate> chain;
  };
  struct Parts {
    store::Pool& pool;
    verify::Register& documents;
    std::function<std::shared_ptr<const verify::Verifier>()> verifier;  ///< the newest trust list
    const TimestampSource& timestamps;
    const base::Secret& code_pepper;
    const store::FieldCipher& cipher;  ///< document bytes and codes are encrypted at rest
    const base::Clock& clock;
    base::Random& random;
    std::string instance;        ///< names this instance's intents
    std::string verify_address;  ///< "http://127.0.0.1:8080/v/": the code is appended for the QR
    std::string font_file = {};  ///< of the body; empty: that of the package fonts-noto-cjk
    std::string title_font_file = {};      ///< of titles and the seal; empty: the package's, or the
                                           ///< body's when that is given
    std::shared_ptr<Life> life = nullptr;  ///< none: a life of its own
  };
  /// What the issuers of one life of an instance share when one follows the other (a renewed
  /// certificate): settle() and retries then know each other's open intents for living ones.
  static std::shared_ptr<Life> new_life(const base::Clock& clock, base::Random& random);

  /// Lays the templates out (tens of milliseconds). Errors: internal `seal.template`,
  /// `seal.certificate` (not of this key); unavailable `seal.font` (names the package that holds
  /// it); invalid_argument `seal.glyph` (in the agency's name).
  static base::Result<std::unique_ptr<Issuer>> create(Parts parts, SealConfig seal);
  ~Issuer();

  /// `idempotency_key` names the request within the subject: the same key with the same draft gives
  /// the same document, with another draft is conflict `seal.idempotency`. Drafts are the same when
  /// kind, subject, rows and all fields but `as_of` are. The key has 1 to 200 visible ASCII
  /// characters. What was abandoned may be tried again under the same key. Errors:
  /// permission_denied `seal.scope` (the actor's token may not have this kind made: "documents",
  /// "documents.issue" where a system states the facts), `seal.not_own`;
  /// invalid_argument `seal.kind`, `seal.idempotency_key`, `seal.field` (args "field"),
  /// `seal.rows`, `seal.glyph` (args "character": no glyph for it); unavailable `hsm.unavailable`,
  /// `seal.timestamp`, `seal.in_progress`, `seal.too_late`, `store.unavailable`; internal
  /// `seal.judged_bad` (our own work did not pass; nothing left).
  base::Result<Issued> issue(const auth::Actor& actor, const Draft& draft,
                             std::string_view idempotency_key);

  /// The same bytes again, for whose it is or whom that was merged into (Actor::holders).
  /// Errors: permission_denied `seal.scope`;
  /// not_found `seal.no_document`; internal `seal.damaged`.
  base::Result<Issued> fetch(const auth::Actor& actor, const verify::DocumentId& id);

  struct Listed {
    verify::DocumentId id;
    std::string kind;
    base::Time issued_at;
  };
  base::Result<std::vector<Listed>> list(const auth::Actor& actor);

  /// Ends open intents that no live request can finish: this instance's from before its start, and
  /// any past their deadline. Returns how many. Safe at any time.
  base::Result<int> settle();

 private:
  struct Impl;
  explicit Issuer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace seal
