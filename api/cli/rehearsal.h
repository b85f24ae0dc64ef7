// A whole installation for once, in a private directory: cards for everybody in a plan, an empty
// software token, a database, and the real signer. A ceremony is rehearsed on it, and nothing of it
// stays.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/cli/card_file.h"
#include "api/cli/ceremony_plan.h"
#include "base/child.h"
#include "store/private_cluster.h"

namespace cli {

/// A new private directory for a rehearsal. Errors: unavailable `cli.rehearsal`.
base::Result<std::filesystem::path> rehearsal_place();

/// This process goes on as a child; its parent waits until it, and whatever it started, has ended,
/// however that came about, and removes `place`. Errors: unavailable `cli.rehearsal`.
base::Result<void> leave_nothing_at(const std::filesystem::path& place);

/// For one thread.
class RehearsalHouse {
 public:
  struct Programs {
    std::filesystem::path signer;  ///< empty: xinyin-signer beside this program
    std::filesystem::path module;  ///< SoftHSM
  };
  /// `like`: whose names and addresses it takes; nothing that it names is reached for.
  /// Errors: unavailable `cli.rehearsal`; those of PrivateCluster, of cards and of Child.
  static base::Result<std::unique_ptr<RehearsalHouse>> build(Context& context, const Config& like,
                                                             const CeremonyPlan& plan,
                                                             const std::filesystem::path& place,
                                                             Programs programs);
  ~RehearsalHouse();

  /// With the founding file; returns when the token is served. Errors: unavailable `cli.rehearsal`
  /// with what the signer said.
  base::Result<void> start_signer(std::string_view founding);

  const Config& config() const { return config_; }
  const std::vector<CardOptions>& cards() const { return cards_; }

 private:
  RehearsalHouse(Context& context, Config config, std::filesystem::path place, Programs programs);
  base::Result<void> make_card(const PlannedRole& role);
  base::Result<void> make_token(const CeremonyPlan& plan);
  std::string pin_file(const std::string& name) const;
  void put(const std::string& name, std::string_view text) const;
  std::string at(const std::string& name) const { return (place_ / name).string(); }

  Context& context_;
  Config config_;
  std::filesystem::path place_;
  Programs programs_;
  std::vector<CardOptions> cards_;
  std::unique_ptr<store::PrivateCluster> database_;
  std::optional<base::Child> signer_;
};

}  // namespace cli
