// Runs a fuzz target without a fuzzer: every file of its corpus, then a few thousand mutations of
// them, the same ones each time (the seed is fixed), so that the ordinary tests exercise the target
// as well.
//   fuzz_<name> CORPUS [FILE…]     a FILE alone replays a finding
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr int kMutations = 5000;
constexpr std::uint32_t kSeed = 20261124;
constexpr std::size_t kMostBytes = 1 << 16;

Input read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void run(const Input& input) {
  // An exact copy on the heap: a sanitizer sees a read past its end.
  const auto copy = std::make_unique<std::uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), copy.get());
  (void)LLVMFuzzerTestOneInput(copy.get(), input.size());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Input>& corpus) : corpus_(corpus), chance_(kSeed) {}

  Input next() {
    Input input = corpus_[below(corpus_.size())];
    for (auto steps = 1 + below(4); steps > 0; --steps) mutate(input);
    if (input.size() > kMostBytes) input.resize(kMostBytes);
    return input;
  }

 private:
  std::size_t below(std::size_t most) { return most == 0 ? 0 : chance_() % most; }

  void mutate(Input& input) {
    const auto at = below(input.size());
    const auto count = below(std::min<std::size_t>(16, input.size() - at) + 1);
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    static constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0x30};
    switch (below(7)) {
      case 0:
        if (!input.empty()) *place ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        if (!input.empty()) *place = kEdges[below(std::size(kEdges))];
        break;
      case 2:
        input.insert(place, count, kEdges[below(std::size(kEdges))]);
        break;
      case 3:
        input.erase(place, place + static_cast<std::ptrdiff_t>(count));
        break;
      case 4:
        input.resize(at);
        break;
      case 5: {  // a piece of another input
        const auto& other = corpus_[below(corpus_.size())];
        const auto from = below(other.size());
        const auto size = below(other.size() - from + 1);
        input.insert(place, other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + size));
        break;
      }
      default:
        for (std::size_t i = 0; i < count; ++i)
          place[static_cast<std::ptrdiff_t>(i)] = static_cast<std::uint8_t>(chance_());
    }
  }

  const std::vector<Input>& corpus_;
  std::mt19937 chance_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> corpus{{}};
  bool mutate = false;
  for (int i = 1; i < argc; ++i) {
    if (std::filesystem::is_directory(argv[i])) {
      mutate = true;
      std::vector<std::filesystem::path> files;
      for (const auto& one : std::filesystem::recursive_directory_iterator(argv[i]))
        if (one.is_regular_file()) files.push_back(one.path());
      std::sort(files.begin(), files.end());  // the same mutations on every machine
      for (const auto& file : files) corpus.push_back(read(file));
    } else if (std::filesystem::exists(argv[i])) {
      corpus.push_back(read(argv[i]));
    } else {
      std::fprintf(stderr, "%s: no such corpus\n", argv[i]);
      return 2;
    }
  }
  for (const auto& input : corpus) run(input);
  if (!mutate) return 0;
  Mutator mutator(corpus);
  for (int i = 0; i < kMutations; ++i) run(mutator.next());
  std::printf("%zu inputs and %d mutations\n", corpus.size(), kMutations);
  return 0;
}
