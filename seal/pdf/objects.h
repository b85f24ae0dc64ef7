// Indirect objects of a PDF file, appended with their offsets noted (ISO 32000-1 7.3.10, 7.5.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace seal::pdf {

std::string ref(std::uint32_t number);  ///< "7 0 R"

class Objects {
 public:
  /// Appends to `out`, whose first byte stands at `base` of the file; `offsets` grows as needed.
  Objects(std::string& out, std::size_t base, std::vector<std::uint32_t>& offsets)
      : out_(out), base_(base), offsets_(offsets) {}

  void begin(std::uint32_t number);  ///< "7 0 obj\n"; the caller writes the rest
  void object(std::uint32_t number, std::string_view body);
  /// `entries` are those of the stream dictionary besides Length and Filter.
  void stream(std::uint32_t number, std::string_view entries, std::string_view data, bool deflate);
  /// Cross-reference table, trailer and the end of the file. Every number must have been written.
  void finish(std::string_view trailer_entries);

 private:
  std::string& out_;
  std::size_t base_;
  std::vector<std::uint32_t>& offsets_;
};

}  // namespace seal::pdf
