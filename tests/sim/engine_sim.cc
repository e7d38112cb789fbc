// Runs the whole-engine simulation over many seeds: engine_sim [--seeds N] [--first SEED]
// [--recipients N] [--crashes N]. Each seed runs twice and must tell the same story to the byte. A
// failure prints the seed, what broke and the last notes; the same seed repeats it.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "tests/sim/scenario.h"

namespace {

struct Arguments {
  uint64_t first = 1;
  uint64_t seeds = 20;
  uint32_t recipients = 2'000;
  uint32_t crashes = 3;
};

bool Parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    const std::string flag = argv[i];
    if (flag == "--first") {
      out.first = value;
    } else if (flag == "--seeds") {
      out.seeds = value;
    } else if (flag == "--recipients") {
      out.recipients = uint32_t(value);
    } else if (flag == "--crashes") {
      out.crashes = uint32_t(value);
    } else {
      return false;
    }
  }
  return argc % 2 == 1;
}

// Memory, where there is some: the queue is synced to nowhere.
std::filesystem::path Folder(uint64_t seed) {
  const std::filesystem::path memory("/dev/shm");
  const std::filesystem::path base =
      std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
  return base / ("sluice_sim_" + std::to_string(getpid()) + "_" + std::to_string(seed));
}

bool RunSeed(const Arguments& arguments, uint64_t seed) {
  const std::filesystem::path folder = Folder(seed);
  sluice::sim::ScenarioOptions options;
  options.seed = seed;
  options.recipients = arguments.recipients;
  // Every third seed runs without a crash: then no second copy is excused by one.
  options.crashes = seed % 3 == 0 ? 0 : arguments.crashes;
  options.folder = folder;
  sluice::sim::ScenarioReport report = RunScenario(options);
  if (report.faults.empty() && RunScenario(options).trace_hash != report.trace_hash)
    report.faults.push_back("the same seed told another story");
  std::filesystem::remove_all(folder);
  std::printf(
      "seed %llu: %llu recipients: %llu delivered, %llu bounced, %llu expired, %llu cancelled, "
      "%llu copies; "
      "%.1f days in %llu steps, trace %016llx%s\n",
      (unsigned long long)seed, (unsigned long long)report.acknowledged,
      (unsigned long long)report.delivered, (unsigned long long)report.bounced,
      (unsigned long long)report.expired, (unsigned long long)report.cancelled,
      (unsigned long long)report.duplicates, report.days, (unsigned long long)report.steps,
      (unsigned long long)report.trace_hash, report.faults.empty() ? "" : "  FAILED");
  size_t shown = 0;
  for (const std::string& fault : report.faults) {
    std::printf("  %s\n", fault.c_str());
    if (++shown == 20) break;
  }
  if (!report.faults.empty())
    std::printf("%zu faults; repeat with --first %llu --seeds 1\n%s\n", report.faults.size(),
                (unsigned long long)seed, report.last_notes.c_str());
  std::fflush(stdout);
  return report.faults.empty();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: engine_sim [--first SEED] [--seeds N] [--recipients N] [--crashes N]\n");
    return 2;
  }
  bool good = true;
  for (uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed)
    good &= RunSeed(arguments, seed);
  return good ? 0 : 1;
}
