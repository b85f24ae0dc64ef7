// A backup as somebody else may have written it. First byte: what the rest is. 'h': the head of a
// file, which must survive a round trip; 'a': what an archive holds inside its encryption; 'f': an
// archive's chunks as they lie in the file; 's': shares to be joined.
#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "hsm/archive.h"
#include "hsm/backup.h"
#include "hsm/envelope.h"
#include "hsm/shares.h"

namespace {

constexpr std::size_t kShareBytes = 85, kNumberAt = 20;

void head(base::BytesView input) {
  std::size_t size = 0;
  const auto parsed = hsm::BackupHead::parse(input, size);
  if (!parsed.ok()) return;
  base::check(size <= input.size(), "a head longer than the file");
  const auto text = parsed->header.text();
  const auto again = hsm::BackupHeader::from_text(text);
  base::check(again.ok(), "what was accepted is refused after a round trip");
  base::check(again->text() == text, "a round trip changed a header");
}

void chunks(base::BytesView file) {
  const auto source = [&](std::span<std::uint8_t> out) -> base::Result<std::size_t> {
    const auto count = std::min(out.size(), file.size());
    std::copy_n(file.begin(), count, out.begin());
    file = file.subspan(count);
    return count;
  };
  hsm::ArchiveReader reader(base::Secret(base::Bytes(hsm::kGcmKeyBytes)), {}, source);
  (void)reader.read(
      [](const hsm::ArchiveReader::Entry& entry) -> base::Result<hsm::Sink> {
        const std::filesystem::path name(entry.name);
        base::check(name.is_relative() && name.lexically_normal() == name && *name.begin() != "..",
                    "a name that leaves its place");
        return hsm::Sink([](base::BytesView) -> base::Result<void> { return {}; });
      },
      [](const hsm::ArchiveReader::Entry&) -> base::Result<void> { return {}; });
}

/// One last chunk, rightly encrypted, with hostile content.
void inside(base::BytesView clear) {
  clear = clear.first(std::min(clear.size(), hsm::kChunkBytes));
  hsm::GcmIv iv{};
  iv.back() = 1;
  const auto encrypted =
      hsm::gcm_encrypt(base::Secret(base::Bytes(hsm::kGcmKeyBytes)), iv, base::Digest{}, clear);
  base::Bytes file{1};
  for (int shift = 24; shift >= 0; shift -= 8)
    file.push_back(static_cast<std::uint8_t>(encrypted.size() >> shift));
  base::append(file, encrypted);
  chunks(file);
}

void shares(base::BytesView input) {
  std::vector<hsm::Share> some;
  while (input.size() >= kShareBytes && some.size() < 8) {
    some.push_back({input[kNumberAt], base::Secret(input.first(kShareBytes))});
    input = input.subspan(kShareBytes);
  }
  if (!input.empty()) some.push_back({1, base::Secret(input)});
  (void)hsm::join(some, 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::BytesView rest(data + 1, size - 1);
  switch (data[0]) {
    case 'h':
      head(rest);
      break;
    case 'a':
      inside(rest);
      break;
    case 'f':
      chunks(rest);
      break;
    case 's':
      shares(rest);
      break;
    default:
      break;
  }
  return 0;
}
