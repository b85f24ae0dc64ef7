// The seed of the fuzz target `minutes`: a short ceremony with everything in it.
//   make_minutes_corpus tests/fuzz/corpus/minutes
#include <filesystem>
#include <fstream>

#include "tests/hsm/minutes_paper.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto now = std::chrono::floor<std::chrono::seconds>(base::SystemClock().now());
  std::ofstream(folder / "ceremony") << test::Paper::whole(now).text();
  test::Paper rehearsal(now);
  rehearsal.open(true);
  rehearsal.deviation();
  rehearsal.failed("lists");
  rehearsal.close();
  std::ofstream(folder / "rehearsal") << rehearsal.text();
  return 0;
}
