#include "seal/pdf/icc.h"

#include <array>
#include <cmath>
#include <string_view>

namespace seal::pdf {
namespace {

void put(base::Bytes& out, std::uint32_t value, int bytes = 4) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}
void put(base::Bytes& out, std::string_view text) {
  base::append(out, base::as_bytes(text));
}

std::uint32_t fixed(double value) {  // s15Fixed16Number
  return static_cast<std::uint32_t>(std::lround(value * 65536));
}

base::Bytes xyz(double x, double y, double z) {
  base::Bytes out;
  put(out, "XYZ ");
  put(out, 0);
  for (const auto value : {x, y, z}) put(out, fixed(value));
  return out;
}

base::Bytes description(std::string_view text) {  // textDescriptionType
  base::Bytes out;
  put(out, "desc");
  put(out, 0);
  put(out, static_cast<std::uint32_t>(text.size() + 1));
  put(out, text);
  out.push_back(0);
  out.resize(out.size() + 4 + 4 + 2 + 1 + 67);  // no Unicode, no Macintosh form
  return out;
}

base::Bytes copyright(std::string_view text) {
  base::Bytes out;
  put(out, "text");
  put(out, 0);
  put(out, text);
  out.push_back(0);
  return out;
}

base::Bytes transfer_curve() {  // IEC 61966-2-1 5.2
  constexpr int kPoints = 256;
  base::Bytes out;
  put(out, "curv");
  put(out, 0);
  put(out, kPoints);
  for (int i = 0; i < kPoints; ++i) {
    const double v = i / (kPoints - 1.0);
    const double linear = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    put(out, static_cast<std::uint32_t>(std::lround(linear * 65535)), 2);
  }
  return out;
}

}  // namespace

base::Bytes srgb_profile() {
  // Primaries adapted to D50 by the Bradford transform, as every sRGB profile has them.
  const auto curve = transfer_curve();
  const std::array<std::pair<std::string_view, base::Bytes>, 9> tags{{
      {"desc", description("sRGB IEC61966-2.1")},
      {"cprt", copyright("No copyright, use freely")},
      {"wtpt", xyz(0.9505, 1.0, 1.0891)},
      {"rXYZ", xyz(0.4360657, 0.2224884, 0.0139160)},
      {"gXYZ", xyz(0.3851471, 0.7168732, 0.0970764)},
      {"bXYZ", xyz(0.1430664, 0.0606079, 0.7140961)},
      {"rTRC", curve},
      {"gTRC", {}},  // the same bytes as rTRC
      {"bTRC", {}},
  }};
  base::Bytes directory, data;
  const auto data_at = 128 + 4 + 12 * tags.size();
  put(directory, static_cast<std::uint32_t>(tags.size()));
  std::uint32_t last_at = 0, last_size = 0;
  for (const auto& [name, bytes] : tags) {
    if (!bytes.empty()) {
      while (data.size() % 4 != 0) data.push_back(0);
      last_at = static_cast<std::uint32_t>(data_at + data.size());
      last_size = static_cast<std::uint32_t>(bytes.size());
      base::append(data, bytes);
    }
    put(directory, name);
    put(directory, last_at);
    put(directory, last_size);
  }
  while (data.size() % 4 != 0) data.push_back(0);

  base::Bytes out;
  put(out, static_cast<std::uint32_t>(data_at + data.size()));
  put(out, 0);
  put(out, 0x02100000);
  put(out, "mntrRGB XYZ ");
  for (const auto value : {2026u, 1u, 1u, 0u, 0u, 0u}) put(out, value, 2);
  put(out, "acsp");
  out.resize(out.size() + 28);  // platform, flags, device, attributes, rendering intent: perceptual
  for (const auto value : {0.9642, 1.0, 0.8249}) put(out, fixed(value));
  out.resize(128);
  base::append(out, directory);
  base::append(out, data);
  return out;
}

}  // namespace seal::pdf
