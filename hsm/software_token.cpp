#include "hsm/software_token.h"

#include <cstdlib>
#include <fstream>

namespace hsm {

void point_softhsm_at(const std::filesystem::path& conf) {
  if (!conf.empty()) ::setenv("SOFTHSM2_CONF", conf.c_str(), 1);
}

base::Result<void> write_softhsm_conf(const std::filesystem::path& conf,
                                      const std::filesystem::path& directory) {
  std::ofstream file(conf, std::ios::binary | std::ios::trunc);
  file << "directories.tokendir = " << std::filesystem::absolute(directory).string()
       << "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n";
  file.close();
  if (file.good()) return {};
  auto failure = base::error(base::Code::unavailable, "hsm.token_directory", conf.string());
  failure.args = {{"path", conf.string()}, {"why", "cannot be written"}};
  return failure;
}

}  // namespace hsm
