// Runs a fuzz target without libFuzzer: all seeds of a folder, then mutations of them. No chance is involved, so that a
// failure comes again.
//
//   fuzz_<name> FOLDER [mutations]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string mutated(const std::vector<std::string>& seeds, std::mt19937& random) {
  std::string text = seeds[random() % seeds.size()];
  for (std::size_t left = 1 + random() % 4; left > 0; --left) {
    const std::size_t at = text.empty() ? 0 : random() % text.size();
    switch (random() % 5) {
      case 0: text.insert(at, 1, static_cast<char>(random())); break;
      case 1:
        if (!text.empty()) text.erase(at, 1 + random() % 4);
        break;
      case 2:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 3: {  // a piece of another
        const std::string& other = seeds[random() % seeds.size()];
        const std::size_t from = other.empty() ? 0 : random() % other.size();
        text.insert(at, other, from, random() % 16);
        break;
      }
      default: {  // a piece of its own, many times
        const std::string piece = text.substr(at, 1 + random() % 4);
        for (std::size_t times = random() % 40; times > 0; --times) text.insert(at, piece);
        break;
      }
    }
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [mutations]\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<std::string> seeds;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds in %s\n", argv[1]);
    return 2;
  }
  for (const std::string& seed : seeds) feed(seed);
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 20'000;  // NOLINT(cert-err34-c): for people at a terminal
  std::mt19937 random(1);
  for (int i = 0; i < mutations; ++i) feed(mutated(seeds, random));
  std::printf("%zu seeds and %d mutations of them\n", seeds.size(), mutations);
  return 0;
}
