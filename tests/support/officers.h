// Officers for tests: persons with a key and a certificate in ordinary memory, where real ones have
// a card. They sign what the card would.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hsm/officers/request.h"
#include "hsm/officers/state.h"

namespace test {

/// A person, the private key included.
class Officer {
 public:
  explicit Officer(std::string id, hsm::officers::Role role = hsm::officers::Role::officer,
                   std::chrono::hours life = std::chrono::hours(24 * 365));
  const std::string& id() const { return person_.id; }
  const hsm::officers::Person& person() const { return person_; }
  base::Bytes sign(base::BytesView message) const;  ///< ES256, r‖s
  std::string vote(const base::Digest& request, base::Time at,
                   hsm::officers::Decision decision = hsm::officers::Decision::approve) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  hsm::officers::Person person_;
};

/// The founding file of `token`, signed by all.
std::string genesis(const std::vector<Officer>& people, const hsm::officers::Policy& policy,
                    std::string_view token, base::Time at);
/// A policy that three officers can live with: two for everything, one to stop, no grace, no backup
/// first.
hsm::officers::Policy small_policy();

}  // namespace test
