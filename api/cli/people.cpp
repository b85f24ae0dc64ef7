#include "api/cli/people.h"

#include <fstream>
#include <sstream>

#include "hsm/client.h"

namespace cli {

base::Result<base::Secret> unwrap_data_key(const Config& config) {
  std::ifstream in(config.data_key_file, std::ios::binary);
  std::ostringstream wrapped;
  wrapped << in.rdbuf();
  if (!in) {
    auto failure = base::error(base::Code::unavailable, "auth.demo.file");
    failure.args = {{"path", config.data_key_file.string()}, {"why", "cannot be read"}};
    return failure;
  }
  hsm::Client signer({config.signer.socket, config.signer.deadline, 1});
  return signer.unwrap("data-key", base::as_bytes(wrapped.str()));
}

People::People(const Config& config, const base::Secret& data_key, const base::Clock& clock,
               base::Random& random)
    : cipher(data_key, random),
      pool({.conninfo = config.database.service, .connections = 2}),
      hasher({}, random),
      accounts({pool, cipher, hasher, clock, random, {}}),
      requests({pool, cipher, clock, random}),
      locks({pool, cipher, clock}),
      desk({pool, cipher, accounts, clock, random}) {}

base::Result<std::unique_ptr<People>> open_people(Context& context) {
  BASE_TRY(const auto* config, context.config());
  BASE_TRY(const auto key, unwrap_data_key(*config));
  return std::make_unique<People>(*config, key, context.clock(), context.random());
}

CLI::App* add_staff_verb(CLI::App& noun, const char* name, const char* help, StaffLogin& login) {
  auto* out = noun.add_subcommand(name, help);
  out->add_option("--as", login.login_name, "user name of the staff member who acts")->required();
  out->add_option("--password-file", login.password_file, "file with that account's password")
      ->required();
  return out;
}

base::Result<auth::SubjectId> log_in_staff(People& people, const StaffLogin& login) {
  BASE_TRY(const auto password, base::Secret::from_file(login.password_file));
  BASE_TRY(auto id, people.accounts.log_in(login.login_name, password, "command line"));
  BASE_TRY(const auto staff, people.requests.is_staff(id));
  if (!staff) return base::error(base::Code::permission_denied, "auth.staff.none");
  return id;
}

}  // namespace cli
