// xinyin demo seed: the people, the unit, the staff and the portals of a demonstration. Refused
// under `profile = production`.
//
// Every password and client secret is made at random for this installation. They stand in the file
// --out (mode 0600) and nowhere else; the database holds digests. Running it again keeps what that
// file knows, and makes anew what it does not; addresses are written as given each time, so that
// ports may move. The agency of a demonstration is configuration (agency.*), not a row.
#include <fstream>
#include <sstream>

#include "api/cli/people.h"
#include "api/cli/private_file.h"
#include "auth/accounts.h"
#include "auth/agreements.h"
#include "auth/portals.h"
#include "base/encoding.h"
#include "base/json.h"
#include "seal/templates.h"
#include "services/demo_data.h"

namespace cli {
namespace {

constexpr const char* kBy = "system:demo-seed";

struct Options {
  std::filesystem::path out, portal_secret;
  std::string portal_redirect = "http://127.0.0.1:8090/callback";
  std::string portal_after_logout = "http://127.0.0.1:8090/";
  std::string test_redirect = "http://127.0.0.1:8099/callback";
  std::string test_after_logout = "http://127.0.0.1:8099/logged-out";
  bool dry_run = false;
};

struct DemoSubject {
  const char* key;  ///< its member of the file
  auth::SubjectKind kind;
  const char *name, *id_type, *id_number, *login_name;
};
// Synthetic numbers whose checks are right (domain.md §2.1, §2.2).
constexpr DemoSubject kPerson{"person", auth::SubjectKind::person, "张小三",
                              "cn-id",  "110101199003076632",      "zhangxiaosan"};
constexpr DemoSubject kUnit{"unit", auth::SubjectKind::unit, "示范科技有限责任公司",
                            "uscc", "91110108MA0000015T",    "shifankeji"};
// Who proposes and approves portals here: one proposes, two others approve.
constexpr DemoSubject kStaff[] = {
    {"staff_a", auth::SubjectKind::person, "演示甲", "cn-id", "110101198503077012", "demo-staff-a"},
    {"staff_b", auth::SubjectKind::person, "演示乙", "cn-id", "110101198503077020", "demo-staff-b"},
    {"staff_c", auth::SubjectKind::person, "演示丙", "cn-id", "110101198503077039", "demo-staff-c"},
};

/// What an earlier run wrote; an empty object when there was none.
base::Result<rapidjson::Document> read_before(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return base::parse_json("{}");
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) return file_failure(file, "cannot be read");
  return base::parse_json(content.str());
}

std::string remembered(const rapidjson::Value& before, const char* part, const char* name) {
  const auto at = before.FindMember(part);
  return at == before.MemberEnd() ? std::string() : std::string(base::json_text(at->value, name));
}

/// Four groups of four symbols that nobody mixes up: 79 bits, easily typed.
std::string fresh_password(base::Random& random) {
  constexpr std::string_view kSymbols = "23456789abcdefghjkmnpqrstuvwxyz";  // 31
  std::string out;
  while (out.size() < 19) {
    if (out.size() % 5 == 4) out += '-';
    const auto byte = random.bytes(1)[0];
    if (byte < 8 * kSymbols.size()) out += kSymbols[byte % kSymbols.size()];
  }
  return out;
}

struct Seeded {
  auth::SubjectId id;
  std::string password;
};

base::Result<Seeded> seed_subject(auth::Accounts& accounts, base::Random& random,
                                  const DemoSubject& wanted, std::string known) {
  BASE_TRY(const auto there, accounts.find_by_number(wanted.id_type, wanted.id_number));
  Seeded out;
  out.password = known.empty() ? fresh_password(random) : known;
  const base::Secret secret(base::as_bytes(out.password));
  if (!there) {
    BASE_TRY(out.id, accounts.create({wanted.kind, wanted.name, wanted.id_type, wanted.id_number,
                                      wanted.login_name, auth::Proofing::p2},
                                     secret, kBy));
    return out;
  }
  out.id = *there;
  if (known.empty()) BASE_TRY_VOID(accounts.replace_password(out.id, secret, kBy));
  return out;
}

struct DemoClient {
  std::string id, name, secret, redirect, after_logout;
  std::string machine_scope = {};  ///< of a system that no person logs in to
};

/// What a portal's operator would hand in.
std::string metadata_of(const DemoClient& wanted) {
  base::JsonWriter out;
  out.StartObject();
  out.member("client_id", wanted.id);
  out.member("client_name", wanted.name);
  const bool machine = !wanted.machine_scope.empty();
  out.member("kind", machine ? "system" : "portal");
  out.member("operator", "演示社会保险经办中心");
  if (machine) {
    out.member("machine_scope", wanted.machine_scope);
    out.key("grant_types");
    out.StartArray();
    out.string("client_credentials");
    out.EndArray();
    out.EndObject();
    return out.text();
  }
  out.key("redirect_uris");
  out.StartArray();
  out.string(wanted.redirect);
  out.EndArray();
  if (!wanted.after_logout.empty()) {
    out.key("post_logout_redirect_uris");
    out.StartArray();
    out.string(wanted.after_logout);
    out.EndArray();
  }
  out.member("scope", auth::kScopes);
  out.key("grant_types");
  out.StartArray();
  out.string("authorization_code");
  out.string("refresh_token");
  out.EndArray();
  out.member("sector", "client:" + wanted.id);
  out.EndObject();
  return out.text();
}

using Staff = std::vector<auth::SubjectId>;

/// In the way that any portal comes in: one proposes, two others approve, who makes the secret last
/// hands it on.
base::Result<void> approve_by_two(auth::Portals& portals, const Staff& staff,
                                  const std::string& request, const std::string& secret) {
  for (std::size_t i = 1; i < staff.size(); ++i)
    BASE_TRY_VOID(portals.approve(request, staff[i], secret));
  return {};
}

base::Result<void> put_client(auth::Portals& portals, const Staff& staff,
                              const DemoClient& wanted) {
  BASE_TRY(const auto open, portals.open());
  for (const auto& one : open)  // what a run that was cut short left
    if (one.client.value() == wanted.id)
      BASE_TRY_VOID(portals.refuse(one.id, staff[0], "seeded again"));
  const auto request = portals.propose(metadata_of(wanted), staff[0]);
  if (request.ok())
    BASE_TRY_VOID(approve_by_two(portals, staff, *request, wanted.secret));
  else if (request.error().key != "auth.portal.same")
    return request.error();
  // The file may know another secret than an earlier run made.
  BASE_TRY(const bool fits, portals.has_secret(wanted.id, wanted.secret));
  if (fits) return {};
  BASE_TRY(const auto rotation, portals.propose_secret(wanted.id, {}, staff[0]));
  return approve_by_two(portals, staff, rotation, wanted.secret);
}

void put_subject(base::JsonWriter& out, const DemoSubject& subject, const Seeded& seeded) {
  out.key(subject.key);
  out.StartObject();
  out.member("username", subject.login_name);
  out.member("password", seeded.password);
  out.member("name", subject.name);
  out.member("id_number", subject.id_number);
  out.EndObject();
}

void put_client(base::JsonWriter& out, const char* key, const char* id, const std::string& secret,
                const std::string& redirect) {
  out.key(key);
  out.StartObject();
  out.member("client_id", id);
  out.member("client_secret", secret);
  out.member("redirect_uri", redirect);
  out.EndObject();
}

/// The portal's own secret file wins: the portal reads it.
base::Result<std::string> portal_secret(const Options& options, const rapidjson::Value& before,
                                        base::Random& random) {
  std::error_code ignored;
  if (!options.portal_secret.empty() && std::filesystem::exists(options.portal_secret, ignored)) {
    BASE_TRY(const auto secret, base::Secret::from_file(options.portal_secret));
    return std::string(secret.reveal_text());
  }
  auto secret = remembered(before, "portal_client", "client_secret");
  if (secret.empty()) secret = base::to_base64url(random.bytes(32));
  if (!options.portal_secret.empty())
    BASE_TRY_VOID(write_private(options.portal_secret, secret + "\n"));
  return secret;
}

/// The model texts where the agency has none of its own yet, accepted by the demonstration's
/// people: what is demonstrated to them first is the service.
base::Result<void> seed_agreements(auth::Agreements& agreements,
                                   const std::vector<auth::SubjectId>& subjects) {
  for (const auto kind : {auth::AgreementKind::service, auth::AgreementKind::privacy}) {
    if (agreements.current(kind).ok()) continue;
    BASE_TRY_VOID(agreements.publish(kind, auth::model_agreement(kind), kBy));
  }
  for (const auto& subject : subjects) {
    BASE_TRY(const auto pending, agreements.pending(subject));
    std::vector<auth::Acceptance> accepted;
    for (const auto& one : pending) accepted.push_back({one.kind, one.version, one.sha256});
    BASE_TRY_VOID(agreements.accept(subject, accepted, "demonstration"));
  }
  return {};
}

base::Result<Answer> seed(Context& context, const Options& options) {
  BASE_TRY(const auto* config, context.config());
  if (config->production) return base::error(base::Code::permission_denied, "auth.demo.production");
  BASE_TRY(const auto before, read_before(options.out));
  if (options.dry_run) {
    base::JsonWriter would;
    would.StartObject();
    would.member("would_write", options.out.string());
    would.member("person", kPerson.login_name);
    would.member("unit", kUnit.login_name);
    would.EndObject();
    return Answer{would.text(), "将写入 · would write " + options.out.string(), kDone};
  }
  BASE_TRY(const auto key, unwrap_data_key(*config));
  auto& random = context.random();
  const auto now = context.clock().now();
  const store::FieldCipher cipher(key, random);
  store::Pool pool({.conninfo = config->database.service, .connections = 1});
  auth::PasswordHasher hasher({}, random);
  auth::Accounts accounts({pool, cipher, hasher, context.clock(), random, {}});
  auth::Clients clients(pool);
  auth::Portals portals({pool, clients, context.clock(), random});
  auth::IdentityRequests requests({pool, cipher, context.clock(), random});

  BASE_TRY(const auto portal, portal_secret(options, before, random));
  auto test_secret = remembered(before, "test_client", "client_secret");
  if (test_secret.empty()) test_secret = base::to_base64url(random.bytes(32));
  auto core_secret = remembered(before, "core_client", "client_secret");
  if (core_secret.empty()) core_secret = base::to_base64url(random.bytes(32));
  BASE_TRY(const auto person,
           seed_subject(accounts, random, kPerson, remembered(before, kPerson.key, "password")));
  BASE_TRY(const auto unit,
           seed_subject(accounts, random, kUnit, remembered(before, kUnit.key, "password")));

  std::vector<Seeded> staff;
  Staff staff_ids;
  std::vector<auth::SubjectId> everybody{person.id, unit.id};
  for (const auto& wanted : kStaff) {
    BASE_TRY(auto one,
             seed_subject(accounts, random, wanted, remembered(before, wanted.key, "password")));
    BASE_TRY(const bool is, requests.is_staff(one.id));
    if (!is) BASE_TRY_VOID(requests.name_staff(one.id, kBy));
    staff_ids.push_back(one.id);
    everybody.push_back(one.id);
    staff.push_back(std::move(one));
  }

  auth::Agreements agreements(pool, context.clock());
  BASE_TRY_VOID(seed_agreements(agreements, everybody));

  // The file first: a password that is in use must be known to somebody.
  base::JsonWriter out;
  out.StartObject();
  put_subject(out, kPerson, person);
  put_subject(out, kUnit, unit);
  for (std::size_t i = 0; i < staff.size(); ++i) put_subject(out, kStaff[i], staff[i]);
  put_client(out, "portal_client", "demo-portal", portal, options.portal_redirect);
  put_client(out, "test_client", "demo-scripts", test_secret, options.test_redirect);
  put_client(out, "core_client", "demo-core", core_secret, "");
  out.EndObject();
  BASE_TRY_VOID(write_private(options.out, out.text() + "\n"));

  BASE_TRY_VOID(put_client(portals, staff_ids,
                           {"demo-portal", "示范参保服务门户", portal, options.portal_redirect,
                            options.portal_after_logout}));
  BASE_TRY_VOID(put_client(portals, staff_ids,
                           {"demo-scripts", "示范脚本客户端", test_secret, options.test_redirect,
                            options.test_after_logout}));
  BASE_TRY_VOID(put_client(
      portals, staff_ids,
      {"demo-core", "示范业务经办系统", core_secret, "", "", std::string(seal::kSystemScope)}));
  BASE_TRY(auto tx, pool.begin());
  BASE_TRY_VOID(services::insert_demo_data(
      tx, {person.id.value(), unit.id.value(), kUnit.name, kUnit.id_number, ""}, now));
  BASE_TRY_VOID(services::insert_demo_roster(tx, cipher, unit.id.value(), 42));
  BASE_TRY_VOID(tx.commit());

  base::JsonWriter answer;  // without the secrets: this may end in a log
  answer.StartObject();
  answer.member("file", options.out.string());
  answer.member("person", kPerson.login_name);
  answer.member("unit", kUnit.login_name);
  answer.EndObject();
  return Answer{
      answer.text(),
      "演示数据已就绪 demonstration data is in place; 密码见 passwords: " + options.out.string(),
      kDone};
}

}  // namespace

void register_demo(CLI::App& app, Context& context) {
  auto* noun = app.add_subcommand("demo", "data of a demonstration; refused in production");
  noun->require_subcommand(1);
  auto* verb = noun->add_subcommand("seed", "a person, a unit, three clients; again is harmless");
  const auto options = std::make_shared<Options>();
  verb->add_option("--out", options->out, "file for the passwords and secrets, mode 0600")
      ->required();
  verb->add_option("--portal-secret", options->portal_secret,
                   "file of the portal's client secret: read, or written when it is not there");
  verb->add_option("--portal-redirect", options->portal_redirect, "the portal's redirect URI")
      ->capture_default_str();
  verb->add_option("--portal-after-logout", options->portal_after_logout,
                   "where the portal has people sent after logging out")
      ->capture_default_str();
  verb->add_option("--test-redirect", options->test_redirect, "redirect URI of the scripts' client")
      ->capture_default_str();
  verb->add_option("--test-after-logout", options->test_after_logout,
                   "where the scripts' client has people sent after logging out")
      ->capture_default_str();
  verb->add_flag("--dry-run", options->dry_run, "say what would be written, write nothing");
  verb->callback([&context, options] { context.run([&] { return seed(context, *options); }); });
}

}  // namespace cli
