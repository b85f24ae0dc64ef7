#include "tests/hsm/backup_house.h"

#include <fstream>
#include <sstream>

namespace test {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

BackupHouse::BackupHouse(int threshold_in, int count) : threshold(threshold_in) {
  std::string pattern = (std::filesystem::temp_directory_path() / "xinyin-backup-XXXXXX").string();
  base::check(::mkdtemp(pattern.data()) != nullptr, "no directory");
  directory = pattern;
  std::ofstream(directory / "ledger") << "the officers' ledger\n";
  std::ofstream(directory / "quorum.json") << "{\"quorum\":2}\n";
  for (int i = 0; i < count; ++i)
    officers.push_back(std::make_unique<Card>("card-" + std::to_string(i + 1)));
  file_ = directory / "good.backup";
  auto wanted = plan(file_);
  auto probe = hsm::make_probe(token.open(), random);
  base::check(probe.ok(), "no probe");
  wanted.probe = *probe;
  token.close();
  auto done = hsm::backup(wanted, random, clock);
  if (!done.ok()) base::fail("no backup: " + done.error().key + " " + done.error().detail);
  facts_ = std::move(*done);
}

BackupHouse::~BackupHouse() {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

hsm::BackupPlan BackupHouse::plan(const std::filesystem::path& file) {
  hsm::BackupPlan plan;
  plan.token_directory = token.tokens();
  plan.inventory = token.inventory();
  plan.ledger = directory / "ledger";
  plan.ledger_head = std::string(64, 'a');
  plan.state = {{"quorum.json", directory / "quorum.json"}};
  plan.pin = base::Secret(base::as_bytes(token.pin()));
  plan.threshold = threshold;
  for (std::size_t i = 0; i < officers.size(); ++i)
    plan.officers.push_back({"officer-" + std::to_string(i + 1), "官员" + std::to_string(i + 1),
                             officers[i]->share_key()});
  plan.file = file;
  return plan;
}

hsm::NextShare BackupHouse::cards(std::vector<int> indices) {
  return [this, indices, next = std::size_t{0}](
             const hsm::BackupHeader& header,
             const std::vector<int>& have) mutable -> base::Result<hsm::Share> {
    if (next == indices.size()) {
      auto failure = base::error(base::Code::permission_denied, "hsm.too_few_shares");
      failure.detail = std::to_string(have.size()) + " of " + std::to_string(header.threshold);
      return failure;
    }
    const auto card = officers[static_cast<std::size_t>(indices[next++])]->open();
    return hsm::open_share(header, *card);
  };
}

hsm::RestorePlan BackupHouse::into(const std::filesystem::path& place) const {
  return {
      file_,         Token::module(), place / "tokens", place / "inventory.json", place / "ledger",
      place / "pin", place / "state"};
}

}  // namespace test
