#include "api/config.h"

#include <algorithm>
#include <sstream>

#include "auth/acr.h"
#include "base/encoding.h"
#include "seal/templates.h"

namespace api {
namespace {

std::chrono::milliseconds seconds(base::Settings& s, std::string_view key, int fallback, int most,
                                  std::string_view help) {
  return std::chrono::seconds(s.integer(key, fallback, 1, most, help));
}

int whole(base::Settings& s, std::string_view key, int fallback, int least, int most,
          std::string_view help) {
  return static_cast<int>(s.integer(key, fallback, least, most, help));
}

std::vector<Network> networks(base::Settings& s, std::string_view key, std::string_view fallback,
                              std::string_view help) {
  auto parsed = parse_networks(s.text(key, fallback, help));
  if (parsed) return std::move(*parsed);
  s.refuse(key, "not a list of networks such as 127.0.0.1/32, 10.0.0.0/8");
  return {};
}

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

/// Words separated by commas or spaces, in lower case.
std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = text.find_first_of(", \t");
    if (end != 0) out.push_back(lower(std::string(text.substr(0, end))));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

/// Words separated by spaces, as they are.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = text.find_first_of(" \t");
    if (end != 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

/// "scheme://host[:port]", nothing behind it.
bool is_origin(std::string_view url) {
  const auto mark = url.find("://");
  if (mark == std::string_view::npos) return false;
  const auto scheme = url.substr(0, mark), rest = url.substr(mark + 3);
  return (scheme == "http" || scheme == "https") && !rest.empty() &&
         rest.find_first_of("/?#@ \\") == std::string_view::npos;
}

bool is_loopback(std::string_view url) {
  const auto host = url.substr(url.find("://") + 3);
  for (const auto* own : {"127.0.0.1", "localhost", "[::1]"}) {
    const auto rest = host.starts_with(own) ? host.substr(std::string_view(own).size()) : "?";
    if (rest.empty() || rest.front() == ':') return true;
  }
  return false;
}

void read_http(base::Settings& s, Config& out) {
  auto& http = out.http;
  http.listen = s.text("http.listen", "127.0.0.1", "address to listen on, behind the proxy");
  http.port = whole(s, "http.port", 8081, 0, 65535, "port to listen on; 0 takes any free one");
  http.reactors = whole(s, "http.reactors", 0, 0, 256, "event threads; 0 is one a core");
  http.connections = whole(s, "http.connections", 10'000, 16, 1'000'000,
                           "open connections; the next one is answered 503");
  http.hosts = words(s.text("http.hosts", "",
                            "further names that the Host header may carry, beside public_url's "
                            "and the listening address"));
  const auto mark = out.public_url.find("://");
  if (mark != std::string::npos) http.hosts.push_back(lower(out.public_url.substr(mark + 3)));
  http.hosts.push_back(lower(http.listen) + ":" + std::to_string(http.port));
  http.trusted_proxies = networks(s, "http.trusted_proxies", "127.0.0.1/32 ::1/128",
                                  "networks of our own proxies, whose X-Forwarded-For is believed");
  http.proxy_socket = s.path("http.proxy_socket", "",
                             "Unix socket for the proxy that ends mutual TLS: what it tells of "
                             "clients' certificates is believed there alone; empty: none");
  http.proxy_uid = whole(s, "http.proxy_uid", 0, 0, 2'000'000'000,
                         "number of the account that the proxy at http.proxy_socket runs as");
  http.mtls_url = s.text("http.mtls_url", "",
                         "the address where clients show certificates (mutual TLS); empty: none");
  if (!http.mtls_url.empty() &&
      (!is_origin(http.mtls_url) || !http.mtls_url.starts_with("https://")))
    s.refuse("http.mtls_url", "not https://host[:port]");
  if (http.mtls_url.empty() != http.proxy_socket.empty())
    s.refuse("http.mtls_url", "goes with http.proxy_socket: both or none");
  if (!http.mtls_url.empty())
    http.hosts.push_back(lower(http.mtls_url.substr(http.mtls_url.find("://") + 3)));
  http.operators =
      networks(s, "http.operators", "127.0.0.1/32 ::1/128", "networks that may read /metrics");
  http.head_deadline = seconds(s, "http.head_deadline_s", 10, 600,
                               "seconds from a request's first byte to the end of its head");
  http.body_deadline = seconds(s, "http.body_deadline_s", 60, 3'600,
                               "seconds from the head's end to the body's end");
  http.idle =
      seconds(s, "http.idle_s", 60, 3'600, "seconds a connection may rest between requests");
  http.write_idle = seconds(s, "http.write_idle_s", 30, 3'600,
                            "seconds without a byte of the answer taken before the client is cut");
  http.answer_deadline = seconds(s, "http.answer_deadline_s", 30, 600,
                                 "seconds an answer may take to make before it is 503");
  http.drain = std::chrono::seconds(s.integer("http.drain_s", 5, 0, 600,
                                              "seconds between not being ready and closing the "
                                              "port, when told to stop"));
  http.finish =
      seconds(s, "http.finish_s", 20, 600, "seconds for open requests to end when stopping");
}

void read_workers(base::Settings& s, Config& out) {
  auto& w = out.workers;
  w.lookup = whole(s, "workers.lookup", 2, 1, 64, "threads for register look-ups");
  w.pages = whole(s, "workers.pages", 16, 1, 64,
                  "threads for pages and OpenID endpoints; they mostly wait for the signer and the "
                  "database");
  w.login = whole(s, "workers.login", 4, 1, 64, "threads that wait for password checks");
  w.issue = whole(s, "workers.issue", 4, 1, 64, "threads that issue documents");
  w.upload = whole(s, "workers.upload", 1, 1, 64, "threads that judge uploaded files");
  w.queue = whole(s, "workers.queue", 256, 1, 65'536, "requests that may wait in each pool");
  w.upload_queue = whole(s, "workers.upload_queue", 8, 1, 1'024, "uploaded files that may wait");
  w.outside = whole(s, "workers.outside", 4, 1, 64,
                    "threads that wait for systems of others (text messages, proofing)");
  w.outside_queue =
      whole(s, "workers.outside_queue", 32, 1, 65'536, "requests that may wait for one of them");
  w.queue_deadline = seconds(s, "workers.queue_deadline_s", 3, 60,
                             "seconds a request may wait for a thread before it is answered 503");
  auto& l = out.limits;
  l.lookup = whole(s, "limits.lookup_per_minute", 6'000, 0, 10'000'000,
                   "look-ups of codes not in memory, a minute and network (/24, /48); 0: no limit");
  l.login = whole(s, "limits.login_per_minute", 1'200, 0, 10'000'000,
                  "login and consent pages and posts, a minute and network");
  l.token = whole(s, "limits.token_per_minute", 60'000, 0, 10'000'000,
                  "token, userinfo and document requests, a minute and network");
  l.issue = whole(s, "limits.issue_per_minute", 6'000, 0, 10'000'000,
                  "documents issued, a minute and network");
  l.upload = whole(s, "limits.upload_per_minute", 120, 0, 10'000'000,
                   "files judged, a minute and network");
  l.ocsp = whole(s, "limits.ocsp_per_minute", 60'000, 0, 10'000'000,
                 "requests about revocation, a minute and network");
  l.ocsp_live = whole(s, "limits.ocsp_live_per_minute", 600, 0, 10'000'000,
                      "of them, those whose answer must be signed for them: with a nonce, or about "
                      "a serial number without an answer that lies ready");
  l.timestamp = whole(s, "limits.timestamp_per_minute", 600, 0, 10'000'000,
                      "time stamps given to others, a minute and network");
  l.registration = whole(s, "limits.registration_per_minute", 600, 0, 10'000'000,
                         "steps of registering by oneself, a minute and network");
  auto& p = out.passwords;
  p.workers = whole(s, "passwords.workers", 1, 1, 64, "threads that hash passwords (Argon2id)");
  p.queue = whole(s, "passwords.queue", 40, 1, 10'000, "logins that may wait for a hash");
  p.memory_kib =
      whole(s, "passwords.memory_kib", 19'456, 1'024, 1 << 20, "memory of one hash, KiB");
  p.passes = whole(s, "passwords.passes", 2, 1, 100, "passes of one hash");
}

void read_body_lists(base::Settings& s, Config& out) {
  auto& b = out.body_lists;
  b.directory =
      s.path("pki.body_crls", "",
             "directory with revocation lists of certification bodies (.crl, .der, .pem), "
             "read when it changes; empty: none but what is fetched");
  b.every = std::chrono::seconds(
      s.integer("pki.body_crl_fetch_s", 3'600, 0, 86'400,
                "seconds between two fetches of each revocation list whose address the trust list "
                "has; without a list in force a body's certificates are refused; 0: nothing is "
                "fetched"));
  b.deadline = std::chrono::milliseconds(
      s.integer("pki.body_crl_deadline_ms", 10'000, 100, 60'000, "how long one fetch may take"));
  b.roots_file =
      s.path("pki.body_crl_roots_file", "",
             "PEM file with the roots that addresses with https must lead to; empty: the "
             "system's");
}

bool is_oid(std::string_view text) {
  return text.size() >= 3 && text.size() <= 128 && text[0] >= '0' && text[0] <= '2' &&
         text[1] == '.' && text.back() != '.' && text.find("..") == std::string_view::npos &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

void read_timestamps(base::Settings& s, Config& out) {
  auto& t = out.timestamps;
  const auto urls = s.text("timestamps.foreign_urls", "",
                           "time-stamp authorities of others (RFC 3161 over HTTP), in the order "
                           "of asking, separated by spaces; the trust list must know them too");
  for (auto& url : split(urls)) {
    const auto path = url.find('/', url.find("://") == std::string::npos ? 0 : url.find("://") + 3);
    if (!url.starts_with("http://") || !is_origin(url.substr(0, path)))
      s.refuse("timestamps.foreign_urls", "not http://host[:port]/path");
    else if (out.production && is_loopback(url.substr(0, path)))
      s.refuse("timestamps.foreign_urls", "a simulator on this machine is not for production");
    t.foreign_urls.push_back(std::move(url));
  }
  t.foreign_roots_file = s.path("timestamps.foreign_roots_file", "",
                                "PEM file with the root certificates that theirs must lead to");
  if (!t.foreign_urls.empty() && t.foreign_roots_file.empty())
    s.refuse("timestamps.foreign_roots_file", "needed with timestamps.foreign_urls");
  t.foreign_policies = words(s.text("timestamps.foreign_policies", "",
                                    "time-stamp policies to be accepted (object identifiers); "
                                    "empty accepts any"));
  for (const auto& policy : t.foreign_policies)
    if (!is_oid(policy)) s.refuse("timestamps.foreign_policies", "not an object identifier");
  t.foreign_first = s.boolean("timestamps.foreign_first", false,
                              "asks the others first and our own authority last; else our own "
                              "first and the others when it cannot");
  t.foreign_deadline =
      std::chrono::milliseconds(s.integer("timestamps.foreign_deadline_ms", 2'000, 100, 10'000,
                                          "how long one of them may take, connection included"));
}

void read_sms(base::Settings& s, Config& out) {
  auto& sms = out.sms;
  sms.url = s.text("sms.url", "",
                   "the carrier's interface for text messages (SendSms 2017-05-25, signed with "
                   "ACS3-HMAC-SHA256); empty: no text messages, and no codes by them");
  const auto mark = sms.url.find("://");
  const auto origin =
      sms.url.substr(0, mark == std::string::npos ? mark : sms.url.find('/', mark + 3));
  // The path is signed as "/": the interface has no other.
  if (!sms.url.empty() && (!is_origin(origin) || (sms.url != origin && sms.url != origin + "/")))
    s.refuse("sms.url", "not https://host[:port]/");
  else if (!sms.url.empty() && out.production && !sms.url.starts_with("https://"))
    s.refuse("sms.url", "the production profile needs https");
  else if (!sms.url.empty() && out.production && is_loopback(origin))
    s.refuse("sms.url", "a simulator on this machine is not for production");
  sms.key_id = s.text("sms.key_id", "", "who we are to the carrier (AccessKeyId)");
  sms.key_secret_file = s.path("sms.key_secret_file", "", "file with the secret that goes with it");
  sms.sign_name = s.text("sms.sign_name", "", "the approved signature that stands in 【】");
  sms.code_template = s.text("sms.code_template", "",
                             "the carrier's code of the template for one-time codes; its values: "
                             "purpose, code, minutes");
  sms.notice_template = s.text("sms.notice_template", "",
                               "its code of the template for notices; its values: what, when");
  if (!sms.url.empty() &&
      (sms.key_id.empty() || sms.key_secret_file.empty() || sms.sign_name.empty() ||
       sms.code_template.empty() || sms.notice_template.empty()))
    s.refuse("sms.url", "needs sms.key_id, sms.key_secret_file, sms.sign_name and both templates");
  sms.roots_file = s.path("sms.roots_file", "",
                          "PEM file with the roots its https must lead to; empty: the system's");
  sms.deadline = std::chrono::milliseconds(
      s.integer("sms.deadline_ms", 3'000, 100, 20'000, "how long sending one may take"));
  sms.codes.life = std::chrono::seconds(
      s.integer("sms.code_life_s", 300, 60, 900, "how long a one-time code is good"));
  sms.codes.per_phone_hour =
      whole(s, "sms.codes_per_number_hour", 5, 1, 100, "one-time codes to one number in an hour");
  sms.codes.per_phone_day = whole(s, "sms.codes_per_number_day", 10, 1, 1'000, "and in a day");
  sms.codes.per_network_hour = whole(s, "sms.codes_per_network_hour", 20, 1, 100'000,
                                     "one-time codes asked for from one network in an hour");
  sms.cool_off = std::chrono::hours(
      s.integer("sms.number_waits_h", 24, 0, 720,
                "hours until a confirmed number that takes another's place counts at a login"));
}

void read_proofing_source(base::Settings& s, Config& out, const std::string& name, const char* what,
                          Config::Proofing::Source& source) {
  const auto key = "proofing." + name;
  source.url = s.text(key + "_url", "",
                      std::string(what) +
                          " (docs/gateways.md): https://host[:port]/path; empty: "
                          "this way of proofing is off");
  source.key_id = s.text(key + "_key_id", "", "who we are there");
  source.secret_file = s.path(key + "_secret_file", "", "file with the secret that goes with it");
  if (source.url.empty()) return;
  const auto mark = source.url.find("://");
  const auto origin =
      source.url.substr(0, source.url.find('/', mark == std::string::npos ? 0 : mark + 3));
  if (!is_origin(origin)) {
    s.refuse(key + "_url", "not https://host[:port]/path");
    return;
  }
  if (source.key_id.empty() || source.secret_file.empty())
    s.refuse(key + "_url", "needs its key id and secret file");
  if (!is_loopback(origin) && !source.url.starts_with("https://"))
    s.refuse(key + "_url", "http only on this machine, for a simulator");
  else if (out.production && is_loopback(origin))
    s.refuse(key + "_url", "a simulator on this machine is not for production");
  out.proofing.simulated = out.proofing.simulated || is_loopback(origin);
}

void read_proofing(base::Settings& s, Config& out) {
  auto& p = out.proofing;
  read_proofing_source(s, out, "identity", "the identity register: two, three, four factors",
                       p.identity);
  read_proofing_source(s, out, "association", "the agency's own records: knowledge of them",
                       p.association);
  read_proofing_source(s, out, "social_card", "the platform of the e-social-security card",
                       p.social_card);
  read_proofing_source(s, out, "face", "the face service", p.face);
  read_proofing_source(s, out, "network_id", "the national network identity (网号, 网证)",
                       p.network_id);
  p.network_id_tells = s.boolean("proofing.network_id_tells", false,
                                 "it says who somebody is and is sent neither name nor number; "
                                 "else it compares what we send");
  p.network_id_level = whole(s, "proofing.network_id_level", 2, 1, 2,
                             "the level that a network identity without a face proves: 1 or 2");
  p.network_id_face = s.boolean("proofing.network_id_face", false,
                                "it can be asked to look at a living face too, for level 3");
  p.certificates = s.boolean("proofing.certificates", false,
                             "certificates of admitted bodies prove who their holder is");
  // 人脸识别技术应用安全管理办法 art 10: where another way reaches the goal, face is not the only
  // one.
  if (!p.face.url.empty() && p.association.url.empty() && p.social_card.url.empty() &&
      p.identity.url.empty() && !p.certificates)
    s.refuse("proofing.face_url", "face may not be the only way: open another one beside it");
  p.roots_file = s.path("proofing.roots_file", "",
                        "PEM file with the roots their https must lead to; empty: the system's");
  p.deadline = std::chrono::milliseconds(
      s.integer("proofing.deadline_ms", 3'000, 100, 20'000, "how long one answer may take"));
  const std::array<const char*, 3> keys{"proofing.p1_life_days", "proofing.p2_life_days",
                                        "proofing.p3_life_days"};
  for (std::size_t i = 0; i < keys.size(); ++i)
    p.life[i] = std::chrono::hours(
        24 * s.integer(keys[i], i == 0 ? 0 : 1'825, 0, 36'500,
                       "days that evidence of this level counts; then people prove it again; 0: "
                       "without an end"));
}

void read_platforms_file(base::Settings& s, Config& out) {
  const auto file = s.path("platforms.file", "",
                           "JSON file with the third-party platforms whose accounts log people in "
                           "(docs/gateways.md); empty: none");
  if (file.empty() || out.verify_only) return;
  auto read = read_platforms(file, {out.public_url, out.production});
  if (read.ok())
    out.platforms = std::move(*read);
  else
    s.refuse("platforms.file", read.error().detail);
}

/// More than the least may be demanded, not less.
void read_items(base::Settings& s, Config& out) {
  for (auto& item : out.items) {
    std::string key = "items." + std::string(item.id);
    std::replace(key.begin(), key.end(), '-', '_');
    const auto short_acr = [](const ItemPolicy& policy) {
      return "p" + std::to_string(static_cast<int>(policy.proofing)) + "a" +
             std::to_string(static_cast<int>(policy.authentication));
    };
    item.self_only = s.boolean(key + ".self_only", item.self_only,
                               "本人办理: whoever acts for another is refused");
    const auto acr = auth::acr_from(
        "urn:xinyin:acr:" + s.text(key + ".acr", short_acr(item),
                                   "proofing and login that it needs, p0a1 to p3a3; no less than "
                                   "the default"));
    if (!acr || !acr->meets({item.proofing, item.authentication}))
      s.refuse(key + ".acr", "not p0a1 to p3a3, or less than " + short_acr(item));
    else
      item.proofing = acr->proofing, item.authentication = acr->authentication;
    item.max_age = std::chrono::seconds(s.integer(
        key + ".max_age_s", 0, 0, 86'400, "how old the login may be; 0: as long as it lasts"));
  }
}

/// Which handling systems may state the facts of which documents; nobody unless it is said.
void read_documents(base::Settings& s, Config& out) {
  std::istringstream words(
      s.text("documents.issuers", "",
             "which systems may have which documents made of facts that they state (client "
             "id/kind, separated by blanks: docs/documents.md); empty: none"));
  const auto templates = seal::Templates::built_in();
  for (std::string word; words >> word;) {
    const auto slash = word.rfind('/');
    const auto* kind = slash == std::string::npos || slash == 0 || !templates.ok()
                           ? nullptr
                           : (*templates)->find(std::string_view(word).substr(slash + 1));
    if (kind == nullptr || kind->source != seal::FactSource::system)
      s.refuse("documents.issuers", word + " is not client/kind, of a kind that systems state");
    else
      out.documents.issuers.push_back(word);
  }
}

void read_accounts(base::Settings& s, Config& out) {
  out.cancel_wait = std::chrono::hours(
      24 * s.integer("account.cancel_wait_days", 15, 0, 90,
                     "days between asking for the end of an account and its erasure"));
}

void read_parts(base::Settings& s, Config& out) {
  out.database.conninfo = s.required("database.conninfo",
                                     "libpq connection string of the service's role; the password "
                                     "in a passfile, not here");
  out.database.connections =
      whole(s, "database.connections", 6, 1, 64,
            "connections to the database; two to eight are best on two cores");
  out.pki_directory =
      s.path("pki.directory", "pki", "certificates, revocation list and trust list");
  out.root_sha256 =
      s.text("pki.root_sha256", "",
             "SHA-256 of the root certificate, hex; empty believes the trust list's own");
  if (!out.root_sha256.empty()) {
    const auto digest = base::from_hex(out.root_sha256);
    if (!digest || digest->size() != 32) s.refuse("pki.root_sha256", "not 64 hex digits");
  }
  out.seen_lists_file = s.text("pki.seen_lists_file", "",
                               "file in which the newest trust list seen is remembered, so that an "
                               "older one is refused after "
                               "a restart too; empty: only while it runs; needed in production");
  out.code_pepper_file = s.path("secrets.code_pepper_file", "secrets/code-pepper",
                                "file with the secret under which document codes are stored (hex)");
  out.ocsp_life = std::chrono::seconds(
      s.integer("pki.ocsp_life_s", 86'400, 600, 7 * 86'400,
                "how long an answer about revocation (OCSP) is good; made anew at half of it"));
  read_body_lists(s, out);
  read_timestamps(s, out);
  read_sms(s, out);
  read_accounts(s, out);
  // Asked for in --only=verify too, so that one file serves both kinds of instance.
  out.data_key_file = s.path("secrets.data_key_file", "secrets/data-key.wrapped",
                             "file with the data key, wrapped by the token");
  out.signer.socket = s.path("signer.socket", "signer.sock", "Unix socket of xinyin-signer");
  out.signer.seal_key = s.text("signer.seal_key", "seal-*",
                               "label of the seal's key; with a * at the end, of all labels with a "
                               "number there the highest one that the trust list and its period of "
                               "use allow, taken up without a restart");
  out.signer.timestamp_key = s.text("signer.timestamp_key", "timestamp-*",
                                    "label of the time-stamp key; * as for the seal's");
  out.signer.ocsp_key = s.text("signer.ocsp_key", "ocsp-*",
                               "label of the key that answers about revocation (OCSP); * as for "
                               "the seal's; empty signs no answers");
  out.signer.openid_key = s.text(
      "signer.openid_key", "openid-*",
      "label of the key that signs tokens (P-256); with a * at the end the keys of that name "
      "follow each other as openid.publish_ahead_s and openid.keep_earlier_s say");
  out.signer.openid_rs256_key =
      s.text("signer.openid_rs256_key", "openid-rsa-*",
             "of the key for ID tokens of clients that asked for RS256 (RSA); without such a key "
             "RS256 is not offered; empty looks for none");
  out.signer.openid_eddsa_key = s.text("signer.openid_eddsa_key", "openid-ed-*",
                                       "of the key for those that asked for EdDSA (Ed25519)");
  out.signer.deadline = std::chrono::milliseconds(
      s.integer("signer.deadline_ms", 2'000, 100, 60'000, "how long one signature may take"));
  out.audit.key = s.text("signer.audit_key", "audit-1", "label of the key that signs audit heads");
  out.audit.head_every =
      std::chrono::seconds(s.integer("audit.head_every_s", 60, 1, 86'400,
                                     "seconds an audit row may wait for a signed head behind it"));
  out.audit.head_rows =
      whole(s, "audit.head_rows", 1'000, 1, 1'000'000, "and how many rows may wait for one");
  out.font_file =
      s.path("seal.font_file", "",
             "font of formal documents (fonts-noto-cjk); empty finds the package's file");
  out.agency.name =
      s.text("agency.name", "演示社会保险经办中心", "the agency, as on seal and pages");
  out.agency.code = s.text("agency.code", "12100000MB0000000L", "its unified social credit code");
  out.agency.caption =
      s.text("agency.seal_caption", "社会保险业务专用章", "text under the seal's star");
  out.agency.filing = s.text("agency.filing", "", "filing numbers shown at the foot of pages");
}

void read_openid(base::Settings& s, Config& out) {
  const auto life = [&](std::string_view key, int fallback, int least, int most,
                        std::string_view help) {
    return std::chrono::seconds(s.integer(key, fallback, least, most, help));
  };
  constexpr int kDay = 86'400;
  auto& o = out.openid;
  o.code = life("openid.code_life_s", 60, 10, 60, "seconds in which a code must be redeemed");
  o.access_token =
      life("openid.access_token_life_s", 600, 60, 3'600, "seconds that an access token lives");
  o.id_token = life("openid.id_token_life_s", 600, 60, 3'600, "seconds that an ID token lives");
  o.refresh_token = life("openid.refresh_token_life_s", 30 * kDay, 3'600, 365 * kDay,
                         "seconds after which a refresh token that is not used ends");
  o.refresh_family = life("openid.refresh_family_life_s", 180 * kDay, 3'600, 1'095 * kDay,
                          "seconds after a login in which its refresh tokens end in any case");
  o.refresh_grace = life("openid.refresh_grace_s", 10, 0, 60,
                         "seconds in which a spent refresh token gives its successor once more");
  o.pushed = life("openid.pushed_request_life_s", 90, 10, 600,
                  "seconds in which a pushed request must first be used");
  o.dpop_nonce_needed = s.boolean("openid.dpop_nonce_needed", false,
                                  "every proof of possession must hold a nonce of ours");
  o.publish_ahead = life(
      "openid.publish_ahead_s", 3'600, 0, 30 * kDay,
      "seconds that a new signing key is published before it signs, counted from the beginning "
      "of its certificate; clients may keep the key set for 300");
  o.keep_earlier =
      life("openid.keep_earlier_s", kDay, 3'900, 30 * kDay,
           "seconds that an earlier signing key stays published after its successor began to sign; "
           "more than any token lives");
  o.working_keys = s.boolean(
      "openid.working_keys", false,
      "tokens are signed with P-256 keys in the service's memory, each for a day, which the "
      "hardware token wraps and endorses; false: each in the hardware token");
  o.working_key =
      life("openid.working_key_life_s", kDay, 3'600, 7 * kDay, "seconds that a working key signs");
  if (o.working_keys && o.working_key <= o.publish_ahead)
    s.refuse("openid.working_key_life_s", "must be longer than openid.publish_ahead_s");
  out.logout.deadline = std::chrono::milliseconds(s.integer(
      "logout.deadline_ms", 5'000, 100, 7'000, "how long a client may take to hear of a logout"));
  out.logout.loopback_allowed =
      s.boolean("logout.loopback_allowed", false,
                "clients at 127.0.0.1 and [::1] are told of logouts too; demonstrations alone");
  out.logout.roots_file = s.path(
      "logout.roots_file", "",
      "PEM file with the roots that clients' certificates must lead to when they are told of "
      "logouts; empty: the system's");
}

void check_production(base::Settings& s, const Config& out) {
  if (!out.production) return;
  if (out.logout.loopback_allowed)
    s.refuse("logout.loopback_allowed", "not in the production profile");
  if (!out.https) s.refuse("public_url", "the production profile needs an https address");
  if (!out.fail_point.empty()) s.refuse("testing.fail_point", "not in the production profile");
  if (out.root_sha256.empty()) s.refuse("pki.root_sha256", "the production profile pins the root");
  if (out.seen_lists_file.empty())
    s.refuse("pki.seen_lists_file",
             "the production profile needs one: without it an older trust list is believed after a "
             "restart; name a file in a directory that the service may write");
  if (out.agency.name.find("演示") != std::string::npos)
    s.refuse("agency.name", "the production profile needs a real agency");
}

}  // namespace

base::Result<Config> Config::read(base::Settings& s, bool verify_only) {
  Config out;
  out.verify_only = verify_only;
  const auto profile = s.text("profile", "production",
                              "production, or demonstration: allows http, invented agencies and "
                              "testing keys, and says so on every page");
  out.production = profile != "demonstration";
  if (profile != "production" && profile != "demonstration")
    s.refuse("profile", "neither production nor demonstration");
  out.public_url = s.required("public_url",
                              "the address people and clients see, without a trailing slash; the "
                              "OpenID issuer");
  if (!is_origin(out.public_url)) s.refuse("public_url", "not scheme://host[:port]");
  out.https = out.public_url.starts_with("https://");
  if (!out.https && is_origin(out.public_url) && !is_loopback(out.public_url))
    s.refuse("public_url", "http only at 127.0.0.1, localhost or [::1]; elsewhere https");
  out.instance =
      s.text("instance", "xinyind-1", "name of this instance; unique among those running");
  out.log_file = s.path("log.file", "", "file for the log; empty writes to standard error");
  read_http(s, out);
  read_workers(s, out);
  read_parts(s, out);
  read_openid(s, out);
  read_proofing(s, out);
  read_platforms_file(s, out);
  read_items(s, out);
  read_documents(s, out);
  out.fail_point =
      s.text("testing.fail_point", "",
             "stops the process at this named step, as a power cut would (tests only)");
  check_production(s, out);
  BASE_TRY_VOID(s.finish());
  return out;
}

std::string Config::describe() {
  auto settings = base::Settings::from_text("", "xinyind");
  base::check(settings.ok(), "empty settings");
  (void)Config::read(*settings, false);
  return settings->describe();
}

}  // namespace api
