// A token with keys, five officers with cards, and a backup of the one for the others.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hsm/backup.h"
#include "hsm/restore.h"
#include "tests/support/card.h"
#include "tests/support/manual_clock.h"
#include "tests/support/token.h"

namespace test {

/// Slow to make (half a second): one for a suite.
class BackupHouse {
 public:
  explicit BackupHouse(int threshold = 3, int officers = 5);
  ~BackupHouse();

  hsm::BackupPlan plan(const std::filesystem::path& file);
  /// A backup that is known to be good.
  const std::filesystem::path& file() const { return file_; }
  const hsm::BackupFacts& facts() const { return facts_; }
  /// The cards with these indices, one after the other; too few shares when they run out.
  hsm::NextShare cards(std::vector<int> indices);
  hsm::RestorePlan into(const std::filesystem::path& place) const;

  Token token;
  std::vector<std::unique_ptr<Card>> officers;
  std::filesystem::path directory;
  base::SystemRandom random;
  base::SystemClock clock;
  int threshold;

 private:
  std::filesystem::path file_;
  hsm::BackupFacts facts_;
};

std::string content_of(const std::filesystem::path& path);

}  // namespace test
