#include "tests/api/house.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>

#include "api/page_handlers.h"
#include "api/proofing_sources.h"
#include "api/upstairs.h"
#include "auth/id_numbers.h"
#include "base/encoding.h"
#include "base/json.h"
#include "seal/local_timestamps.h"
#include "services/demo_data.h"
#include "tests/support/active_seal.h"

namespace test {
namespace {

constexpr const char* kFont = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";
std::atomic<int> counter{0};

api::Config config_of(const House::Options& options, const std::filesystem::path& directory) {
  auto settings =
      base::Settings::from_text("profile = demonstration\npublic_url = " + std::string(kPublicUrl) +
                                    "\ndatabase.conninfo = unused\nhttp.port = 0\n",
                                "test", directory);
  auto config = api::Config::read(*settings, options.verify_only);
  base::check(config.ok(), "test configuration");
  config->limits = options.limits;
  if (!options.items.empty()) config->items = options.items;
  return std::move(*config);
}

store::Config pool_config(const Database& database, const House::Options& options) {
  store::Config out;
  out.conninfo = options.database
                     ? database.conninfo(options.verify_only ? Role::verifier : Role::service)
                     : "host=/nonexistent dbname=none";
  out.acquire_deadline = std::chrono::milliseconds(5'000);
  return out;
}

/// A citizen's number that nobody had before in this process.
std::string fresh_number(int n) {
  if (n == 0) return kIdNumber;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "1101051%03d0101%03d", 900 + n / 1000, n % 1000);
  std::string number(buffer);
  return number + auth::citizen_check(number);
}

}  // namespace

House::House(const Options& options)
    : database_(Database::shared()),
      pki_(options.keys ? Pki(options.keys) : Pki()),
      directory_(std::filesystem::temp_directory_path() /
                 ("xinyin-api-" + std::to_string(::getpid()) + "-" + std::to_string(counter++))),
      config_((std::filesystem::create_directories(directory_), config_of(options, directory_))),
      pepper_(random_.bytes(32)),
      pool_(pool_config(database_, options)),
      documents_(pool_),
      metrics_(std::make_unique<api::Metrics>(api::Router::labels(api::kRoutes))),
      rates_(config_.limits),
      client_secret_(base::to_base64url(random_.bytes(32))) {
  raise_descriptors();
  static const bool pages = [] {
    api::set_up_pages({.agency = "演示机构",
                       .public_host = "si.test",
                       .filing = "",
                       .demonstration = true,
                       .accounts = true});
    return true;
  }();
  (void)pages;
  auto file = api::Log::open(log_file());
  base::check(file.ok(), "log file");
  log_ = std::make_unique<api::Log>(pki_.clock(), std::move(*file));
  if (!options.verify_only)
    signer_ = std::make_unique<hsm::Client>(hsm::ClientConfig{
        .socket = directory_ / "no-signer.sock", .deadline = std::chrono::milliseconds(200)});
  services_ = std::unique_ptr<api::Services>(new api::Services{.config = config_,
                                                               .clock = pki_.clock(),
                                                               .random = random_,
                                                               .pool = pool_,
                                                               .documents = documents_,
                                                               .snapshot = snapshot_,
                                                               .code_pepper = pepper_,
                                                               .signer = signer_.get(),
                                                               .metrics = *metrics_,
                                                               .rates = rates_,
                                                               .verdicts = verdicts_});
  config_.proofing = options.proofing;
  if (options.mtls) {
    config_.http.mtls_url = kMtlsUrl;
    config_.http.proxy_socket = directory_ / "proxy.sock";
    config_.http.proxy_uid = static_cast<int>(::getuid());
  }
  if (options.trust_list) {
    services_->verifier.set(std::make_shared<const verify::Verifier>(pki_.list()));
    api::PublicFiles files;
    files.trust_list_jws = pki_.jws();
    files.issuing = pki_.certificate("issuing-ca");
    files.root_pem = pki_.certificate("root-ca").pem();
    files.issuing_crl_der.assign(base::as_text(pki_.issuing_crl()));
    files.trust_sequence = pki_.list().sequence;
    files.trust_next_update = pki_.list().next_update;
    services_->files.set(std::make_shared<const api::PublicFiles>(std::move(files)));
  }
  if (options.upstairs) services_->upstairs.set(build_upstairs());
  router_ = std::make_unique<api::Router>(*services_, *log_, api::kRoutes);
  api::ServerConfig http;
  http.hosts = {"si.test"};
  http.https = true;
  http.gate.opaque_path = api::kOcspPath;
  http.gate.old_path = api::kPkiPath;
  http.trusted_proxies = *api::parse_networks("127.0.0.1/32");
  if (options.mtls) {
    http.hosts.emplace_back("si.test:8443");
    http.proxy_socket = config_.http.proxy_socket;
    http.proxy_uid = static_cast<unsigned>(config_.http.proxy_uid);
  }
  server_ = std::make_unique<api::Server>(http, *router_);
  base::check(server_->start().ok(), "server start");
}

House::~House() {
  server_->drain(std::chrono::seconds(2));
  router_->stop();
  server_->stop();
  log_.reset();
  std::filesystem::remove_all(directory_);
}

std::shared_ptr<api::Upstairs> House::build_upstairs() {
  auto rooms = std::make_shared<api::Upstairs>();
  // One data key for all houses of this process: they share a database.
  static const base::Secret data_key{base::SystemRandom().bytes(32)};
  rooms->cipher = std::make_shared<store::FieldCipher>(data_key, random_);
  auth::PasswordHasher::Config cost;
  cost.memory_kib = 64;
  cost.passes = 1;
  cost.deadline = std::chrono::milliseconds(10'000);
  rooms->sms = carrier_;
  auto sources = api::build_proofing_sources(*services_);
  base::check(sources.ok(), "proofing sources");
  rooms->proofing_sources = std::move(*sources);
  api::join_auth(*services_, *rooms, cost, pki_.key("openid-1"));
  rooms->timestamps = std::make_unique<seal::LocalTimestamps>(pki_.timestamps());
  rooms->authority = std::make_unique<certs::TimestampAuthority>(pki_.timestamps());
  rooms->authority_key = pki_.certificate("timestamp-1").public_key_sha256();
  auto issuer =
      seal::Issuer::create({.pool = pool_,
                            .documents = documents_,
                            .verifier = [this] { return services_->verifier.get(); },
                            .timestamps = *rooms->timestamps,
                            .code_pepper = pepper_,
                            .cipher = *rooms->cipher,
                            .clock = pki_.clock(),
                            .random = random_,
                            .instance = "test",
                            .verify_address = std::string(kPublicUrl) + "/v/",
                            .font_file = kFont},
                           {.id = active_seal(pool_, pki_.clock(), random_),
                            .agency = Pki::kAgency,
                            .agency_code = Pki::kAgencyCode,
                            .picture = {.text = Pki::kAgency, .caption = "社会保险业务专用章"},
                            .key = pki_.key("seal-1"),
                            .certificate = pki_.certificate("seal-1"),
                            .chain = {pki_.certificate("issuing-ca")}});
  base::check(issuer.ok(), "issuer");
  rooms->issuer = std::move(*issuer);
  rooms->records = std::make_unique<services::Records>(pool_, *rooms->cipher, pki_.clock());
  return rooms;
}

Answer House::ask(std::string_view method, std::string_view target, std::string_view fields,
                  std::string_view body) {
  RawClient client(port());
  std::string all = std::string(method) + " " + std::string(target) +
                    " HTTP/1.1\r\nHost: si.test\r\n" + std::string(fields);
  if (!body.empty()) all += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  client.send(all + "\r\n" + std::string(body));
  return client.read(method == "HEAD");
}

Answer House::ask_at_mtls(std::string_view method, std::string_view target, std::string_view fields,
                          std::string_view body, base::BytesView certificate) {
  RawClient client(config_.http.proxy_socket.string());
  std::string all = std::string(method) + " " + std::string(target) +
                    " HTTP/1.1\r\nHost: si.test:8443\r\n" + std::string(fields);
  if (!certificate.empty()) all += "Client-Cert: :" + base::to_base64(certificate) + ":\r\n";
  if (!body.empty()) all += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  client.send(all + "\r\n" + std::string(body));
  return client.read(method == "HEAD");
}

Answer House::post_form(std::string_view target, const api::Parameters& form,
                        std::string_view fields) {
  std::string body;
  for (const auto& [name, value] : form)
    body +=
        (body.empty() ? "" : "&") + api::percent_encode(name) + "=" + api::percent_encode(value);
  return ask("POST", target,
             "Content-Type: application/x-www-form-urlencoded\r\n" + std::string(fields), body);
}

const House::Person& House::person() {
  if (person_) return *person_;
  static std::atomic<int> people{0};
  const int n = people++;
  auto rooms = services_->upstairs.get();
  base::check(rooms != nullptr, "a person needs the rooms upstairs");
  auth::NewSubject subject;
  subject.name = "张小三";
  subject.id_type = "cn-id";
  subject.id_number = fresh_number(n);
  subject.login_name = "person." + std::to_string(n);
  subject.proofing = auth::Proofing::p2;
  auto made = rooms->accounts->create(subject, base::Secret(base::as_bytes(kPassword)));
  base::check(made.ok(), made.ok() ? "" : made.error().key + made.error().detail);
  auto tx = pool_.begin();
  base::check(tx.ok(), "database");
  char code[32];
  std::snprintf(code, sizeof code, "91110108MA%07dT", n + 1);
  const auto rows = services::insert_demo_data(
      *tx, {made->value(), "unit-" + std::to_string(n), "示范科技有限责任公司", code, ""},
      pki_.clock().now());
  base::check(rows.ok() && tx->commit().ok(), rows.ok() ? "commit" : rows.error().detail);
  client_id_ = "client-" + std::to_string(n);
  auth::NewClient client;
  client.id = auth::ClientId(client_id_);
  client.name = "社保门户";
  client.secret = client_secret_;
  client.redirect_uris = {kRedirect};
  client.post_logout_redirect_uris = {"https://portal.example/bye"};
  client.scopes = "openid profile documents proofing mandates account staff offline_access";
  const auto registered = rooms->provider->register_client(client);
  base::check(registered.ok(), registered.ok() ? "" : registered.error().key);
  person_ = Person{*made, subject.login_name};
  return *person_;
}

std::string House::session_cookie() {
  const auto rooms = services_->upstairs.get();
  // Another test may have published agreements: this person has accepted what there is.
  const auto pending = rooms->agreements->pending(person().id);
  base::check(pending.ok(), "agreements");
  std::vector<auth::Acceptance> accepted;
  for (const auto& one : *pending) accepted.push_back({one.kind, one.version, one.sha256});
  base::check(rooms->agreements->accept(person().id, accepted, "test").ok(), "agreements");
  auto opened = rooms->sessions->open(person().id, auth::Method::password);
  base::check(opened.ok(), "session");
  return opened->cookie;
}

auth::Session House::session_of(std::string_view cookie) {
  auto found = services_->upstairs.get()->sessions->find(cookie);
  base::check(found.ok() && *found, "session");
  return **found;
}

std::string House::access_token(const std::string& scopes, std::string cookie) {
  if (cookie.empty()) cookie = session_cookie();
  const auto session = session_of(cookie);
  const auto verifier = base::to_base64url(random_.bytes(32));
  const auto challenge = base::to_base64url(base::sha256(base::as_bytes(verifier)));
  const auto line = "Cookie: __Host-xinyin_session=" + cookie + "\r\n";
  auto answer =
      get("/oauth/authorize?response_type=code&client_id=" + client_id() + "&redirect_uri=" +
              api::percent_encode(kRedirect) + "&scope=" + api::percent_encode(scopes) +
              "&state=s&nonce=n&code_challenge=" + challenge + "&code_challenge_method=S256",
          line + "Accept: text/html\r\n");
  if (answer.status == 200) {  // the consent page
    const auto mark = answer.body.find("name=\"transaction\" value=\"");
    base::check(mark != std::string::npos, "a consent page without a transaction");
    const auto begin = mark + std::string_view("name=\"transaction\" value=\"").size();
    const auto transaction = answer.body.substr(begin, answer.body.find('"', begin) - begin);
    answer = post_form(
        "/consent", {{"csrf", session.csrf}, {"transaction", transaction}, {"decision", "grant"}},
        line);
  }
  const auto code = query_value(answer.header("location"), "code");
  base::check(!code.empty(),
              "no code: " + std::to_string(answer.status) + " " + answer.head + answer.body);
  const auto basic = base::to_base64(base::as_bytes(client_id_ + ":" + client_secret_));
  const auto tokens = post_form("/oauth/token",
                                {{"grant_type", "authorization_code"},
                                 {"code", code},
                                 {"redirect_uri", kRedirect},
                                 {"code_verifier", verifier}},
                                "Authorization: Basic " + basic + "\r\n");
  const auto json = base::parse_json(tokens.body);
  base::check(tokens.status == 200 && json.ok(), "no token: " + tokens.body);
  return std::string(base::json_text(*json, "access_token"));
}

verify::Entry House::record(const verify::DocumentCode& code, bool in_memory) {
  verify::Entry entry;
  entry.id = verify::DocumentId(base::to_hex(random_.bytes(16)));
  entry.code = verify::digest_of(code, pepper_);
  entry.kind = "enrolment-certificate";
  entry.issuer = Pki::kAgency;
  entry.issuer_code = Pki::kAgencyCode;
  entry.issued_at = pki_.clock().now();
  random_.fill(entry.file_sha256);
  entry.file_bytes = 30'000;
  entry.facts = {{"fact.name", "张*三"}, {"fact.id_number", "110105********002X"}};
  auto tx = pool_.begin();
  base::check(tx.ok(), "database");
  const auto done = documents_.record(*tx, entry);
  base::check(done.ok() && tx->commit().ok(),
              done.ok() ? "commit" : done.error().key + done.error().detail);
  if (in_memory) base::check(snapshot_.follow(documents_).ok(), "follow");
  return entry;
}

std::string House::log_text() {
  log_->flush();
  std::ifstream in(log_file());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string oathtool(const std::string& base32, base::Time at) {
  const auto text = base::to_rfc3339(at);
  const auto command = "oathtool --totp --base32 --now '" + text.substr(0, 10) + " " +
                       text.substr(11, 8) + " UTC' " + base32;
  std::unique_ptr<FILE, int (*)(FILE*)> out(::popen(command.c_str(), "r"), ::pclose);
  char line[64] = {};
  EXPECT_NE(std::fgets(line, sizeof line, out.get()), nullptr) << "needs oathtool";
  return std::string(line).substr(0, 6);
}

std::string cookie_of(const Answer& answer) {
  const auto line = answer.header("set-cookie");
  return line.substr(0, line.find(';'));
}

std::string query_value(std::string_view url, std::string_view name) {
  const auto mark = url.find('?');
  if (mark == std::string_view::npos) return {};
  const auto parsed = api::parse_form(url.substr(mark + 1));
  if (!parsed.ok()) return {};
  return std::string(api::only(*parsed, name).value_or(""));
}

}  // namespace test
