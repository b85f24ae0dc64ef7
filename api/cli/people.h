// What verbs about people need: the data key unwrapped by the token, and auth's rooms over it.
#pragma once

#include <filesystem>
#include <memory>

#include "api/cli/commands.h"
#include "auth/locks.h"
#include "auth/staff_desk.h"

namespace cli {

/// Errors: those of reading the file; of the signer.
base::Result<base::Secret> unwrap_data_key(const Config& config);

struct People {
  People(const Config& config, const base::Secret& data_key, const base::Clock& clock,
         base::Random& random);
  store::FieldCipher cipher;
  store::Pool pool;
  auth::PasswordHasher hasher;
  auth::Accounts accounts;
  auth::IdentityRequests requests;
  auth::Locks locks;
  auth::StaffDesk desk;
};
base::Result<std::unique_ptr<People>> open_people(Context& context);

/// Who acts: an account of staff, proven by its password.
struct StaffLogin {
  std::string login_name;
  std::filesystem::path password_file;
};
/// A verb of staff below `noun`: who acts stands in every one of them.
CLI::App* add_staff_verb(CLI::App& noun, const char* name, const char* help, StaffLogin& login);
/// Errors: those of a login; permission_denied `auth.staff.none`.
base::Result<auth::SubjectId> log_in_staff(People& people, const StaffLogin& login);

}  // namespace cli
