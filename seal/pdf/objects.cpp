#include "seal/pdf/objects.h"

#include <zlib.h>

#include "base/check.h"

namespace seal::pdf {

std::string ref(std::uint32_t number) {
  return std::to_string(number) + " 0 R";
}

void Objects::begin(std::uint32_t number) {
  if (number >= offsets_.size()) offsets_.resize(number + 1);
  base::check(offsets_[number] == 0, "an object is written twice");
  offsets_[number] = static_cast<std::uint32_t>(base_ + out_.size());
  out_ += std::to_string(number);
  out_ += " 0 obj\n";
}

void Objects::object(std::uint32_t number, std::string_view body) {
  begin(number);
  out_ += body;
  out_ += "\nendobj\n";
}

void Objects::stream(std::uint32_t number, std::string_view entries, std::string_view data,
                     bool deflate) {
  std::string packed;
  if (deflate) {
    auto size = compressBound(static_cast<uLong>(data.size()));
    packed.resize(size);
    const auto done = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                                reinterpret_cast<const Bytef*>(data.data()),
                                static_cast<uLong>(data.size()), Z_BEST_COMPRESSION);
    base::check(done == Z_OK, "compressing failed");
    packed.resize(size);
    data = packed;
  }
  begin(number);
  out_ += "<<";
  out_ += entries;
  out_ += deflate ? "/Filter/FlateDecode/Length " : "/Length ";
  out_ += std::to_string(data.size());
  out_ += ">>\nstream\n";
  out_ += data;
  out_ += "\nendstream\nendobj\n";
}

void Objects::finish(std::string_view trailer_entries) {
  const auto at = base_ + out_.size();
  out_ += "xref\n0 " + std::to_string(offsets_.size()) + '\n';
  out_ += "0000000000 65535 f \n";
  for (std::size_t number = 1; number < offsets_.size(); ++number) {
    base::check(offsets_[number] != 0, "an object is referred to but not written");
    char line[] = "0000000000 00000 n \n";
    auto value = offsets_[number];
    for (int i = 9; value != 0; value /= 10) line[i--] = static_cast<char>('0' + value % 10);
    out_.append(line, 20);
  }
  out_ += "trailer\n<</Size " + std::to_string(offsets_.size());
  out_ += trailer_entries;
  out_ += ">>\nstartxref\n" + std::to_string(at) + "\n%%EOF\n";
}

}  // namespace seal::pdf
