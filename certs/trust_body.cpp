#include "certs/trust_body.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/json.h"
#include "base/text.h"
#include "certs/name_limits.h"
#include "certs/openssl.h"
#include "certs/path.h"
#include "certs/trust_list_text.h"

namespace certs {
namespace {

constexpr std::size_t kMostBodies = 64;
constexpr std::size_t kMostItems = 64;  ///< of each array in a body
constexpr std::size_t kMostAnchors = 16;
constexpr std::size_t kMostText = 256;

constexpr std::array kStandings{
    std::pair{Standing::proposed, std::string_view("proposed")},
    std::pair{Standing::admitted, std::string_view("admitted")},
    std::pair{Standing::suspended, std::string_view("suspended")},
    std::pair{Standing::removed, std::string_view("removed")},
};
constexpr std::array<std::string_view, 7> kReasons{
    "ordered", "licence_ended", "compromised", "ceased", "replaced", "review", "other"};
constexpr std::array<std::string_view, 2> kUses{"login", "seal"};
constexpr std::array<std::string_view, 4> kDocuments{"acceptance", "liability", "licence",
                                                     "qualification"};

base::Error malformed(std::string why) {
  return base::error(base::Code::invalid_argument, "certs.trust_list_malformed",
                     "body: " + std::move(why));
}

template <class Range, class T>
bool one_of(const Range& range, const T& value) {
  return std::find(range.begin(), range.end(), value) != range.end();
}

/// Sorted, each once.
template <class Items, class Key>
bool rising(const Items& items, Key key) {
  for (std::size_t i = 1; i < items.size(); ++i)
    if (!(key(items[i - 1]) < key(items[i]))) return false;
  return true;
}
bool rising(const std::vector<std::string>& items) {
  return rising(items, [](const std::string& item) -> const std::string& { return item; });
}

bool good_text(std::string_view text) {
  return !text.empty() && text.size() <= kMostText && base::is_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// "1.2.840.113549": what OpenSSL reads as an identifier, written as it writes it.
bool is_oid(const std::string& text) {
  if (text.size() > 128) return false;
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(text.c_str(), 1));
  char back[160] = {};
  const bool good = object && OBJ_obj2txt(back, sizeof back, object.get(), 1) > 0 && text == back;
  ERR_clear_error();
  return good;
}

const rapidjson::Value* array_of(const rapidjson::Value& object, const char* name,
                                 std::size_t most) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsArray() || found->value.Size() > most)
    return nullptr;
  return &found->value;
}

base::Result<std::vector<std::string>> read_texts(const rapidjson::Value& object,
                                                  const char* name) {
  const auto* array = array_of(object, name, kMostItems);
  if (array == nullptr) return malformed(std::string("no array ") + name + ", or too long");
  std::vector<std::string> out;
  for (const auto& item : array->GetArray()) {
    if (!item.IsString()) return malformed(std::string(name) + ": not text");
    out.emplace_back(item.GetString(), item.GetStringLength());
  }
  return out;
}

base::Result<base::Time> read_time(const rapidjson::Value& object, const char* name) {
  const auto time = base::parse_rfc3339(base::json_text(object, name));
  if (!time) return malformed(std::string("no time ") + name);
  return *time;
}

base::Result<std::vector<Certificate>> read_anchors(const rapidjson::Value& object) {
  BASE_TRY(const auto texts, read_texts(object, "anchors"));
  if (texts.size() > kMostAnchors) return malformed("too many anchors");
  std::vector<Certificate> out;
  for (const auto& text : texts) {
    const auto der = base::from_base64(text);
    if (!der) return malformed("anchors: not base64");
    auto certificate = Certificate::from_der(*der);
    if (!certificate) return malformed("anchors: " + certificate.error().detail);
    out.push_back(std::move(*certificate));
  }
  return out;
}

base::Result<BodyStanding> read_standing(const rapidjson::Value& object) {
  if (!object.IsObject()) return malformed("history: not an object");
  const auto standing = standing_from(base::json_text(object, "standing"));
  if (!standing) return malformed("history: unknown standing");
  BASE_TRY(const auto since, read_time(object, "since"));
  BodyStanding out{*standing, since, std::string(base::json_text(object, "reason"))};
  if (object.HasMember("invalid_since")) {
    BASE_TRY(out.invalid_since, read_time(object, "invalid_since"));
  }
  return out;
}

base::Result<BodyDocument> read_document(const rapidjson::Value& object) {
  if (!object.IsObject()) return malformed("documents: not an object");
  const auto digest = base::from_hex(base::json_text(object, "sha256"));
  if (!digest || digest->size() != 32) return malformed("documents: no SHA-256");
  BodyDocument out{std::string(base::json_text(object, "kind")), {}};
  std::copy(digest->begin(), digest->end(), out.sha256.begin());
  return out;
}

void write_texts(base::JsonWriter& out, const char* name, const std::vector<std::string>& texts) {
  out.key(name);
  out.StartArray();
  for (const auto& text : texts) out.string(text);
  out.EndArray();
}

base::Result<void> check_history(const TrustBody& body) {
  const auto& history = body.history;
  if (history.empty() || history.size() > kMostItems ||
      history.front().standing != Standing::admitted)
    return malformed("history does not begin with admitted");
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto& step = history[i];
    if (i > 0 &&
        (!may_follow(history[i - 1].standing, step.standing) || step.since <= history[i - 1].since))
      return malformed("history is out of order");
    if (step.standing == Standing::admitted ? !step.reason.empty()
                                            : !is_stopping_reason(step.reason))
      return malformed("history: reason");
    const bool compromised = step.standing == Standing::removed && step.reason == "compromised";
    if (compromised != step.invalid_since.has_value() ||
        (step.invalid_since && *step.invalid_since > step.since))
      return malformed("history: since when it counts for nothing");
  }
  return {};
}

base::Result<void> check_anchors(const TrustBody& body) {
  if (body.anchors.empty() || body.anchors.size() > kMostAnchors) return malformed("anchors");
  for (const auto& anchor : body.anchors) {
    X509* x509 = raw(anchor);
    if (X509_check_ca(x509) != 1 || (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) == 0)
      return malformed("an anchor is no authority");
    if (std::none_of(body.anchors.begin(), body.anchors.end(),
                     [&](const Certificate& issuer) { return issued_by(anchor, issuer); }))
      return malformed("an anchor neither signed itself nor stands below another");
  }
  return {};
}

base::Result<void> check_limits(const TrustBody& body) {
  const auto all_limits = [](const std::vector<std::string>& limits) {
    return limits.size() <= kMostItems && rising(limits) &&
           std::all_of(limits.begin(), limits.end(), is_name_limit);
  };
  const auto& policies = body.limits.policies;
  if (policies.size() > kMostItems || !rising(policies) ||
      !std::all_of(policies.begin(), policies.end(), is_oid))
    return malformed("policies");
  if (!all_limits(body.limits.permitted) || !all_limits(body.limits.excluded))
    return malformed("name limits");
  return {};
}

base::Result<void> check_body(const TrustBody& body) {
  if (body.number < 1) return malformed("number below 1");
  if (!good_text(body.name) || !good_text(body.licence)) return malformed("name or licence");
  if (!is_credit_code(body.code)) return malformed("credit code");
  BASE_TRY_VOID(check_anchors(body));
  if (body.uses.empty() || !rising(body.uses) ||
      !std::all_of(body.uses.begin(), body.uses.end(),
                   [](const std::string& use) { return one_of(kUses, use); }))
    return malformed("uses");
  BASE_TRY_VOID(check_limits(body));
  BASE_TRY_VOID(check_history(body));
  if (body.crl_urls.size() > kMostItems || !rising(body.crl_urls) ||
      !std::all_of(body.crl_urls.begin(), body.crl_urls.end(), is_fetch_url))
    return malformed("addresses of revocation lists");
  if (!rising(body.documents, [](const BodyDocument& one) { return one.kind; }) ||
      !std::all_of(body.documents.begin(), body.documents.end(),
                   [](const BodyDocument& one) { return one_of(kDocuments, one.kind); }))
    return malformed("documents");
  return {};
}

}  // namespace

std::string_view to_string(Standing standing) {
  for (const auto& [value, name] : kStandings)
    if (value == standing) return name;
  base::fail("a standing without a name");
}

std::optional<Standing> standing_from(std::string_view name) {
  for (const auto& [value, its_name] : kStandings)
    if (its_name == name) return value;
  return std::nullopt;
}

bool may_follow(Standing from, Standing to) {
  switch (from) {
    case Standing::proposed:
      return to == Standing::admitted || to == Standing::removed;
    case Standing::admitted:
      return to == Standing::suspended || to == Standing::removed;
    case Standing::suspended:
      return to == Standing::admitted || to == Standing::removed;
    case Standing::removed:
      return false;
  }
  return false;
}

bool is_stopping_reason(std::string_view name) {
  return one_of(kReasons, name);
}

bool is_credit_code(std::string_view text) {
  // GB 32100: digits and letters without I, O, S, V, Z. Some codes in use fail its check character
  // (verification.md §4.3), so the form is all that is asked.
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  return text.size() == 18 && text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

bool is_fetch_url(std::string_view text) {
  const bool scheme = text.starts_with("http://") || text.starts_with("https://");
  return scheme && text.size() >= 10 && text.size() <= kMostText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

const BodyStanding* standing_at(const TrustBody& body, base::Time at) {
  const BodyStanding* found = nullptr;
  for (const auto& step : body.history)
    if (step.since <= at) found = &step;
  return found;
}

std::optional<base::Time> compromised_since(const TrustBody& body) {
  return body.history.empty() ? std::nullopt : body.history.back().invalid_since;
}

base::Result<std::vector<TrustBody>> read_bodies(const rapidjson::Value& document) {
  const auto* bodies = array_of(document, "bodies", kMostBodies);
  if (bodies == nullptr) return malformed("no array bodies, or too long");
  std::vector<TrustBody> out;
  for (const auto& object : bodies->GetArray()) {
    if (!object.IsObject()) return malformed("not an object");
    TrustBody body;
    body.number = base::json_int(object, "number").value_or(0);
    body.name = base::json_text(object, "name");
    body.code = base::json_text(object, "code");
    body.licence = base::json_text(object, "licence");
    BASE_TRY(body.anchors, read_anchors(object));
    BASE_TRY(body.uses, read_texts(object, "uses"));
    BASE_TRY(body.limits.policies, read_texts(object, "policies"));
    BASE_TRY(body.limits.permitted, read_texts(object, "permitted"));
    BASE_TRY(body.limits.excluded, read_texts(object, "excluded"));
    BASE_TRY(body.expiry, read_time(object, "expiry"));
    const auto* history = array_of(object, "history", kMostItems);
    const auto* documents = array_of(object, "documents", kMostItems);
    if (history == nullptr || documents == nullptr) return malformed("no history or documents");
    for (const auto& item : history->GetArray()) {
      BASE_TRY(auto step, read_standing(item));
      body.history.push_back(std::move(step));
    }
    BASE_TRY(body.crl_urls, read_texts(object, "crl_urls"));
    for (const auto& item : documents->GetArray()) {
      BASE_TRY(auto one, read_document(item));
      body.documents.push_back(std::move(one));
    }
    out.push_back(std::move(body));
  }
  return out;
}

void write_step(base::JsonWriter& out, const BodyStanding& step) {
  out.StartObject();
  out.member("standing", to_string(step.standing));
  out.member("since", base::to_rfc3339(step.since));
  if (!step.reason.empty()) out.member("reason", step.reason);
  if (step.invalid_since) out.member("invalid_since", base::to_rfc3339(*step.invalid_since));
  out.EndObject();
}

void write_history(base::JsonWriter& out, const std::vector<BodyStanding>& history) {
  out.key("history");
  out.StartArray();
  for (const auto& step : history) write_step(out, step);
  out.EndArray();
}

void write_bodies(base::JsonWriter& out, const std::vector<TrustBody>& bodies) {
  out.key("bodies");
  out.StartArray();
  for (const auto& body : bodies) {
    out.StartObject();
    out.member("number", body.number);
    out.member("name", body.name);
    out.member("code", body.code);
    out.member("licence", body.licence);
    out.key("anchors");
    out.StartArray();
    for (const auto& anchor : body.anchors) out.string(base::to_base64(anchor.der()));
    out.EndArray();
    write_texts(out, "uses", body.uses);
    write_texts(out, "policies", body.limits.policies);
    write_texts(out, "permitted", body.limits.permitted);
    write_texts(out, "excluded", body.limits.excluded);
    out.member("expiry", base::to_rfc3339(body.expiry));
    write_history(out, body.history);
    write_texts(out, "crl_urls", body.crl_urls);
    out.key("documents");
    out.StartArray();
    for (const auto& one : body.documents) {
      out.StartObject();
      out.member("kind", one.kind);
      out.member("sha256", base::to_hex(one.sha256));
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
  }
  out.EndArray();
}

base::Result<void> check_bodies(const std::vector<TrustBody>& bodies) {
  if (bodies.size() > kMostBodies) return malformed("too many");
  if (!rising(bodies, [](const TrustBody& body) { return body.number; }))
    return malformed("not in the order of their numbers");
  for (const auto& body : bodies) BASE_TRY_VOID(check_body(body));
  return {};
}

}  // namespace certs
