#include "base/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/digest.h"
#include "base/unique_fd.h"

namespace base {
namespace {

constexpr std::size_t kMostSecretBytes = 64 * 1024;

std::size_t pages(std::size_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

void wipe(std::span<std::uint8_t> bytes) {
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

Secret Secret::blank(std::size_t size) {
  Secret secret;
  if (size == 0) return secret;
  // Own pages, so that locking and leaving out of dumps touch nothing else.
  const auto mapped = pages(size);
  void* memory =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, "no memory for a secret");
  (void)::mlock(memory, mapped);  // best effort: RLIMIT_MEMLOCK may be small
  (void)::madvise(memory, mapped, MADV_DONTDUMP);
  secret.data_ = static_cast<std::uint8_t*>(memory);
  secret.size_ = size;
  secret.mapped_ = mapped;
  return secret;
}

Secret::Secret(BytesView bytes) : Secret(blank(bytes.size())) {
  if (size_ != 0) std::memcpy(data_, bytes.data(), size_);
}

void Secret::shorten(std::size_t size) {
  check(size <= size_, "Secret::shorten to more than there is");
  if (size == 0) return release();
  OPENSSL_cleanse(data_ + size, size_ - size);
  size_ = size;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

Secret::~Secret() {
  release();
}

void Secret::release() noexcept {
  if (data_ == nullptr) return;
  OPENSSL_cleanse(data_, size_);
  ::munmap(data_, mapped_);
  data_ = nullptr;
  size_ = mapped_ = 0;
}

bool Secret::equals(BytesView other) const {
  return constant_time_equal(reveal(), other);
}

Result<Secret> Secret::from_file(const std::filesystem::path& path) {
  const auto refuse = [&](std::string_view why) {
    auto failure =
        error(Code::unavailable, "config.secret_file", path.string() + ": " + std::string(why));
    failure.args = {{"path", path.string()}, {"why", std::string(why)}};
    return failure;
  };
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return refuse(std::strerror(errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return refuse(std::strerror(errno));
  if ((status.st_mode & S_IROTH) != 0) return refuse("readable by everybody; chmod o-r");
  Bytes buffer(kMostSecretBytes + 1);
  std::size_t size = 0;
  while (size < buffer.size()) {
    const auto got = ::read(fd.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMostSecretBytes) return refuse("larger than 64 KiB");
  if (size > 0 && buffer[size - 1] == '\n') --size;
  Secret secret(BytesView(buffer.data(), size));
  wipe(buffer);
  if (secret.empty()) return refuse("empty");
  return secret;
}

}  // namespace base
