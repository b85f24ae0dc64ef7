#include "api/body_trust.h"

#include <algorithm>
#include <system_error>

#include "api/public_files.h"
#include "base/encoding.h"
#include "certs/crl.h"
#include "gateways/crl_client.h"

namespace api {
namespace {

bool logs_in(const certs::TrustBody& body, base::Time now) {
  const auto* step = certs::standing_at(body, now);
  return step != nullptr && step->standing == certs::Standing::admitted && now < body.expiry &&
         std::find(body.uses.begin(), body.uses.end(), "login") != body.uses.end();
}

/// Files that may be lists, in the order of their names.
std::vector<std::filesystem::directory_entry> files_in(const std::filesystem::path& directory,
                                                       std::error_code& wrong) {
  std::vector<std::filesystem::directory_entry> out;
  for (const auto& entry : std::filesystem::directory_iterator(directory, wrong)) {
    const auto extension = entry.path().extension();
    std::error_code gone;
    if ((extension == ".crl" || extension == ".der" || extension == ".pem") &&
        entry.is_regular_file(gone))
      out.push_back(entry);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string fingerprint(const std::vector<std::filesystem::directory_entry>& files) {
  std::string out;
  for (const auto& file : files) {
    std::error_code gone;
    const auto size = file.file_size(gone);
    const auto time = file.last_write_time(gone);
    out += file.path().filename().string() + "/" + std::to_string(size) + "/" +
           std::to_string(time.time_since_epoch().count()) + ";";
  }
  return out;
}

base::Result<base::Bytes> read_list(const std::filesystem::path& path) {
  BASE_TRY(const auto content, read_file(path, gateways::kCrlMost * 2));  // PEM is longer
  auto der = base::from_pem("X509 CRL", content);
  if (!der) der = base::to_bytes(base::as_bytes(content));
  const auto list = certs::Crl::from_der(*der);
  if (list.ok()) return std::move(*der);
  auto failure = list.error();
  failure.detail = path.string() + ": " + failure.detail;
  return failure;
}

base::Error not_taken(const char* why) {
  return base::error(base::Code::conflict, "api.body_list", why);
}

/// May what an address of these bodies gave take the place of `before`?
base::Result<void> may_replace(const certs::Crl& list, const base::Bytes& before,
                               const std::vector<const certs::TrustBody*>& bodies,
                               base::Time now) {
  const bool own = std::any_of(bodies.begin(), bodies.end(), [&](const auto* body) {
    return std::any_of(body->anchors.begin(), body->anchors.end(),
                       [&](const auto& anchor) { return list.signed_by(anchor); });
  });
  if (!own) return not_taken("no authority of the body signed it");
  if (now >= list.next_update()) return not_taken("past its next update");
  if (list.is_delta()) return not_taken("of changes alone");
  const auto held = certs::Crl::from_der(before);
  if (!held.ok() || now >= held->next_update()) return {};
  if (list.this_update() < held->this_update()) return not_taken("older than the one before");
  // Another authority's, or for other certificates: it would take the one before away.
  if (list.issuer() != held->issuer() ||
      base::to_bytes(list.partition()) != base::to_bytes(held->partition()))
    return not_taken("speaks for others than the one before");
  return {};
}

}  // namespace

base::Result<std::shared_ptr<const auth::BodyTrust>> FollowedBodyTrust::now() {
  auto trust = slot_.get();
  if (!trust) return base::error(base::Code::unavailable, "api.no_trust_list", "no trust list");
  return trust;
}

base::Result<void> BodyLists::read_directory() {
  if (config_.directory.empty()) return {};
  std::error_code wrong;
  const auto files = files_in(config_.directory, wrong);
  if (wrong) {
    auto failure = base::error(base::Code::unavailable, "api.file",
                               config_.directory.string() + ": " + wrong.message());
    failure.args = {{"path", config_.directory.string()}, {"why", wrong.message()}};
    return failure;
  }
  const auto now = fingerprint(files);
  {
    const std::lock_guard hold(mutex_);
    if (now == seen_) return {};
  }
  std::vector<base::Bytes> lists;
  base::Result<void> outcome;
  std::size_t bytes = 0;
  for (const auto& file : files) {
    auto list = read_list(file.path());
    if (list.ok() && (lists.size() >= kMostFiles || bytes + list->size() > kMostBytes))
      list = not_taken("more lists than are read");
    if (list.ok()) {
      bytes += list->size();
      lists.push_back(std::move(*list));
    } else if (outcome.ok()) {
      outcome = list.error();
    }
  }
  const std::lock_guard hold(mutex_);
  files_ = std::move(lists);
  // A file that cannot be read is tried again; one that can is not read for it each time.
  seen_ = outcome.ok() || outcome.error().key != "api.file" ? now : std::string();
  ++version_;
  return outcome;
}

std::vector<BodyLists::Fetched> BodyLists::fetch_due(const certs::TrustList& trust,
                                                     std::size_t most) {
  std::vector<Fetched> out;
  if (config_.every.count() == 0) return out;
  std::map<std::string, std::vector<const certs::TrustBody*>> wanted;
  for (const auto& body : trust.bodies)
    if (logs_in(body, clock_.now()))
      for (const auto& url : body.crl_urls) wanted[url].push_back(&body);
  std::vector<std::string> due;
  {
    const std::lock_guard hold(mutex_);
    for (auto at = fetched_.begin(); at != fetched_.end();) {
      const bool gone = wanted.count(at->first) == 0;
      if (gone && !at->second.der.empty()) ++version_;
      at = gone ? fetched_.erase(at) : std::next(at);
    }
    for (const auto& [url, bodies] : wanted)
      if (due.size() < most && clock_.now() >= fetched_[url].due) due.push_back(url);
  }
  for (const auto& url : due) {
    const auto answer = fetch_(url);  // nobody waits for it: the lock is not held
    const auto list = answer.ok() ? certs::Crl::from_der(*answer)
                                  : base::Result<certs::Crl>(answer.error());
    const std::lock_guard hold(mutex_);
    auto& kept = fetched_[url];
    const auto now = clock_.now();
    auto outcome = list.ok() ? may_replace(*list, kept.der, wanted.at(url), now)
                             : base::Result<void>(list.error());
    std::size_t others = 0;
    for (const auto& [other, one] : fetched_) others += other == url ? 0 : one.der.size();
    if (outcome.ok() && others + answer->size() > kMostBytes)
      outcome = not_taken("more lists than are kept");
    if (outcome.ok()) {
      if (kept.der != *answer) ++version_;
      kept.der = *answer;
      kept.due = std::min(now + config_.every, std::max(list->next_update(), now + config_.again));
    } else {
      kept.due = now + std::min(config_.every, config_.again);
    }
    out.push_back({url, std::move(outcome)});
  }
  return out;
}

bool BodyLists::asked_all(const certs::TrustList& trust) const {
  if (config_.every.count() == 0) return true;
  const std::lock_guard hold(mutex_);
  for (const auto& body : trust.bodies)
    if (logs_in(body, clock_.now()))
      for (const auto& url : body.crl_urls) {
        const auto at = fetched_.find(url);
        if (at == fetched_.end() || at->second.due == base::Time{}) return false;
      }
  return true;
}

std::vector<base::Bytes> BodyLists::all() const {
  const std::lock_guard hold(mutex_);
  auto out = files_;
  for (const auto& [url, kept] : fetched_)
    if (!kept.der.empty()) out.push_back(kept.der);
  return out;
}

std::uint64_t BodyLists::version() const {
  const std::lock_guard hold(mutex_);
  return version_;
}

bool bodies_log_in(const Services& services) {
  const auto trust = services.body_trust.get();
  const auto now = services.clock.now();
  return trust && std::any_of(trust->list.bodies.begin(), trust->list.bodies.end(),
                              [&](const auto& body) { return logs_in(body, now); });
}

std::vector<BodyAuthority> authorities_of(const auth::BodyTrust& trust, base::Time now) {
  std::vector<certs::Crl> lists;
  for (const auto& der : trust.crls)
    if (auto list = certs::Crl::from_der(der); list.ok()) lists.push_back(std::move(*list));
  std::vector<BodyAuthority> out;
  for (const auto& body : trust.list.bodies) {
    if (!logs_in(body, now)) continue;
    for (const auto& anchor : body.anchors) {
      BodyAuthority one{body.number, body.name, anchor.serial_hex(), std::nullopt};
      for (const auto& list : lists)
        if (list.this_update() <= now && now < list.next_update() &&
            (!one.next_update || *one.next_update < list.next_update()) && list.signed_by(anchor))
          one.next_update = list.next_update();
      out.push_back(std::move(one));
    }
  }
  return out;
}

void add_body_findings(const std::vector<BodyAuthority>& authorities, base::Time now,
                       std::vector<certs::Finding>& out) {
  for (const auto& one : authorities) {
    if (one.next_update) continue;
    out.push_back({certs::Severity::alarm,
                   "certs.health.body_list_missing",
                   "body " + std::to_string(one.body) + " " + one.serial,
                   base::to_rfc3339(std::chrono::floor<std::chrono::days>(now)),
                   {{"number", std::to_string(one.body)},
                    {"name", one.body_name},
                    {"serial", one.serial}}});
  }
}

}  // namespace api
