// The judge of OFD files, as a stranger may send them. An input is a package; or
// "<name>\n<content>": the sealed package with that file replaced or added, which a fuzzer could
// not do behind the CRC of a ZIP file. Only what was sealed, file for file, is ever genuine.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "tests/verify/zip_maker.h"
#include "verify/ofd/zip.h"
#include "verify/verifier.h"

namespace {

using Files = std::map<std::string, std::string>;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Files files_of(base::BytesView file) {
  Files out;
  if (const auto zip = verify::ofd::Zip::read(file))
    for (const auto& [name, content] : zip->entries()) out[name] = base::as_text(content);
  return out;
}

struct World {
  World() {
    const std::filesystem::path here = XINYIN_FUZZ_DIR;
    auto trust = certs::TrustList::parse(read(here / "ofd_judge.jws"));
    base::check(trust.ok(), "the fuzz target's trust list is good");
    verifier = std::make_unique<verify::Verifier>(std::move(*trust));
    files = files_of(base::as_bytes(read(here / "corpus" / "ofd_judge" / "genuine")));
    base::check(!files.empty(), "the seed is there");
  }
  std::unique_ptr<verify::Verifier> verifier;
  Files files;
  base::Time at = *base::parse_rfc3339("2026-11-24T04:00:00Z");
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  const std::string_view text = base::as_text({data, size});
  std::string file(text);
  if (const auto end = text.find('\n'); !text.starts_with("PK") && end != text.npos) {
    Files files = world.files;
    files[std::string(text.substr(0, end))] = text.substr(end + 1);
    file = test::zip_of(files);
  }
  const auto verdict = world.verifier->judge(base::as_bytes(file), world.at);
  if (verdict.outcome != verify::Outcome::genuine) return 0;
  base::check(files_of(base::as_bytes(file)) == world.files, "exactly what was sealed is genuine");
  for (const auto& seal : verdict.seals)
    base::check(seal.intact == verify::Answer::yes && seal.whole_document, "the worst answer wins");
  return 0;
}
