#include "api/cli/pin.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace cli {
namespace {

constexpr std::size_t kMostPinBytes = 64, kLeastNewPinBytes = 6;
constexpr char kInterrupt = 0x03, kEndOfInput = 0x04, kBackspace = 0x08, kDelete = 0x7f,
               kEraseLine = 0x15;

base::Error bad_form(const std::string& why) {
  auto failure = base::error(base::Code::invalid_argument, "cli.pin_form", why);
  failure.args = {{"why", why}};
  return failure;
}

/// What was typed so far; wiped when it goes.
class Typed {
 public:
  ~Typed() { base::wipe(bytes_); }
  bool add(char c) {
    if (size_ == kMostPinBytes) return false;
    bytes_[size_++] = static_cast<std::uint8_t>(c);
    return true;
  }
  void back() {
    if (size_ > 0) --size_;
  }
  void clear() { size_ = 0; }
  base::BytesView view() const { return base::BytesView(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, kMostPinBytes> bytes_{};
  std::size_t size_ = 0;
};

/// No echo, and keys one by one, until it goes: an interrupt is a key too, so that the terminal is
/// never left silent.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    if (::tcgetattr(fd_, &before_) != 0) return;
    auto quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    changed_ = ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~QuietTerminal() {
    if (changed_) (void)::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  bool quiet() const { return changed_; }

 private:
  int fd_;
  termios before_{};
  bool changed_ = false;
};

void put(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto wrote = ::write(fd, text.data() + at, text.size() - at);
    if (wrote < 0 && errno != EINTR) return;  // a terminal that went away; the read will say so
    if (wrote > 0) at += static_cast<std::size_t>(wrote);
  }
}

/// One character; 0 at the end or when reading fails.
char next(int fd) {
  while (true) {
    char c = 0;
    const auto got = ::read(fd, &c, 1);
    if (got == 1) return c;
    if (got < 0 && errno == EINTR) continue;
    return 0;
  }
}

base::Result<base::Secret> ask(const std::string& question) {
  const base::UniqueFd terminal(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal) return base::error(base::Code::invalid_argument, "cli.no_terminal", question);
  Typed typed;
  bool too_long = false;
  {
    const QuietTerminal quiet(terminal.get());
    if (!quiet.quiet())
      return base::error(base::Code::invalid_argument, "cli.no_terminal", "it cannot be silenced");
    put(terminal.get(), question);
    for (bool more = true; more;) {
      const char c = next(terminal.get());
      switch (c) {
        case 0:
        case kInterrupt:
        case kEndOfInput:
          put(terminal.get(), "\n");
          return base::error(base::Code::permission_denied, "cli.interrupted");
        case '\n':
        case '\r':
          more = false;
          break;
        case kBackspace:
        case kDelete:
          typed.back();
          break;
        case kEraseLine:
          typed.clear();
          too_long = false;
          break;
        default:
          too_long = !typed.add(c) || too_long;
      }
    }
    put(terminal.get(), "\n");
  }
  if (too_long) return bad_form("longer than 64 characters");
  if (typed.view().empty()) return bad_form("empty");
  return base::Secret(typed.view());
}

base::Result<base::Secret> from_descriptor(int fd) {
  Typed typed;
  while (true) {
    const char c = next(fd);
    if (c == 0 || c == '\n') break;
    if (!typed.add(c)) return bad_form("longer than 64 characters");
  }
  if (typed.view().empty()) return bad_form("nothing to read on descriptor " + std::to_string(fd));
  return base::Secret(typed.view());
}

base::Result<base::Secret> given(const PinSource& source) {
  if (source.fd >= 0) return from_descriptor(source.fd);
  BASE_TRY(auto pin, base::Secret::from_file(source.file));
  if (pin.reveal().size() > kMostPinBytes) return bad_form("longer than 64 characters");
  return pin;
}

bool asks(const PinSource& source) {
  return source.fd < 0 && source.file.empty();
}

}  // namespace

void add_pin_options(CLI::App& app, const std::string& name, const std::string& what,
                     PinSource& source) {
  auto* file = app.add_option("--" + name + "-file", source.file,
                              "file with " + what + " (not readable by others)");
  auto* fd = app.add_option("--" + name + "-fd", source.fd, "open descriptor with " + what)
                 ->check(CLI::Range(0, 1'000'000));
  file->excludes(fd);
}

base::Result<base::Secret> read_pin(const PinSource& source, const std::string& whose) {
  return asks(source) ? ask("PIN " + whose + ": ") : given(source);
}

base::Result<base::Secret> read_new_pin(const PinSource& source, const std::string& whose) {
  base::Secret pin;
  if (asks(source)) {
    BASE_TRY(pin, ask("新 PIN · new PIN " + whose + ": "));
    BASE_TRY(const auto again, ask("再次输入 · once more " + whose + ": "));
    if (!pin.equals(again.reveal())) return bad_form("the two are not the same");
  } else {
    BASE_TRY(pin, given(source));
  }
  if (pin.reveal().size() < kLeastNewPinBytes) return bad_form("shorter than 6 characters");
  return pin;
}

}  // namespace cli
