#include "tests/dns/dnsmasq.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "dns/message.h"
#include "engine/base/check.h"

namespace sluice::dns {
namespace {

constexpr const char* kProgram = "/usr/sbin/dnsmasq";
constexpr int kProbesMax = 200;
constexpr int kProbeMs = 50;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

// Asks until an answer comes.
bool WaitForAnswer(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  const sockaddr_in to = Loopback(port);
  CHECK(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0);
  const auto query = BuildQuery({"probe.invalid", RecordType::kA}, 1);
  bool answered = false;
  for (int i = 0; i < kProbesMax && !answered; ++i) {
    const ssize_t sent = send(fd, query->data(), query->size(), 0);
    if (sent < 0) {
      usleep(kProbeMs * 1000);  // refused: not listening yet
      continue;
    }
    pollfd wait{fd, POLLIN, 0};
    std::array<char, 512> buffer;
    answered = poll(&wait, 1, kProbeMs) == 1 && recv(fd, buffer.data(), buffer.size(), 0) > 0;
    if (!answered) usleep(kProbeMs * 200);
  }
  close(fd);
  return answered;
}

}  // namespace

uint16_t FreePort() {
  while (true) {
    const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(tcp >= 0);
    CHECK(udp >= 0);
    sockaddr_in at = Loopback(0);
    socklen_t size = sizeof(at);
    CHECK(bind(tcp, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0);
    CHECK(getsockname(tcp, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    const bool both = bind(udp, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0;
    close(tcp);
    close(udp);
    if (both) return ntohs(at.sin_port);
  }
}

Status Dnsmasq::Start(const std::vector<std::string>& zone) {
  CHECK(pid_ < 0);
  if (access(kProgram, X_OK) != 0)
    return Fail(ErrorCode::kNotFound, std::string(kProgram) + " is not installed");
  const uint16_t port = FreePort();
  at_ = {*IpAddress::Parse("127.0.0.1"), port};
  std::vector<std::string> arguments = {kProgram,
                                        "--keep-in-foreground",
                                        "--conf-file=/dev/null",
                                        "--port=" + std::to_string(port),
                                        "--listen-address=127.0.0.1",
                                        "--bind-interfaces",
                                        "--no-resolv",
                                        "--no-hosts",
                                        "--no-daemon",
                                        "--pid-file=",
                                        "--user=",
                                        "--local=/example/",
                                        "--local=/invalid/"};
  arguments.insert(arguments.end(), zone.begin(), zone.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a crashed test leaves nothing behind
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execv(kProgram, argv.data());
    _exit(127);
  }
  pid_ = pid;
  if (!WaitForAnswer(port)) return Fail(ErrorCode::kTimeout, "dnsmasq does not answer");
  return {};
}

Dnsmasq::~Dnsmasq() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

}  // namespace sluice::dns
