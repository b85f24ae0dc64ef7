// Makes the seed corpus of the fuzz target backup:
//   ninja make_backup_corpus && bin/make_backup_corpus tests/fuzz/corpus/backup
#include <fstream>

#include "hsm/archive.h"
#include "hsm/envelope.h"
#include "hsm/shares.h"
#include "tests/hsm/backup_house.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const auto write = [&](const std::string& name, base::BytesView content) {
    std::ofstream(directory / name, std::ios::binary) << base::as_text(content);
  };
  test::BackupHouse house(2, 3);
  std::size_t size = 0;
  base::check(hsm::BackupHead::read(house.file(), size).ok(), "no head");
  write("head", base::as_bytes("h" + test::content_of(house.file()).substr(0, size)));

  base::Bytes chunks{'f'};
  hsm::ArchiveWriter writer(base::Secret(base::Bytes(hsm::kGcmKeyBytes)), {},
                            [&](base::BytesView some) -> base::Result<void> {
                              base::append(chunks, some);
                              return {};
                            });
  for (const std::string name : {"inventory", "token/a/b.object", "state/empty"}) {
    const std::string content = name == "state/empty" ? "" : "content of " + name;
    base::check(writer.begin(name, content.size()).ok() &&
                    writer.content(base::as_bytes(content)).ok() && writer.end().ok(),
                "no entry");
  }
  base::check(writer.finish().ok(), "no end");
  write("chunks", chunks);
  hsm::GcmIv iv{};
  iv.back() = 1;
  const auto clear = hsm::gcm_decrypt(base::Secret(base::Bytes(hsm::kGcmKeyBytes)), iv,
                                      base::Digest{}, base::BytesView(chunks).subspan(6));
  base::check(clear.has_value(), "no archive");
  base::Bytes inside{'a'};
  base::append(inside, clear->reveal());
  write("inside", inside);

  base::Bytes shares{'s'};
  const auto made =
      hsm::split(base::Secret(house.random.bytes(hsm::kBackupSecretBytes)), 2, 3, house.random);
  for (const auto& one : *made) base::append(shares, one.bytes.reveal());
  write("shares", shares);
  return 0;
}
