// The stage for tools/bench/verify_http.sh: a migrated throw-away database with registered
// documents, a small PKI, and the configuration of a keyless xinyind over them.
//   verify_stage DIRECTORY PORT DOCUMENTS
// Writes xinyind.conf, codes.txt (a thousand of the codes) and prints "ready"; all of it goes away
// when its standard input ends.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "tests/support/pki.h"
#include "tests/support/postgres.h"
#include "verify/register.h"

namespace {

verify::Entry entry_of(const verify::DocumentCode& code, const base::Secret& pepper,
                       base::Random& random, base::Time now) {
  verify::Entry entry;
  entry.id = verify::DocumentId(base::to_hex(random.bytes(16)));
  entry.code = verify::digest_of(code, pepper);
  entry.kind = "enrolment-certificate";
  entry.issuer = test::Pki::kAgency;
  entry.issuer_code = test::Pki::kAgencyCode;
  entry.issued_at = now;
  random.fill(entry.file_sha256);
  entry.file_bytes = 60'000;
  entry.facts = {{"fact.name", "张*三"},
                 {"fact.id_number", "110105********002X"},
                 {"fact.region", "示范省示范市"},
                 {"fact.period", "2024年12月至2026年11月"},
                 {"fact.insurances", "职工基本养老保险、失业保险、工伤保险"},
                 {"fact.as_of", "2026-11-24 11:00:00"}};
  return entry;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: verify_stage DIRECTORY PORT DOCUMENTS\n");
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  const int documents = std::atoi(argv[3]);
  base::SystemRandom random;
  const auto now = base::SystemClock().now();
  test::Database database;
  test::Pki pki(now);
  std::filesystem::create_directories(directory / "pki");
  pki.write(directory / "pki");
  const auto pepper_hex = base::to_hex(random.bytes(32));
  const auto pepper_file = directory / "code-pepper";
  std::ofstream(pepper_file) << pepper_hex << "\n";
  std::filesystem::permissions(
      pepper_file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto pepper = base::Secret::from_file(pepper_file);
  if (!pepper.ok()) return std::fprintf(stderr, "%s\n", pepper.error().detail.c_str()), 1;
  verify::Register documents_register(database.pool());
  std::ofstream codes(directory / "codes.txt");
  for (int done = 0; done < documents;) {
    auto tx = database.pool().begin();
    if (!tx.ok()) return std::fprintf(stderr, "%s\n", tx.error().detail.c_str()), 1;
    for (int i = 0; i < 1'000 && done < documents; ++i, ++done) {
      const auto code = verify::DocumentCode::mint(random);
      if (done < 1'000) codes << code.text() << "\n";
      const auto recorded = documents_register.record(*tx, entry_of(code, *pepper, random, now));
      if (!recorded.ok()) return std::fprintf(stderr, "%s\n", recorded.error().detail.c_str()), 1;
    }
    if (!tx->commit().ok()) return 1;
  }
  codes.close();
  std::ofstream(directory / "xinyind.conf")
      << "profile = demonstration\npublic_url = http://127.0.0.1:" << argv[2]
      << "\nhttp.port = " << argv[2]
      << "\ndatabase.conninfo = " << database.conninfo(test::Role::verifier)
      << "\npki.directory = pki\nsecrets.code_pepper_file = code-pepper\nlog.file = xinyind.log\n"
         "http.drain_s = 0\n";
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
