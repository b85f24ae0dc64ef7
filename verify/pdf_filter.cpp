#include "verify/pdf_filter.h"

#include <zlib.h>

#include <cstdlib>

namespace verify::pdf {
namespace {

/// A member that is a small integer; `otherwise` when there is none.
std::optional<std::int64_t> small(const Object& dictionary, std::string_view key,
                                  std::int64_t otherwise) {
  const Object* object = dictionary.member(key);
  if (object == nullptr) return otherwise;
  if (!object->is(Type::integer) || object->integer < 1 || object->integer > 65'536) return {};
  return object->integer;
}

int paeth(int left, int up, int corner) {
  const int estimate = left + up - corner;
  const int a = std::abs(estimate - left), b = std::abs(estimate - up),
            c = std::abs(estimate - corner);
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

}  // namespace

std::optional<base::Bytes> inflate(base::BytesView data, std::size_t most) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  base::Bytes out;
  std::uint8_t block[16'384];
  stream.next_in = const_cast<Bytef*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = block;
    stream.avail_out = sizeof block;
    status = ::inflate(&stream, Z_NO_FLUSH);
    const std::size_t got = sizeof block - stream.avail_out;
    if (got > most - out.size())
      status = Z_MEM_ERROR;
    else
      base::append(out, {block, got});
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) return {};
  return out;
}

std::optional<base::Bytes> undo_predictor(base::Bytes data, const Object& parameters) {
  const auto predictor = small(parameters, "Predictor", 1);
  const auto columns = small(parameters, "Columns", 1);
  const auto colors = small(parameters, "Colors", 1);
  const auto bits = small(parameters, "BitsPerComponent", 8);
  if (!predictor || !columns || !colors || !bits) return {};
  if (*predictor == 1) return data;
  if (*predictor < 10 || *predictor > 15 || *colors != 1 || *bits != 8) return {};
  const auto width = static_cast<std::size_t>(*columns);
  if (data.size() % (width + 1) != 0) return {};
  base::Bytes out, above(width, 0);
  out.reserve(data.size());
  for (std::size_t row = 0; row < data.size(); row += width + 1) {
    const int method = data[row];
    if (method > 4) return {};
    int left = 0, corner = 0;
    for (std::size_t i = 0; i < width; ++i) {
      const int up = above[i];
      int guess = 0;
      if (method == 1) guess = left;
      if (method == 2) guess = up;
      if (method == 3) guess = (left + up) / 2;
      if (method == 4) guess = paeth(left, up, corner);
      corner = up;
      left = (data[row + 1 + i] + guess) & 0xFF;
      above[i] = static_cast<std::uint8_t>(left);
    }
    base::append(out, above);
  }
  return out;
}

}  // namespace verify::pdf
