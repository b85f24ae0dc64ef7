// From a request to its handler by the table of routes, and back: every rule of a row is checked
// here, once, before the handler runs; every answer is counted and logged here.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/handlers.h"
#include "api/http/server.h"
#include "api/log.h"

namespace api {

/// Thread-safe after construction.
class Router final : public Application {
 public:
  /// `routes` is kRoutes; tests may give their own.
  Router(Services& services, Log& log, std::span<const Route> routes);
  ~Router() override;

  Admission admit(const Request& head) override;
  std::optional<Response> quick(const Request& request, const Admission& admission) override;
  Response answer(const Request& request, const Admission& admission) override;
  Response refuse(const Refusal& refusal, const Request& request) override;
  void finished(const Exchange& exchange) override;

  /// "GET /v/{code}" of each route, for metrics.
  static std::vector<std::string> labels(std::span<const Route> routes);
  std::vector<const Workers*> pools() const;
  /// Ends the pools; queued work is done first.
  void stop();

 private:
  struct Pattern {
    const Route* route = nullptr;
    std::vector<std::string_view> segments;
  };
  const Pattern* match(std::string_view path, Method method, std::string& allowed) const;
  std::optional<base::Error> check_body_type(const Route& route, const Request& head) const;
  base::Result<Response> run(Call& call);
  base::Result<void> check_who(Call& call);
  base::Result<void> check_origin(Call& call);
  Response to_login(const Request& request) const;

  Services& services_;
  Log& log_;
  const std::span<const Route> routes_;
  std::vector<Pattern> patterns_;
  std::array<std::unique_ptr<Workers>, kPools> pools_;
};

}  // namespace api
