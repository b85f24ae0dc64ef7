// The judge of files, as a stranger may send them. Beside not crashing it must never call anything
// genuine but the very seeds that are: a sealed file has one form.
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/check.h"
#include "verify/verifier.h"

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct World {
  World() {
    const std::filesystem::path here = XINYIN_FUZZ_DIR;
    auto trust = certs::TrustList::parse(read(here / "pdf_judge.jws"));
    base::check(trust.ok(), "the fuzz target's trust list is good");
    verifier = std::make_unique<verify::Verifier>(std::move(*trust));
    for (const auto& file : std::filesystem::directory_iterator(here / "corpus" / "pdf_judge"))
      if (file.path().filename().string().starts_with("genuine-"))
        genuine.insert(base::sha256(base::as_bytes(read(file.path()))));
    base::check(genuine.size() == 3, "the seeds are there");
  }
  std::unique_ptr<verify::Verifier> verifier;
  std::set<base::Digest> genuine;
  base::Time at = *base::parse_rfc3339("2026-11-24T04:00:00Z");
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  const auto verdict = world.verifier->judge({data, size}, world.at);
  base::check(
      (verdict.outcome == verify::Outcome::genuine) == world.genuine.contains(verdict.sha256),
      "exactly what was sealed is genuine");
  for (const auto& seal : verdict.seals)
    base::check(verdict.outcome != verify::Outcome::genuine ||
                    (seal.intact == verify::Answer::yes && seal.genuine == verify::Answer::yes &&
                     seal.in_force == verify::Answer::yes),
                "the worst answer wins");
  return 0;
}
