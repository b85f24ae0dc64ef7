#include "certs/health.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "certs/crl.h"
#include "certs/ocsp_register.h"
#include "certs/openssl.h"
#include "certs/trust_list.h"
#include "store/audit.h"

namespace certs {
namespace {

using std::chrono::days;

constexpr store::Query kNote{"certs.alarm_note", R"sql(
  insert into certs.alarm (kind, object, threshold, at) values ($1, $2, $3, $4)
  on conflict do nothing)sql"};

constexpr auto kShortLife = days(180);
/// Days for what lives long, shares of its life for what does not.
struct Threshold {
  days left;
  int share;  ///< of the life: one in `share`
  Severity severity;
};
constexpr std::array kThresholds{Threshold{days(30), 12, Severity::alarm},
                                 Threshold{days(60), 6, Severity::warning},
                                 Threshold{days(90), 3, Severity::notice}};

/// The tightest that `left` has passed; nothing while there is time. `life` is of a certificate
/// that may be short-lived.
const Threshold* passed(base::Time::duration left, base::Time::duration life) {
  const auto* found =
      std::find_if(kThresholds.begin(), kThresholds.end(), [&](const Threshold& one) {
        return left <= (life <= kShortLife ? life / one.share : one.left);
      });
  return found == kThresholds.end() ? nullptr : found;
}

Finding unreadable(const std::string& object, const base::Error& why) {
  return {Severity::alarm, "certs.health.unreadable", object, why.key, {{"file", object}}, {}};
}

/// A list past half of its time was not renewed as it should have been.
std::optional<Finding> freshness(const std::string& object, base::Time from, base::Time to,
                                 base::Time now) {
  const auto life = to - from;
  const auto used = now - from;
  if (used < life / 2) return std::nullopt;
  const bool late = used >= life * 3 / 4;
  Finding out{late ? Severity::alarm : Severity::warning,
              now > to ? "certs.health.list_over" : "certs.health.list_old",
              object,
              std::string(now > to ? "over "
                          : late   ? "late "
                                   : "half ") +
                  base::to_rfc3339(to),
              {{"file", object}, {"until", base::to_rfc3339(to)}},
              to};
  return out;
}

void put(std::vector<Finding>& out, std::optional<Finding> finding) {
  if (finding) out.push_back(std::move(*finding));
}

void look_at_lists(const PkiDirectory& directory, base::Time now, std::vector<Finding>& out) {
  using Files = PkiDirectory;
  const bool sm2 = directory.has(Files::kRootSm2);
  for (const auto name :
       {Files::kRootCrl, Files::kIssuingCrl, Files::kRootSm2Crl, Files::kIssuingSm2Crl}) {
    if (!sm2 && (name == Files::kRootSm2Crl || name == Files::kIssuingSm2Crl)) continue;
    const std::string object(name);
    const auto bytes = directory.read(name);
    const auto crl =
        bytes ? Crl::from_der(base::as_bytes(*bytes)) : base::Result<Crl>(bytes.error());
    if (crl)
      put(out, freshness(object, crl->this_update(), crl->next_update(), now));
    else
      out.push_back(unreadable(object, crl.error()));
  }
  const std::string object(PkiDirectory::kTrustList);
  auto jws = directory.read(object);
  if (jws)
    while (!jws->empty() && (jws->back() == '\n' || jws->back() == '\r')) jws->pop_back();
  const auto list =
      jws ? TrustList::parse(*jws, std::nullopt) : base::Result<TrustList>(jws.error());
  if (list)
    put(out, freshness(object, list->issued, list->next_update, now));
  else
    out.push_back(unreadable(object, list.error()));
}

/// "seal-12" is number 12 of the family "seal-"; nothing for other names.
std::optional<std::pair<std::string, int>> family_of(const std::string& label) {
  const auto dash = label.rfind('-');
  if (dash == std::string::npos || dash + 1 == label.size() || label.size() - dash > 7)
    return std::nullopt;
  const auto digits = label.substr(dash + 1);
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  return std::pair(label.substr(0, dash + 1), std::stoi(digits));
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::notice:
      return "notice";
    case Severity::warning:
      return "warning";
    case Severity::alarm:
      return "alarm";
  }
  return "";
}

base::Time key_use_ends(const Certificate& certificate) {
  const Owned<PKEY_USAGE_PERIOD, PKEY_USAGE_PERIOD_free> period(static_cast<PKEY_USAGE_PERIOD*>(
      X509_get_ext_d2i(raw(certificate), NID_private_key_usage_period, nullptr, nullptr)));
  ERR_clear_error();
  if (!period || period->notAfter == nullptr) return certificate.not_after();
  return std::min(certificate.not_after(),
                  to_time(period->notAfter).value_or(certificate.not_before()));
}

base::Result<std::vector<InUse>> certificates_in_use(const PkiDirectory& directory) {
  std::map<std::string, std::pair<int, std::string>> newest;  // family -> number, label
  std::vector<std::string> labels;
  std::error_code wrong;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path(), wrong)) {
    if (entry.path().extension() != ".pem") continue;
    const auto label = entry.path().stem().string();
    const auto family = family_of(label);
    if (!family) {
      labels.push_back(label);
    } else if (auto& best = newest[family->first];
               best.second.empty() || best.first < family->second) {
      best = {family->second, label};
    }
  }
  if (wrong) return base::error(base::Code::unavailable, "certs.pki_file", wrong.message());
  for (const auto& [family, best] : newest) labels.push_back(best.second);
  std::sort(labels.begin(), labels.end());
  std::vector<InUse> out;
  for (const auto& label : labels) {
    BASE_TRY(auto certificate, directory.certificate(label + ".pem"));
    out.push_back({label, std::move(certificate)});
  }
  return out;
}

std::vector<Finding> endings(const std::vector<InUse>& certificates, base::Time now) {
  std::vector<Finding> out;
  for (const auto& [label, certificate] : certificates) {
    const auto ends = key_use_ends(certificate);
    const auto life = ends - certificate.not_before();
    const auto left = ends - now;
    Finding finding{Severity::alarm,
                    "certs.health.certificate_over",
                    certificate.serial_hex(),
                    "0",
                    {{"label", label}, {"until", base::to_rfc3339(ends)}},
                    ends};
    if (left > std::chrono::seconds(0)) {
      const auto* threshold = passed(left, life);
      if (threshold == nullptr) continue;
      finding.severity = threshold->severity;
      finding.key = "certs.health.certificate_ends";
      finding.threshold = std::to_string(threshold->left.count());
      finding.args["days"] = std::to_string(std::chrono::floor<days>(left).count());
    }
    out.push_back(std::move(finding));
  }
  return out;
}

std::vector<Finding> body_endings(const std::vector<BodyRecord>& bodies, base::Time now) {
  std::vector<Finding> out;
  for (const auto& record : bodies) {
    const auto& body = record.body;
    const auto standing = body.history.back().standing;
    if (standing != Standing::admitted && standing != Standing::suspended) continue;
    const auto look = [&](const std::string& what, const std::string& about, base::Time until,
                          base::Time::duration life) {
      const auto left = until - now;
      const bool over = left <= std::chrono::seconds(0);
      const auto* threshold = over ? kThresholds.data() : passed(left, life);
      if (threshold == nullptr) return;
      out.push_back({threshold->severity,
                     "certs.health." + what + (over ? "_over" : "_ends"),
                     "body " + std::to_string(body.number) + (about.empty() ? "" : " " + about),
                     over ? "0" : std::to_string(threshold->left.count()),
                     {{"number", std::to_string(body.number)},
                      {"name", body.name},
                      {"until", base::to_rfc3339(until)},
                      {"days", std::to_string(std::chrono::floor<days>(left).count())}},
                     until});
    };
    constexpr auto kLong = days(3650);  // papers have no short life
    look("body_licence", "", record.licence_until, kLong);
    if (record.qualification_until)
      look("body_qualification", "", *record.qualification_until, kLong);
    for (const auto& anchor : body.anchors)
      look("body_certificate", anchor.serial_hex(), anchor.not_after(),
           anchor.not_after() - anchor.not_before());
  }
  return out;
}

base::Result<std::vector<Finding>> body_health(store::Pool& pool, const base::Clock& clock) {
  BASE_TRY(auto tx, pool.begin(store::Mode::read_only));
  BASE_TRY(const auto bodies, Bodies(tx, clock, "").list());
  return body_endings(bodies, clock.now());
}

base::Result<std::vector<Finding>> health(store::Pool& pool, const PkiDirectory& directory,
                                          const base::Clock& clock, Look look) {
  const auto now = clock.now();
  std::vector<Finding> out;
  if (const auto in_use = certificates_in_use(directory))
    out = endings(*in_use, now);
  else
    out.push_back(unreadable("*.pem", in_use.error()));
  look_at_lists(directory, now, out);
  if (look.bodies) {
    BASE_TRY(auto ends, body_health(pool, clock));
    std::move(ends.begin(), ends.end(), std::back_inserter(out));
  }
  if (!look.ocsp) return out;
  const auto issuing = directory.certificate(PkiDirectory::kIssuing);
  if (!issuing) return out;  // told above
  OcspRegister answers(pool, clock);
  BASE_TRY(const auto standing, answers.standing(issuing->public_key_sha256()));
  if (standing.without > 0)
    out.push_back({Severity::alarm,
                   "certs.health.ocsp_missing",
                   "ocsp",
                   base::to_rfc3339(std::chrono::floor<days>(now)),  // told once a day
                   {{"count", std::to_string(standing.without)}},
                   standing.next_update});
  return out;
}

base::Result<std::vector<Finding>> raise_alarms(store::Pool& pool, const base::Clock& clock,
                                                const std::vector<Finding>& findings) {
  std::vector<Finding> out;
  for (const auto& finding : findings) {
    BASE_TRY(auto tx, pool.begin());
    const auto now = clock.now();
    BASE_TRY(const auto noted,
             tx.run(kNote, {finding.key, finding.object, finding.threshold, now}));
    if (noted.affected() == 0) continue;  // told before
    base::JsonWriter facts;
    facts.StartObject();
    facts.member("severity", to_string(finding.severity));
    facts.member("threshold", finding.threshold);
    for (const auto& [name, value] : finding.args) facts.member(name.c_str(), value);
    facts.EndObject();
    BASE_TRY_VOID(store::audit(
        tx, {now, "system:xinyind", "pki.alarm", finding.object, finding.key, facts.text()}));
    BASE_TRY_VOID(tx.commit());
    out.push_back(finding);
  }
  return out;
}

}  // namespace certs
