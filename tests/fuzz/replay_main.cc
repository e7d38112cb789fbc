// Replays the corpus of every fuzz target: fuzz_replay CORPUS_DIR [target]. Each input is fed whole
// and, because parsers must not care how bytes are cut, that is what the targets themselves check.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace sluice::fuzz {
namespace {

struct Target {
  std::string name;
  TargetFn run;
};

std::vector<Target>& Targets() {
  static std::vector<Target> targets;
  return targets;
}

int Replay(const Target& target, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    files.push_back(entry.path());
  if (files.empty()) {
    std::fprintf(stderr, "%s: no corpus in %s\n", target.name.c_str(), folder.c_str());
    return 1;
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    target.run(input);
  }
  std::printf("%-28s %zu inputs\n", target.name.c_str(), files.size());
  return 0;
}

}  // namespace

int Register(const char* name, TargetFn target) {
  Targets().push_back({name, target});
  return 0;
}

}  // namespace sluice::fuzz

int main(int argc, char** argv) {
  using namespace sluice::fuzz;
  if (argc < 2) {
    std::fprintf(stderr, "usage: fuzz_replay CORPUS_DIR [target]\n");
    return 2;
  }
  int failed = 0;
  for (const auto& target : Targets())
    if (argc < 3 || target.name == argv[2])
      failed |= Replay(target, std::filesystem::path(argv[1]) / target.name);
  return failed;
}
