// A time-stamp authority of somebody else, reached over the network: the door that this room needs
// and gateways/ opens. RFC 3161 §3.4.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace certs {

/// Thread-safe.
class TimestampServer {
 public:
  virtual ~TimestampServer() = default;
  virtual std::string name() const = 0;  ///< for logs
  /// Sends a TimeStampReq and gives what came back, unjudged, within the server's deadline.
  /// Errors: unavailable `gateways.timestamp`.
  virtual base::Result<base::Bytes> ask(base::BytesView query) const = 0;
};

}  // namespace certs
