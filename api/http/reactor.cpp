#include "api/http/reactor.h"

#include <Poco/Net/StreamSocketImpl.h>
#include <Poco/Observer.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "api/http/connection.h"
#include "base/check.h"

namespace api {
namespace {

constexpr auto kSweepEvery = std::chrono::milliseconds(100);
constexpr std::size_t kScratchBytes = 64 * 1024;

}  // namespace

Reactor::Reactor(ServerShared& shared, int number)
    : Poco::Net::SocketReactor(Poco::Timespan(0, 100'000)),
      shared_(shared),
      number_(number),
      scratch_(kScratchBytes) {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  base::check(fd >= 0, "eventfd");
  // Poco's own wakeUp() does not end a poll, so a descriptor of ours stands in the poll set. Poco
  // owns this one; the other end of the same counter is ours to write to from any thread.
  wake_write_.reset(::dup(fd));
  wake_ = Poco::Net::StreamSocket(new Poco::Net::StreamSocketImpl(fd));
  addEventHandler(
      wake_, Poco::Observer<Reactor, Poco::Net::ReadableNotification>(*this, &Reactor::run_inbox));
}

Reactor::~Reactor() {
  end();
  auto left = std::move(connections_);
  connections_.clear();
  left.clear();
  graveyard_.clear();
  removeEventHandler(
      wake_, Poco::Observer<Reactor, Poco::Net::ReadableNotification>(*this, &Reactor::run_inbox));
}

void Reactor::begin() {
  thread_ = std::thread([this] { run(); });
}

void Reactor::end() {
  if (!thread_.joinable()) return;
  post([](Reactor& self) { self.stop(); });
  thread_.join();
  std::vector<std::function<void(Reactor&)>> left;
  const std::lock_guard hold(mutex_);
  ended_ = true;
  left.swap(inbox_);
}

bool Reactor::post(std::function<void(Reactor&)> task) {
  {
    const std::lock_guard hold(mutex_);
    if (ended_) return false;
    inbox_.push_back(std::move(task));
    if (inbox_.size() > 1) return true;  // a wake-up is already on its way
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_write_.get(), &one, sizeof one);
  return true;
}

void Reactor::run_inbox(Poco::Net::ReadableNotification* notification) {
  notification->release();
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_write_.get(), &count, sizeof count);
  std::vector<std::function<void(Reactor&)>> tasks;
  {
    const std::lock_guard hold(mutex_);
    tasks.swap(inbox_);
  }
  for (auto& task : tasks) task(*this);
}

void Reactor::adopt(base::UniqueFd fd, Address peer, bool over_capacity, bool proven) {
  const auto id = shared_.next_connection.fetch_add(1, std::memory_order_relaxed);
  Poco::Net::StreamSocket socket(new Poco::Net::StreamSocketImpl(fd.release()));
  auto connection = std::make_unique<Connection>(*this, id, std::move(socket), peer, proven);
  auto& held = *connection;
  connections_.emplace(id, std::move(connection));
  if (over_capacity) held.turn_away({503, "http.full", "too many connections"});
}

void Reactor::remove(Connection& connection) {
  const auto it = connections_.find(connection.id());
  if (it == connections_.end()) return;
  graveyard_.push_back(std::move(it->second));
  connections_.erase(it);
}

Connection* Reactor::find(std::uint64_t id) {
  const auto it = connections_.find(id);
  return it == connections_.end() ? nullptr : it->second.get();
}

void Reactor::close_idle() {
  std::vector<Connection*> idle;
  for (auto& [id, connection] : connections_) {
    connection->finish_soon();
    if (connection->idle()) idle.push_back(connection.get());
  }
  for (auto* connection : idle) connection->close();
}

void Reactor::housekeeping() {
  graveyard_.clear();
  refresh_now();
  if (now_ - swept_ < kSweepEvery) return;
  swept_ = now_;
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (auto& [id, connection] : connections_) all.push_back(connection.get());
  for (auto* connection : all) connection->sweep();
}

std::string_view Reactor::date() {
  if (now_ >= date_until_) {
    const std::time_t at = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&at, &parts);
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char out[64];
    const int size = std::snprintf(out, sizeof out, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                   parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    date_.assign(out, static_cast<std::size_t>(size));
    date_until_ = now_ + std::chrono::milliseconds(200);
  }
  return date_;
}

std::string Reactor::next_request_id() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = shared_.id_prefix;
  out += kHex[number_ & 15];
  const std::uint64_t n = ++requests_;
  for (int shift = 36; shift >= 0; shift -= 4) out += kHex[(n >> shift) & 15];
  return out;
}

}  // namespace api
