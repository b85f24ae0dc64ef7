#include "seal/pdf/qr.h"

#include <qrencode.h>

#include <memory>

// The library exports it though its header does not name it: with the mask given, the eight trials
// that take nine tenths of the time are left out. Any mask decodes. Weak: without it the slow way
// is taken.
extern "C" QRcode* QRcode_encodeMask(QRinput* input, int mask) __attribute__((weak));

namespace seal::pdf {
namespace {

constexpr int kMask = 4;  // blocks of 3 by 2: no long runs on text like ours

struct Release {
  void operator()(QRinput* p) const { QRinput_free(p); }
  void operator()(QRcode* p) const { QRcode_free(p); }
};

}  // namespace

base::Result<QrSymbol> qr_symbol(std::string_view content) {
  const auto refuse = [&](const char* why) {
    return base::error(base::Code::invalid_argument, "seal.qr", why);
  };
  if (content.empty() || content.size() > 1024) return refuse("length");
  std::unique_ptr<QRinput, Release> input(QRinput_new2(0, QR_ECLEVEL_M));
  if (!input || QRinput_append(input.get(), QR_MODE_8, static_cast<int>(content.size()),
                               reinterpret_cast<const unsigned char*>(content.data())) != 0)
    return refuse("content");
  std::unique_ptr<QRcode, Release> code(QRcode_encodeMask != nullptr
                                            ? QRcode_encodeMask(input.get(), kMask)
                                            : QRcode_encodeInput(input.get()));
  if (!code) return refuse("too long");
  QrSymbol out;
  out.modules = code->width;
  const auto side = static_cast<std::size_t>(code->width), stride = (side + 7) / 8;
  out.rows.assign(stride * side, 0);
  for (std::size_t y = 0; y < side; ++y)
    for (std::size_t x = 0; x < side; ++x)
      if (code->data[y * side + x] & 1)
        out.rows[y * stride + x / 8] |= static_cast<std::uint8_t>(0x80 >> (x % 8));
  return out;
}

}  // namespace seal::pdf
