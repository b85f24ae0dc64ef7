#include "hsm/token_change.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/encoding.h"
#include "base/fail_point.h"
#include "base/json.h"
#include "base/unique_fd.h"
#include "hsm/inventory.h"

extern char** environ;

namespace hsm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTalk = 64 << 20;

base::Error failed(const std::string& why) {
  auto failure = base::error(base::Code::unavailable, "hsm.token_change", why);
  failure.args = {{"why", why}};
  return failure;
}

fs::path beside(const fs::path& path) {
  return path.string() + ".next";
}

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

base::Result<void> sync_path(const fs::path& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return failed(path.string() + ": " + std::strerror(errno));
  return {};
}

/// Files of a destroyed or superseded token: overwritten as far as the file system lets us.
void remove_wiped(const fs::path& directory) {
  std::error_code ignored;
  (void)set_writable(directory, true);
  for (fs::recursive_directory_iterator it(directory, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    if (!it->is_regular_file()) continue;
    const base::UniqueFd fd(::open(it->path().c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    const std::string zeros(static_cast<std::size_t>(it->file_size()), '\0');
    if (fd && ::write(fd.get(), zeros.data(), zeros.size()) >= 0) (void)::fsync(fd.get());
  }
  fs::remove_all(directory, ignored);
}

base::Result<void> copy_token(const TokenPlace& place) {
  const auto copy = beside(place.directory);
  remove_wiped(copy);
  std::error_code failure;
  fs::create_directory(copy, failure);
  // One by one: the served directory is read-only, and a copy of it would be before it is filled.
  for (fs::recursive_directory_iterator it(place.directory, failure), end; !failure && it != end;
       it.increment(failure)) {
    const auto to = copy / it->path().lexically_relative(place.directory);
    if (it->is_directory())
      fs::create_directory(to, failure);
    else if (it->is_regular_file())
      fs::copy_file(it->path(), to, failure);
  }
  if (failure) return failed("copying the token: " + failure.message());
  BASE_TRY_VOID(set_writable(copy, true));
  if (!fs::exists(place.inventory)) return {};
  fs::copy_file(place.inventory, beside(place.inventory), fs::copy_options::overwrite_existing,
                failure);
  if (failure) return failed("copying the inventory: " + failure.message());
  return {};
}

/// SoftHSM finds its token by its configuration: the same, with the copy's place.
base::Result<fs::path> configuration_for_copy(const TokenPlace& place) {
  const auto text = read_file(place.softhsm_conf);
  if (!text) return failed(place.softhsm_conf.string() + " cannot be read");
  std::istringstream lines(*text);
  std::string out;
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("directories.tokendir") != std::string::npos &&
        line.find('#') == std::string::npos) {
      line = "directories.tokendir = " + beside(place.directory).string();
      found = true;
    }
    out += line + "\n";
  }
  if (!found) return failed(place.softhsm_conf.string() + " names no directories.tokendir");
  const fs::path file = place.directory.string() + ".next.conf";
  std::ofstream(file, std::ios::trunc) << out;
  return file;
}

std::string order_json(const TokenPlace& place, const TokenWish& wish) {
  const bool software = !place.directory.empty();
  base::JsonWriter out;
  out.StartObject();
  out.member("parent", static_cast<std::int64_t>(::getpid()));
  out.member("module", place.module.string());
  out.member("label", place.label);
  out.member("serial", place.serial);
  out.member("pin_file", place.pin_file.string());
  out.member("directory", software ? beside(place.directory).string() : std::string());
  out.member("inventory", beside(place.inventory).string());
  out.member("sm2_native", place.sm2.native);
  out.member("sm2_der", place.sm2.der);
  out.member("sm2_key_type", static_cast<std::int64_t>(place.sm2.key_type));
  out.member("sm2_generate", static_cast<std::int64_t>(place.sm2.generate_mechanism));
  out.member("sm2_sign", static_cast<std::int64_t>(place.sm2.sign_mechanism));
  out.key("make");
  out.StartArray();
  for (const auto& key : wish.make) {
    out.StartObject();
    out.member("label", key.label);
    out.member("algorithm", to_string(key.algorithm));
    out.member("purpose", to_string(key.purpose));
    out.EndObject();
  }
  out.EndArray();
  out.key("destroy");
  out.StartArray();
  for (const auto& label : wish.destroy) out.string(label);
  out.EndArray();
  out.EndObject();
  return out.text();
}

/// Both ends of a pipe; the child gets `inner` as its descriptor.
struct Pipe {
  base::UniqueFd read, write;
  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read = base::UniqueFd(ends[0]);
    write = base::UniqueFd(ends[1]);
    return true;
  }
};

/// Feeds the order in, and reads both outputs until they end or the time is over.
bool talk(Pipe& in, Pipe& out, Pipe& told, std::string_view order, std::chrono::milliseconds most,
          std::string& answer, std::string& why) {
  const auto until = std::chrono::steady_clock::now() + most;
  while (!order.empty()) {
    const auto wrote = ::write(in.write.get(), order.data(), order.size());
    if (wrote < 0 && errno != EINTR) break;
    if (wrote > 0) order.remove_prefix(static_cast<std::size_t>(wrote));
  }
  in.write.reset();
  std::array<char, 64 * 1024> buffer;
  std::array<pollfd, 2> ends{pollfd{out.read.get(), POLLIN, 0}, pollfd{told.read.get(), POLLIN, 0}};
  int open_ends = 2;
  while (open_ends > 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const int ready =
        ::poll(ends.data(), ends.size(), static_cast<int>(std::max<long>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const auto got = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      auto& into = i == 0 ? answer : why;
      if (got <= 0 || into.size() > kMostTalk) {
        ends[i].fd = -1;
        --open_ends;
      } else {
        into.append(buffer.data(), static_cast<std::size_t>(got));
      }
    }
  }
  return true;
}

/// Ours, but for the place of the token: SoftHSM's own interface.
std::vector<std::string> environment_for(const fs::path& conf) {
  constexpr std::string_view kName = "SOFTHSM2_CONF=";
  std::vector<std::string> out;
  for (char** one = environ; *one != nullptr; ++one)
    if (!std::string_view(*one).starts_with(kName)) out.emplace_back(*one);
  if (!conf.empty()) out.push_back(std::string(kName) + conf.string());
  return out;
}

base::Result<std::string> run_child(const std::string& order, const fs::path& conf,
                                    std::chrono::milliseconds most) {
  Pipe in, out, told;
  if (!in.open() || !out.open() || !told.open()) return failed(std::strerror(errno));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.read.get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, told.write.get(), 2);
  std::string program = "/proc/self/exe", deed = "change-token";
  std::array<char*, 3> arguments{program.data(), deed.data(), nullptr};
  auto variables = environment_for(conf);
  std::vector<char*> pointers;
  for (auto& one : variables) pointers.push_back(one.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int spawned =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), pointers.data());
  ::posix_spawn_file_actions_destroy(&actions);
  in.read.reset();
  out.write.reset();
  told.write.reset();
  if (spawned != 0) return failed(std::string("starting the child: ") + std::strerror(spawned));
  std::string answer, why;
  const bool in_time = talk(in, out, told, order, most, answer, why);
  if (!in_time) (void)::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0) return answer;
  while (!why.empty() && (why.back() == '\n' || why.back() == ' ')) why.pop_back();
  if (const auto last = why.rfind('\n'); last != std::string::npos) why.erase(0, last + 1);
  return failed(!in_time      ? "the child did not come to an end"
                : why.empty() ? "the child died"
                              : why);
}

}  // namespace

std::optional<base::Digest> digest_of_file(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  return base::sha256(base::as_bytes(*text));
}

std::optional<base::Digest> prepared_inventory(const TokenPlace& place) {
  return digest_of_file(beside(place.inventory));
}

base::Result<PreparedChange> prepare_change(const TokenPlace& place, const TokenWish& wish) {
  fs::path conf = place.softhsm_conf;
  const bool software = !place.directory.empty();
  if (software) {
    BASE_TRY_VOID(copy_token(place));
    if (!conf.empty()) {
      BASE_TRY(conf, configuration_for_copy(place));
    }
  } else {
    std::error_code ignored;
    fs::copy_file(place.inventory, beside(place.inventory), fs::copy_options::overwrite_existing,
                  ignored);
  }
  auto made = run_child(order_json(place, wish), conf, place.longest_change);
  if (software && conf != place.softhsm_conf) {
    std::error_code ignored;
    fs::remove(conf, ignored);
  }
  if (!made.ok()) {
    discard_change(place);
    return std::move(made).error();
  }
  const auto inventory = prepared_inventory(place);
  if (!inventory) return failed("the child left no inventory");
  PreparedChange change;
  change.inventory = *inventory;
  change.keys_json = std::move(*made);
  return change;
}

base::Result<void> adopt_change(const TokenPlace& place) {
  const auto next = beside(place.inventory);
  std::error_code ignored;
  if (!fs::exists(next, ignored)) return {};
  if (!place.directory.empty()) {
    const auto copy = beside(place.directory);
    // The exchange comes first: while the new inventory waits, it can be told from the files which
    // of the two directories is the new one.
    BASE_TRY(const auto wanted, Inventory::from_file(next));
    if (!check_files(place.directory, wanted.files).ok() ||
        digest_files(place.directory).value() != wanted.files) {
      if (::renameat2(AT_FDCWD, copy.c_str(), AT_FDCWD, place.directory.c_str(), RENAME_EXCHANGE) !=
          0)
        return failed("exchanging the token: " + std::string(std::strerror(errno)));
      BASE_TRY_VOID(sync_path(place.directory.parent_path()));
    }
    base::fail_point("token_change.exchanged");
  }
  fs::rename(next, place.inventory, ignored);
  if (ignored) return failed("the inventory: " + ignored.message());
  BASE_TRY_VOID(sync_path(place.inventory.has_parent_path() ? place.inventory.parent_path() : "."));
  if (!place.directory.empty()) {
    BASE_TRY_VOID(set_writable(place.directory, false));
    remove_wiped(beside(place.directory));
  }
  return {};
}

void discard_change(const TokenPlace& place) {
  std::error_code ignored;
  fs::remove(beside(place.inventory), ignored);
  if (!place.directory.empty()) remove_wiped(beside(place.directory));
}

}  // namespace hsm
