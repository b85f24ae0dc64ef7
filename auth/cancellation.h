// 注销: the person ends his account. 个人信息保护法 47, 网络数据安全管理条例 22–25.
//
// Asked for, then a time to think it over in which he can withdraw; then everything that this room
// keeps of him goes, but for what must be kept and says nothing of him by itself
// (docs/decisions/0084-cancellation.md).
#pragma once

#include <optional>

#include "auth/notices.h"

namespace auth {

/// Thread-safe through its parts.
class Cancellation {
 public:
  struct Parts {
    store::Pool& pool;
    Notices& notices;
    const base::Clock& clock;
    std::chrono::seconds wait{15 * 86'400};
  };
  explicit Cancellation(Parts parts) : parts_(parts) {}

  /// When it will happen. Asked again, the first moment stands.
  /// Errors: conflict `auth.cancel.staff`: staff are released first.
  base::Result<base::Time> ask(const SubjectId& subject);
  /// When it will happen; nothing when it was not asked for.
  base::Result<std::optional<base::Time>> due(const SubjectId& subject);
  /// Errors: not_found `auth.cancel.none`.
  base::Result<void> withdraw(const SubjectId& subject);
  /// Does what is due, at most `most`; how many accounts ended.
  base::Result<int> run_due(int most = 50);

 private:
  Parts parts_;
};

}  // namespace auth
