// Secret bytes: kept out of swap and core dumps where the system lets us, wiped when they go, never
// printed. Secrets come from files or descriptors, never from arguments, environment or source.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace base {

/// Move-only. There is no operator<< and no comparison but the constant-time one.
class Secret {
 public:
  Secret() = default;
  explicit Secret(BytesView bytes);
  /// So many zero bytes, to be written in place: what is clear then never stands anywhere else.
  static Secret blank(std::size_t size);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  Secret clone() const { return Secret(reveal()); }
  /// The bytes themselves. Named so that every use stands out in review.
  BytesView reveal() const { return {data_, size_}; }
  std::string_view reveal_text() const { return as_text(reveal()); }
  std::span<std::uint8_t> writable() { return {data_, size_}; }
  /// Forgets what stands behind the first `size` bytes.
  void shorten(std::size_t size);
  bool empty() const { return size_ == 0; }
  /// Takes the same time wherever the bytes differ.
  bool equals(BytesView other) const;

  /// Reads a secret file whole (at most 64 KiB), without one trailing line end.
  /// Errors: unavailable `config.secret_file`, when it is missing, unreadable, empty, or readable
  /// by everybody.
  static Result<Secret> from_file(const std::filesystem::path& path);

 private:
  void release() noexcept;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;  // bytes in whole pages
};

/// Overwrites memory in a way the compiler may not leave out.
void wipe(std::span<std::uint8_t> bytes);

}  // namespace base
