#include "tools/commands/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/io/system_clock.h"

namespace sluice::tools {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

class Exchange {
 public:
  Exchange(int fd, const std::string& socket, Duration within)
      : fd_(fd), socket_(socket), within_(within), end_(clock_.Now() + within) {}

  Status Connect(const sockaddr_un& address);
  Status Send(std::string_view bytes);
  Result<std::string> ReceiveLine();

 private:
  Status WaitFor(short events);
  std::unexpected<Error> Closed() const;
  std::unexpected<Error> System(const char* doing, int error) const {
    return Fail(ErrorCode::kIo, socket_ + ": cannot " + doing + ": " + std::strerror(error));
  }

  const io::SystemClock clock_;
  const int fd_;
  const std::string& socket_;
  const Duration within_;
  const Instant end_;
};

std::unexpected<Error> Exchange::Closed() const {
  return Fail(ErrorCode::kClosed, socket_ + ": the engine closed the connection without an answer");
}

Status Exchange::WaitFor(short events) {
  using std::chrono::milliseconds;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end_ - clock_.Now()).count();
    pollfd waiting{.fd = fd_, .events = events, .revents = 0};
    const int ready = left <= 0 ? 0 : poll(&waiting, 1, int(std::min<int64_t>(left, 1'000'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return System("wait", errno);
    if (ready == 0 && clock_.Now() >= end_)
      return Fail(ErrorCode::kTimeout,
                  socket_ + ": no answer within " +
                      std::to_string(std::chrono::ceil<std::chrono::seconds>(within_).count()) +
                      " s; the engine is stuck or very busy, its log may tell");
  }
}

// A full backlog is EAGAIN at once, without any event to wait for: such an engine is asked again.
Status Exchange::Connect(const sockaddr_un& address) {
  while (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ECONNREFUSED)
      return Fail(ErrorCode::kNotFound, socket_ + ": " + std::strerror(error) +
                                            ": is sluice running, and with this configuration? "
                                            "(-c FILE or --socket PATH say where)");
    if (error == EACCES || error == EPERM)
      return Fail(ErrorCode::kDenied,
                  socket_ +
                      ": Permission denied: only the user that runs sluice, and "
                      "root, may use this socket (try sudo)");
    if (error != EAGAIN && error != EINTR) return System("connect", error);
    if (clock_.Now() >= end_) return WaitFor(POLLOUT);
    poll(nullptr, 0, 20);
  }
  return {};
}

Status Exchange::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(size_t(sent));
    } else if (errno == EAGAIN) {
      if (Status waited = WaitFor(POLLOUT); !waited) return waited;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      // It may have said why before it hung up: that is still to be read.
      return {};
    } else if (errno != EINTR) {
      return System("send", errno);
    }
  }
  return {};
}

Result<std::string> Exchange::ReceiveLine() {
  std::string line;
  std::array<char, 65536> piece;
  while (true) {
    const ssize_t got = recv(fd_, piece.data(), piece.size(), 0);
    if (got > 0) {
      const std::string_view bytes(piece.data(), size_t(got));
      const size_t end = bytes.find('\n');
      line.append(bytes.substr(0, end));
      if (end != std::string_view::npos) return line;
      if (line.size() > kResponseMax)
        return Fail(ErrorCode::kCorrupt, socket_ + ": the answer has no end");
    } else if (got == 0 || errno == ECONNRESET) {
      return Closed();
    } else if (errno == EAGAIN) {
      if (Status waited = WaitFor(POLLIN); !waited) return std::unexpected(waited.error());
    } else if (errno != EINTR) {
      return System("receive", errno);
    }
  }
}

}  // namespace

Result<std::string> AskEngine(const std::string& socket, std::string_view request,
                              Duration within) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.empty() || socket.size() >= sizeof address.sun_path)
    return Fail(ErrorCode::kInvalid, "'" + socket + "': the path of a socket has 1 to " +
                                         std::to_string(sizeof address.sun_path - 1) + " octets");
  socket.copy(address.sun_path, socket.size());
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0)
    return Fail(ErrorCode::kIo, std::string("cannot make a socket: ") + std::strerror(errno));

  Exchange exchange(fd.get(), socket, within);
  if (Status status = exchange.Connect(address); !status) return std::unexpected(status.error());
  std::string line(request);
  line += '\n';
  if (Status status = exchange.Send(line); !status) return std::unexpected(status.error());
  return exchange.ReceiveLine();
}

}  // namespace sluice::tools
