#include "api/pki_watch.h"

#include <algorithm>
#include <map>

#include "api/body_trust.h"
#include "certs/crl.h"
#include "certs/ocsp_register.h"

namespace api {
namespace {

double seconds_of(base::Time at) {
  return static_cast<double>(base::to_unix_s(at));
}

double seconds_of(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

/// File names are ours, but a label of a metric must stay one.
bool plain(std::string_view label) {
  return !label.empty() && std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

}  // namespace

void add_pki_gauges(const Services& services, std::vector<Metrics::Gauge>& out) {
  const certs::PkiDirectory directory(services.config.pki_directory);
  if (const auto in_use = certs::certificates_in_use(directory); in_use.ok())
    for (const auto& one : *in_use)
      if (plain(one.label))
        out.push_back({"xinyin_certificate_use_ends_seconds{label=\"" + one.label + "\"}",
                       seconds_of(certs::key_use_ends(one.certificate))});
  if (const auto files = services.files.get()) {
    out.push_back({"xinyin_list_next_update_seconds{list=\"trust-list\"}",
                   seconds_of(files->trust_next_update)});
    if (const auto crl = certs::Crl::from_der(base::as_bytes(files->issuing_crl_der)); crl.ok())
      out.push_back({"xinyin_list_next_update_seconds{list=\"issuing-crl\"}",
                     seconds_of(crl->next_update())});
    if (services.signer && files->issuing) {
      certs::OcspRegister answers(services.pool, services.clock);
      if (const auto now = answers.standing(files->issuing->public_key_sha256()); now.ok()) {
        out.push_back({"xinyin_ocsp_certificates", static_cast<double>(now->certificates)});
        out.push_back({"xinyin_ocsp_without_answer", static_cast<double>(now->without)});
      }
    }
  }
  out.push_back({"xinyin_ocsp_signer_open", services.responder.get() ? 1.0 : 0.0});
  if (services.clock_guard) {
    const auto clock = services.clock_guard->standing();
    out.push_back({"xinyin_clock_sane", clock.sane ? 1.0 : 0.0});
    out.push_back({"xinyin_clock_drift_seconds", seconds_of(clock.drift)});
    out.push_back({"xinyin_clock_from_database_seconds", seconds_of(clock.from_witness)});
  }
  if (const auto bodies = services.body_authorities.get()) {
    std::map<std::int64_t, base::Time> soonest;
    double without = 0;
    for (const auto& one : *bodies) {
      if (!one.next_update) {
        without += 1;
        continue;
      }
      const auto at = soonest.emplace(one.body, *one.next_update).first;
      at->second = std::min(at->second, *one.next_update);
    }
    out.push_back({"xinyin_body_authorities", static_cast<double>(bodies->size())});
    out.push_back({"xinyin_body_authorities_without_list", without});
    for (const auto& [body, at] : soonest)
      out.push_back({"xinyin_list_next_update_seconds{list=\"body-" + std::to_string(body) + "\"}",
                     seconds_of(at)});
  }
  if (const auto findings = services.findings.get())
    for (const auto severity :
         {certs::Severity::notice, certs::Severity::warning, certs::Severity::alarm})
      out.push_back(
          {"xinyin_pki_findings{severity=\"" + std::string(certs::to_string(severity)) + "\"}",
           static_cast<double>(std::count_if(
               findings->begin(), findings->end(),
               [&](const certs::Finding& one) { return one.severity == severity; }))});
}

}  // namespace api
