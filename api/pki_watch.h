// The PKI's health as metrics.
#pragma once

#include <vector>

#include "api/handlers.h"
#include "api/metrics.h"

namespace api {

/// Ends of certificates, next updates of lists, answers about revocation, the clock, findings.
void add_pki_gauges(const Services& services, std::vector<Metrics::Gauge>& out);

}  // namespace api
