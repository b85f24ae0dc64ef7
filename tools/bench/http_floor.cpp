// What the HTTP server costs by itself: answers every GET with a fixed 1 kB of JSON from memory.
// Usage: http_floor PORT [REACTORS]. tools/bench/http_floor.sh runs it against nginx.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "api/http/server.h"

namespace {

class Floor final : public api::Application {
 public:
  Floor()
      : body_(std::make_shared<const std::string>("{\"pad\":\"" + std::string(1012, 'x') +
                                                  "\"}\n")) {}
  api::Admission admit(const api::Request&) override { return {}; }
  std::optional<api::Response> quick(const api::Request&, const api::Admission&) override {
    return api::Response::json(body_);
  }
  api::Response answer(const api::Request&, const api::Admission&) override {
    return api::Response(500);
  }
  api::Response refuse(const api::Refusal& refusal, const api::Request&) override {
    return api::Response(refusal.status);
  }
  void finished(const api::Exchange&) override {}

 private:
  std::shared_ptr<const std::string> body_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: http_floor PORT [REACTORS]\n");
    return 2;
  }
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const std::string port = argv[1];
  Floor floor;
  api::ServerConfig config;
  config.port = std::atoi(argv[1]);
  config.reactors = argc > 2 ? std::atoi(argv[2]) : 0;
  config.hosts = {"127.0.0.1:" + port};
  api::Server server(config, floor);
  if (const auto started = server.start(); !started.ok()) {
    std::fprintf(stderr, "%s\n", started.error().detail.c_str());
    return 1;
  }
  int signal = 0;
  sigwait(&stop, &signal);
  server.stop();
  return 0;
}
