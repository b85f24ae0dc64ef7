// Telling somebody by text message what happened to his account, at the old and the new number, so
// that what he did not do himself does not stay unseen. LD/T 01-2020 6.2.5, security.md §3.A.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/factors.h"
#include "auth/sms_sender.h"
#include "base/clock.h"
#include "base/messages.h"
#include "store/field_cipher.h"
#include "store/store.h"

namespace auth {

/// The confirmed number, when there is one, and the registered one: each once.
base::Result<std::vector<std::string>> phones_of(store::Tx& tx, const store::FieldCipher& cipher,
                                                 const SubjectId& subject);

/// Notices are written in the transaction of what they tell, and sent by send_due. Who has no
/// number gets none. Thread-safe through its parts.
class Notices {
 public:
  struct Parts {
    store::Pool& pool;
    const store::FieldCipher& cipher;
    const base::Clock& clock;
  };
  explicit Notices(Parts parts) : parts_(parts) {}

  base::Result<void> factor_added(store::Tx& tx, const SubjectId& subject, FactorKind kind);
  /// `phones`: those before it ended, so that a number that goes is told too.
  base::Result<void> factor_removed(store::Tx& tx, const SubjectId& subject, FactorKind kind,
                                    const std::vector<std::string>& phones);
  base::Result<void> recovery_code_used(store::Tx& tx, const SubjectId& subject);
  /// A login from where there was none before.
  base::Result<void> new_place(store::Tx& tx, const SubjectId& subject, std::string_view network);
  base::Result<void> password_changed(store::Tx& tx, const SubjectId& subject);
  /// The number that codes go to becomes another; both are told.
  base::Result<void> phone_changed(store::Tx& tx, const SubjectId& subject, std::string_view from,
                                   std::string_view to);
  /// The same of the number in the contact data.
  base::Result<void> contact_changed(store::Tx& tx, const SubjectId& subject, std::string_view from,
                                     std::string_view to);
  /// Any other deed by its key of the catalogue ("web.notice.…").
  base::Result<void> tell(store::Tx& tx, const SubjectId& subject, std::string_view key,
                          base::MessageArgs args = {});

  /// Sends what is due, at most `most`; the number that was sent. A message whose sender fell in
  /// the middle is sent again; one that is refused eight times, or for good, is given up.
  base::Result<int> send_due(SmsSender& sender, int most = 20);
  base::Result<std::int64_t> sweep(int most = 1000);

 private:
  base::Result<void> number_changed(store::Tx& tx, const SubjectId& subject, std::string_view from,
                                    std::string_view to, std::string_view key);
  base::Result<void> tell_at(store::Tx& tx, const SubjectId& subject,
                             const std::vector<std::string>& phones, std::string_view key,
                             base::MessageArgs args);
  Parts parts_;
};

}  // namespace auth
