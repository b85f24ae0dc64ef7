// The judge of files, as a stranger may send them: discovery of signatures, the security store,
// document time stamps. Beside not crashing it must never call anything genuine but the very seeds
// that are, and those with evidence added: a sealed file has one form.
#include <algorithm>
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
    base::check(genuine.size() == 5, "the seeds are there");
  }
  std::unique_ptr<verify::Verifier> verifier;
  std::set<base::Digest> genuine;
  base::Time at = *base::parse_rfc3339("2026-11-24T04:00:00Z");
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  const auto verdict = world.verifier->judge({data, size}, world.at);
  const auto known = [&](const base::Digest& one) { return world.genuine.contains(one); };
  const bool genuine = verdict.outcome == verify::Outcome::genuine;
  // What was added may be written in many ways, and is no part of the document.
  base::check(!genuine || known(verdict.sha256) ||
                  std::any_of(verdict.earlier_sha256.begin(), verdict.earlier_sha256.end(), known),
              "only what was sealed is genuine");
  base::check(genuine || !known(verdict.sha256), "what was sealed is genuine");
  for (const auto& seal : verdict.seals)
    base::check(verdict.outcome != verify::Outcome::genuine ||
                    (seal.intact == verify::Answer::yes && seal.genuine == verify::Answer::yes &&
                     seal.in_force == verify::Answer::yes),
                "the worst answer wins");
  return 0;
}
