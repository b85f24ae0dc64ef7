// National seals and seal signatures, as a stranger may send them. Beside not crashing, the judge
// must never call anything genuine whose signed part is not that of a seed: what is signed has one
// form. (A token stands outside of it and may be taken off.)
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/check.h"
#include "verify/ses_judge.h"

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct World {
  World() {
    const std::filesystem::path here = XINYIN_FUZZ_DIR;
    auto parsed = certs::TrustList::parse(read(here / "ses.jws"));
    base::check(parsed.ok(), "the fuzz target's trust list is good");
    trust = std::move(*parsed);
    for (const auto& file : std::filesystem::directory_iterator(here / "corpus" / "ses")) {
      const auto name = file.path().filename().string();
      const auto text = read(file.path());
      if (name.starts_with("seal-"))
        if (const auto seal = verify::ses::Seal::read(base::as_bytes(text)))
          seals.insert(base::sha256(seal->info));
      if (!name.starts_with("genuine-")) continue;
      const auto signature = verify::ses::Signature::read(base::as_bytes(text));
      base::check(signature.ok(), "a seed can be read");
      signed_parts.insert(base::sha256(signature->to_sign));
      seals.insert(base::sha256(signature->seal.info));
    }
    base::check(signed_parts.size() == 5, "the seeds are there");
  }
  certs::TrustList trust;
  std::set<base::Digest> signed_parts, seals;
  base::Digest original = base::sm3(base::as_bytes("<ofd:Signature/>"));
  base::Time at = *base::parse_rfc3339("2026-11-24T03:00:00Z");
};

bool all_yes(const verify::SealReport& report) {
  using verify::Answer;
  return report.intact == Answer::yes && report.genuine == Answer::yes &&
         report.in_force == Answer::yes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  const base::BytesView octets(data, size);
  const auto report = verify::ses::judge_signature(
      octets, {world.original, "/Doc_0/Signs/Sign_0/Signature.xml", {}, {}}, world.trust, world.at);
  base::check(!report.steps.empty(), "a report without a step");
  if (const auto read = verify::ses::Signature::read(octets))
    base::check(!all_yes(report) || world.signed_parts.contains(base::sha256(read->to_sign)),
                "nothing but what was sealed is genuine");
  else
    base::check(report.intact == verify::Answer::no, "unreadable, and not refused");
  const auto seal = verify::ses::judge_seal(octets, world.trust, world.at);
  if (all_yes(seal))
    base::check(world.seals.contains(base::sha256(verify::ses::Seal::read(octets)->info)),
                "a seal that nobody made is genuine");
  return 0;
}
