// bench/process_figures.h — what this process has used.

#ifndef SLUICE_BENCH_PROCESS_FIGURES_H_
#define SLUICE_BENCH_PROCESS_FIGURES_H_

#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

namespace sluice {

// Octets of memory that are its own, none of files; 0 where the system does not tell.
inline int64_t RssAnon() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:"))
      return std::stoll(line.substr(line.find_first_of("0123456789"))) * 1024;
  return 0;
}

// CPU time of all threads.
inline double CpuMicros() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

}  // namespace sluice

#endif  // SLUICE_BENCH_PROCESS_FIGURES_H_
