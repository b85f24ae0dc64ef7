// A time-stamp authority of somebody else, over HTTP. RFC 3161 §3.4.
//
// Plain http on purpose: the answer is signed, bound to the question by imprint and nonce, and
// judged by whoever asked; TLS would add a second set of roots and hide nothing but a digest.
#pragma once

#include <chrono>
#include <string>

#include "certs/timestamp_server.h"

namespace gateways {

/// Thread-safe; each question has a connection of its own.
class TimestampClient final : public certs::TimestampServer {
 public:
  /// `url`: "http://host[:port]/path". `deadline` is for the whole exchange, but for the look-up of
  /// the host's name, which the system's resolver bounds.
  TimestampClient(std::string url, std::chrono::milliseconds deadline);
  std::string name() const override { return url_; }
  /// No redirect is followed, and nothing but 200 with application/timestamp-reply of at most 64
  /// KiB is an answer.
  base::Result<base::Bytes> ask(base::BytesView query) const override;

 private:
  const std::string url_;
  const std::chrono::milliseconds deadline_;
};

}  // namespace gateways
