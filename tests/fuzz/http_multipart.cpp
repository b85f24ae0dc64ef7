// multipart/form-data: first line the content type, the rest the body. What is found lies in the
// body.
#include "api/multipart.h"
#include "base/check.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const auto body = input.substr(line + 1);
  const auto file = api::multipart_file(input.substr(0, line), body, "file");
  if (!file.ok()) return 0;
  base::check(!file->empty() && file->data() >= body.data() &&
                  file->data() + file->size() <= body.data() + body.size(),
              "a view outside the body");
  return 0;
}
