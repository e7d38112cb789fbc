// tests/io/listener_test.cc — listening sockets on good days and bad.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/io/peer.h"

namespace sluice::io {
namespace {

using std::chrono::milliseconds;

TEST(Listener, ResetsAStreamThatNobodyWants) {
  UvLoop loop;
  auto listener = loop.net().Listen(kAnyPort, [](Stream*) { return nullptr; });
  Peer client;
  client.stream = loop.net().Connect({(*listener)->bound(), {}}, &client);
  ASSERT_TRUE(RunUntil(loop, [&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed->reason, CloseReason::kReset);
  EXPECT_EQ(loop.net().stream_count(), 0u);
}

TEST(Listener, GreetsFromWithinTheAcceptCallback) {
  UvLoop loop;
  Peer server;
  auto listener = loop.net().Listen(kAnyPort, [&](Stream* stream) {
    stream->Write("220 ready\r\n");
    return &server;
  });
  Peer client;
  client.stream = loop.net().Connect({(*listener)->bound(), {}}, &client);
  ASSERT_TRUE(RunUntil(loop, [&] { return client.got == "220 ready\r\n"; }));
}

TEST(Listener, SharesItsPortWithAnotherLoop) {
  UvLoop one, two;
  auto first = one.net().Listen(kAnyPort, [](Stream*) { return nullptr; });
  ASSERT_TRUE(first);
  auto second = two.net().Listen((*first)->bound(), [](Stream*) { return nullptr; });
  EXPECT_TRUE(second);
}

TEST(Listener, NamesTheAddressItCannotHave) {
  UvLoop loop;
  const auto nowhere = *Endpoint::Parse("192.0.2.1:2525");
  const auto listener = loop.net().Listen(nowhere, [](Stream*) { return nullptr; });
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().what.find("192.0.2.1:2525"), std::string::npos);
  // A socket that does not share its port.
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  socklen_t size = sizeof(at);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const auto taken =
      loop.net().Listen({kLoopback, ntohs(at.sin_port)}, [](Stream*) { return nullptr; });
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kBusy);
  close(fd);
}

TEST(Listener, SaysWhatAPortBelow1024Needs) {
  constexpr uid_t kNobody = 65'534;
  // The child only looks: exit status 0 when it was told what to do.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (geteuid() == 0 && setuid(kNobody) != 0) _exit(2);
    const Status refused = CheckPortFree({kLoopback, 1});
    if (refused) _exit(3);
    _exit(refused.error().what.contains("setcap cap_net_bind_service") ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  // In some containers everybody may open every port, and then nothing is refused.
  int first_open = -1;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> first_open;
  ASSERT_GE(first_open, 0);
  EXPECT_EQ(WEXITSTATUS(status), first_open <= 1 ? 3 : 0);
}

TEST(Listener, HandsAcceptedSocketsToAnotherLoop) {
  UvLoop front, back;
  int moved = -1;
  auto listener = front.net().ListenFd(kAnyPort, [&](int fd) { moved = fd; });
  ASSERT_TRUE(listener);
  Peer client, server;
  client.stream = front.net().Connect({(*listener)->bound(), {}}, &client);
  ASSERT_TRUE(RunUntil(front, [&] { return moved >= 0 && client.connected; }));
  back.net().Adopt(moved, [&](Stream* stream) {
    server.stream = stream;
    return &server;
  });
  ASSERT_NE(server.stream, nullptr);
  EXPECT_EQ(server.stream->peer(), client.stream->local());
  client.stream->Write("hi");
  RunFor(front, milliseconds(1));
  ASSERT_TRUE(RunUntil(back, [&] { return server.got == "hi"; }));
}

TEST(Listener, AdoptsASocketThatListensAndNoOther) {
  UvLoop loop;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
  EXPECT_FALSE(loop.net().AdoptSocket(dup(fd), [](Stream*) { return nullptr; }));
  ASSERT_EQ(listen(fd, 1), 0);
  Peer client, server;
  auto listener = loop.net().AdoptSocket(fd, [&](Stream*) { return &server; });
  ASSERT_TRUE(listener);
  client.stream = loop.net().Connect({(*listener)->bound(), {}}, &client);
  client.on_connected = [&] { client.stream->Write("hi"); };
  ASSERT_TRUE(RunUntil(loop, [&] { return server.got == "hi"; }));
}

TEST(Listener, SpeaksVersionSix) {
  UvLoop loop;
  Peer client, server;
  auto listener = loop.net().Listen(*Endpoint::Parse("[::1]:0"), [&](Stream* stream) {
    server.stream = stream;
    return &server;
  });
  if (!listener) GTEST_SKIP() << listener.error().what;
  const ConnectParams params{(*listener)->bound(), IpAddress::Parse("::1")};
  client.stream = loop.net().Connect(params, &client);
  ASSERT_TRUE(RunUntil(loop, [&] { return client.connected && server.stream != nullptr; }));
  EXPECT_EQ(server.stream->peer().address, *IpAddress::Parse("::1"));
}

// Leaves no free descriptor to this process while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = dup(0);
    close(next);
    rlimit none = before_;
    none.rlim_cur = rlim_t(next);
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_;
};

TEST(Listener, OutOfDescriptorsLetsClientsWaitAndTriesAgain) {
  UvLoop loop;
  Peer client, server;
  auto listener = loop.net().Listen(kAnyPort, [&](Stream*) { return &server; });
  client.stream = loop.net().Connect({(*listener)->bound(), {}}, &client);
  client.on_connected = [&] { client.stream->Write("hi"); };
  int turns = 0;
  {
    const NoDescriptors none;
    Timer end(loop.timers(), [&] { loop.Stop(); });
    end.Set(loop.clock().Now() + milliseconds(250));
    loop.SetBeforePoll([&] { ++turns; });
    loop.Run();
    loop.SetBeforePoll({});
    Peer other;
    other.stream = loop.net().Connect({(*listener)->bound(), {}}, &other);
    ASSERT_TRUE(RunUntil(loop, [&] { return other.closed.has_value(); }));
    EXPECT_EQ(other.closed->reason, CloseReason::kError);
    EXPECT_EQ(other.closed->detail, "too many open files");
  }
  EXPECT_TRUE(client.connected);
  EXPECT_LT(turns, 50);  // it did not spin
  ASSERT_TRUE(RunUntil(loop, [&] { return server.got == "hi"; }));
}

TEST(Listener, MayBeDroppedFromItsOwnCallbackAndWhileClientsCome) {
  UvLoop loop;
  Peer client, second, server;
  std::unique_ptr<Listener> listener;
  listener = std::move(*loop.net().Listen(kAnyPort, [&](Stream* stream) {
    server.stream = stream;
    listener.reset();
    return &server;
  }));
  const Endpoint at = listener->bound();
  client.stream = loop.net().Connect({at, {}}, &client);
  second.stream = loop.net().Connect({at, {}}, &second);
  ASSERT_TRUE(RunUntil(loop, [&] { return server.stream != nullptr && second.closed; }));
  EXPECT_FALSE(client.closed);
}

}  // namespace
}  // namespace sluice::io
