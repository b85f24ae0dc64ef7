// Header values that a client chooses: cookies read, and values given back in headers, which either
// go out as one line or make the answer a plain 500.
#include "api/http/gate.h"
#include "api/http/message.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  static const api::GateLimits limits;
  static const std::vector<std::string> hosts = {"a"};
  api::HeadReader reader(limits, hosts);
  api::Request request;
  api::Framing framing;
  const auto head = "GET / HTTP/1.1\r\nHost: a\r\nCookie: " + std::string(input) + "\r\n\r\n";
  if (reader.feed(head, request, framing) == api::Read::whole && reader.size() == head.size()) {
    (void)request.cookie("xinyin_session");
    (void)request.cookie("");
    for (std::size_t at = 0; at < input.size(); at += 7) (void)request.cookie(input.substr(at, 5));
  }
  for (auto response : {api::Response::redirect(input), api::Response(200).set("X-A", input),
                        api::Response::file({1}, "application/pdf", input),
                        api::Response(200).cookie({.name = "a", .value = std::string(input)})}) {
    std::string out;
    response.write_head(out, {.https = true, .date = "D", .request_id = "r"});
    base::check(out.find("\r\n\r\n") == out.size() - 4, "an answer was split");
    for (std::size_t at = 0; (at = out.find('\n', at)) != std::string::npos; ++at)
      base::check(at > 0 && out[at - 1] == '\r', "a bare line feed went out");
    for (const char c : out)
      base::check(c == '\r' || c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f),
                  "a byte that no header holds went out");
  }
  return 0;
}
