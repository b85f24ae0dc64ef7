#include "api/multipart.h"

#include <Poco/Exception.h>
#include <Poco/Net/MessageHeader.h>
#include <Poco/Net/NameValueCollection.h>

#include <sstream>

namespace api {
namespace {

constexpr std::size_t kMostParts = 16;
constexpr std::size_t kMostHeadBytes = 8 * 1024;

base::Error malformed(std::string detail) {
  return base::error(base::Code::invalid_argument, "http.multipart", std::move(detail));
}

/// The boundary of RFC 2046 §5.1.1: 1 to 70 characters.
base::Result<std::string> boundary_of(std::string_view content_type) {
  std::string value;
  Poco::Net::NameValueCollection parameters;
  Poco::Net::MessageHeader::splitParameters(std::string(content_type), value, parameters);
  const auto boundary = parameters.get("boundary", "");
  if (boundary.empty() || boundary.size() > 70) return malformed("boundary");
  return boundary;
}

/// The part's field name; nothing when the head is not that of a form's part.
std::string name_of(std::string_view head) {
  std::istringstream stream{std::string(head)};
  Poco::Net::MessageHeader fields;
  fields.setFieldLimit(16);
  try {
    fields.read(stream);
  } catch (const Poco::Exception&) {
    return {};
  }
  std::string disposition;
  Poco::Net::NameValueCollection parameters;
  Poco::Net::MessageHeader::splitParameters(fields.get("Content-Disposition", ""), disposition,
                                            parameters);
  return disposition == "form-data" ? parameters.get("name", "") : "";
}

}  // namespace

// Poco's MultipartReader copies byte by byte through two stream layers; an upload of 32 MB is cut
// here by searching for the delimiter instead, and only the small heads go through Poco.
base::Result<std::string_view> multipart_file(std::string_view content_type, std::string_view body,
                                              std::string_view field) {
  BASE_TRY(const auto boundary, boundary_of(content_type));
  const std::string first = "--" + boundary, next = "\r\n--" + boundary;
  if (!body.starts_with(first)) return malformed("does not begin with its boundary");
  body.remove_prefix(first.size());
  for (std::size_t part = 0; part < kMostParts; ++part) {
    if (body.starts_with("--"))
      return base::error(base::Code::invalid_argument, "web.file.missing", "no such part");
    if (!body.starts_with("\r\n")) return malformed("after a boundary");
    body.remove_prefix(2);
    const auto head_end = body.substr(0, kMostHeadBytes).find("\r\n\r\n");
    if (head_end == std::string_view::npos) return malformed("a part's head has no end");
    const auto head = body.substr(0, head_end + 4);
    body.remove_prefix(head_end + 4);
    const auto end = body.find(next);
    if (end == std::string_view::npos) return malformed("a part has no end");
    if (name_of(head) == field) {
      if (end == 0) return base::error(base::Code::invalid_argument, "web.file.missing", "empty");
      return body.substr(0, end);
    }
    body.remove_prefix(end + next.size());
  }
  return malformed("too many parts");
}

}  // namespace api
