// tools/showcase/child.cc — see child.h.

#include "tools/showcase/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

#include "engine/base/check.h"

namespace sluice::tools {
namespace {

constexpr int kExecFailed = 127;
constexpr Duration kPollEvery = std::chrono::milliseconds(10);

void Pause(Duration time) {
  const timespec wait{.tv_sec = time.count() / 1'000'000,
                      .tv_nsec = time.count() % 1'000'000 * 1000};
  nanosleep(&wait, nullptr);
}

// Between fork and exec: only what is safe there.
[[noreturn]] void Become(char* const* arguments, int output, int errors, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kExecFailed);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  execv("/proc/self/exe", arguments);
  _exit(kExecFailed);
}

}  // namespace

Child::~Child() {
  if (running()) Stop(std::chrono::seconds(1));
}

Status Child::Start(const std::vector<std::string>& arguments, const std::string& output,
                    const std::string& errors) {
  CHECK(pid_ < 0);
  std::vector<std::string> words = {"sluice"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const int out = open(output.c_str(), kFlags, 0600);
  const int err = open(errors.c_str(), kFlags, 0600);
  const pid_t parent = getpid();
  if (out >= 0 && err >= 0) pid_ = fork();
  if (pid_ == 0) Become(pointers.data(), out, err, parent);
  const int error = errno;
  if (out >= 0) close(out);
  if (err >= 0) close(err);
  if (pid_ < 0) return Fail(ErrorCode::kIo, output + ": " + std::strerror(error));
  return {};
}

std::optional<int> Child::Poll() {
  if (status_ || pid_ < 0) return status_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

int Child::Stop(Duration bound) {
  CHECK(pid_ > 0);
  if (!Poll()) kill(pid_, SIGTERM);
  for (Duration waited{0}; !Poll(); waited += kPollEvery) {
    if (waited >= bound) kill(pid_, SIGKILL);
    Pause(kPollEvery);
  }
  return *status_;
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace sluice::tools
