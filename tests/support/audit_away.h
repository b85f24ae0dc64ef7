// While one of these stands, the service may not append to the audit trail: what is done then must
// fail, and leave nothing. LD/T 01-2020 6.2.5e, 6.4.5d.
#pragma once

#include "tests/support/postgres.h"

namespace test {

class AuditAway {
 public:
  explicit AuditAway(Database& database) : database_(database) {
    database_.sql(Role::superuser, "revoke insert on audit.entry from xinyin_service");
  }
  ~AuditAway() { database_.sql(Role::superuser, "grant insert on audit.entry to xinyin_service"); }
  AuditAway(const AuditAway&) = delete;
  AuditAway& operator=(const AuditAway&) = delete;

 private:
  Database& database_;
};

}  // namespace test
