#include "engine/runtime/process.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string_view>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

void OnBadPage(int) {
  static constexpr std::string_view kText =
      "sluice: a page of the queue's data.mdb cannot be read (the disk fails, or the file was cut "
      "short): check the disk and the file, then start again\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
}

}  // namespace

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void TellOfBadPages() {
  struct sigaction action{};
  action.sa_handler = OnBadPage;
  action.sa_flags = int(SA_RESETHAND);
  (void)::sigaction(SIGBUS, &action, nullptr);
}

uint64_t SystemDice() {
  uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof(seed), 0) == ssize_t(sizeof(seed)));
  return seed;
}

}  // namespace sluice::engine
