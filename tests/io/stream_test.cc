// tests/io/stream_test.cc — connections in clear text, from connect to close.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "tests/io/peer.h"

namespace sluice::io {
namespace {

using std::chrono::milliseconds;

constexpr size_t kBig = size_t(8) << 20;

TEST(Stream, EchoesOverLoopback) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.on_read = [&](std::string_view bytes) { pair.server.stream->Write(bytes); };
  EXPECT_EQ(pair.client.stream->Write("EHLO there\r\n"), 12u);
  ASSERT_TRUE(pair.Run([&] { return pair.client.got.size() == 12; }));
  EXPECT_EQ(pair.client.got, "EHLO there\r\n");
  EXPECT_EQ(pair.client.stream->peer(), pair.listener->bound());
  EXPECT_EQ(pair.server.stream->peer(), pair.client.stream->local());
  EXPECT_EQ(pair.server.stream->local(), pair.listener->bound());
}

TEST(Stream, WritesManySlicesInOrder) {
  UvLoop loop;
  Pair pair(loop);
  std::vector<std::string> parts;
  std::string whole;
  for (int i = 0; i < 300; ++i) parts.push_back(i % 7 == 0 ? "" : std::to_string(i) + ",");
  for (const std::string& part : parts) whole += part;
  const std::vector<std::string_view> slices(parts.begin(), parts.end());
  EXPECT_EQ(pair.client.stream->Write(slices), whole.size());
  ASSERT_TRUE(pair.Run([&] { return pair.server.got.size() == whole.size(); }));
  EXPECT_EQ(pair.server.got, whole);
  EXPECT_EQ(pair.client.stream->Write(std::span<const std::string_view>()), 0u);
  EXPECT_EQ(pair.client.stream->Write(""), 0u);
}

TEST(Stream, TakesOnlySoMuchWhenThePeerDoesNotReadAndSaysWhenThereIsRoom) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.stream->PauseReading();
  const std::string big = Pattern(kBig);
  size_t sent = 0;
  const auto push = [&] {
    while (sent < big.size()) {
      const size_t taken = pair.client.stream->Write(std::string_view(big).substr(sent, 300'000));
      if (taken == 0) break;
      sent += taken;
    }
  };
  pair.client.on_writable = push;
  push();
  RunFor(loop, milliseconds(20));
  EXPECT_LT(sent, big.size());
  EXPECT_TRUE(pair.server.got.empty());
  pair.server.stream->ResumeReading();
  ASSERT_TRUE(pair.Run([&] { return pair.server.got.size() == big.size(); }));
  EXPECT_EQ(pair.server.got, big);
  EXPECT_GT(pair.client.writables, 0);
}

TEST(Stream, CarriesMuchInBothDirectionsAtOnce) {
  UvLoop loop;
  Pair pair(loop);
  const std::string there = Pattern(kBig);
  const std::string back = Pattern(kBig - 77);
  pair.client.WriteAll(there);
  pair.server.WriteAll(back);
  ASSERT_TRUE(pair.Run([&] {
    return pair.server.got.size() == there.size() && pair.client.got.size() == back.size();
  }));
  EXPECT_EQ(pair.server.got, there);
  EXPECT_EQ(pair.client.got, back);
}

TEST(Stream, DeliversNothingWhilePaused) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.on_read = [&](std::string_view) { pair.server.stream->PauseReading(); };
  pair.client.stream->Write("one");
  ASSERT_TRUE(pair.Run([&] { return pair.server.reads == 1; }));
  pair.client.stream->Write("two");
  pair.client.stream->Write("three");
  RunFor(loop, milliseconds(20));
  EXPECT_EQ(pair.server.got, "one");
  // Back and forth within a turn changes nothing.
  pair.server.stream->ResumeReading();
  pair.server.stream->PauseReading();
  RunFor(loop, milliseconds(5));
  EXPECT_EQ(pair.server.got, "one");
  pair.server.stream->ResumeReading();
  ASSERT_TRUE(pair.Run([&] { return pair.server.got.size() == 11; }));
  EXPECT_EQ(pair.server.got, "onetwothree");
}

TEST(Stream, AnEndThatComesWhilePausedIsHeardAfterIt) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.stream->PauseReading();
  pair.client.stream->Write("last");
  pair.client.stream->Close();
  RunFor(loop, milliseconds(10));
  EXPECT_FALSE(pair.server.eof);
  pair.server.stream->ResumeReading();
  ASSERT_TRUE(pair.Run([&] { return pair.server.eof; }));
  EXPECT_EQ(pair.server.got, "last");
}

TEST(Stream, AnAbortReachesThePeerAsAReset) {
  UvLoop loop;
  Pair pair(loop);
  pair.client.stream->Abort();
  EXPECT_FALSE(pair.client.closed);  // never from within the call
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
  EXPECT_EQ(pair.client.closed->reason, CloseReason::kLocal);
  EXPECT_EQ(pair.server.closed->reason, CloseReason::kReset);
  EXPECT_FALSE(pair.server.closed->detail.empty());
}

TEST(Stream, ARefusedConnectSaysSo) {
  UvLoop loop;
  Endpoint nobody;
  {
    auto listener = loop.net().Listen(kAnyPort, [](Stream*) { return nullptr; });
    nobody = (*listener)->bound();
  }
  Peer client;
  client.stream = loop.net().Connect({nobody, {}}, &client);
  EXPECT_FALSE(client.closed);
  ASSERT_TRUE(RunUntil(loop, [&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed->reason, CloseReason::kRefused);
  EXPECT_EQ(client.closed->detail, "connection refused");
  EXPECT_FALSE(client.connected);
  EXPECT_EQ(loop.net().stream_count(), 0u);
}

TEST(Stream, SaysThatASourceAddressIsNotOurs) {
  UvLoop loop;
  Pair pair(loop);
  Peer client;
  client.stream =
      loop.net().Connect({pair.listener->bound(), IpAddress::Parse("192.0.2.1")}, &client);
  ASSERT_TRUE(RunUntil(loop, [&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed->reason, CloseReason::kNoAddress);
}

TEST(Stream, ConnectsFromTheAddressGiven) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.stream = nullptr;
  Peer client;
  const auto from = IpAddress::Parse("127.0.0.2");
  client.stream = loop.net().Connect({pair.listener->bound(), from}, &client);
  ASSERT_TRUE(pair.Run([&] { return client.connected && pair.server.stream != nullptr; }));
  EXPECT_EQ(pair.server.stream->peer().address, *from);
  EXPECT_EQ(client.stream->local().address, *from);
}

// The socket of this process that has this local address; -1: none.
int SocketAt(const Endpoint& local) {
  for (int fd = 3; fd < 1'024; ++fd) {
    sockaddr_in at{};
    socklen_t size = sizeof(at);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0 && at.sin_family == AF_INET &&
        ntohs(at.sin_port) == local.port)
      return fd;
  }
  return -1;
}

TEST(Stream, ReservesNoPortForItsSourceAddress) {  // design 12.13
  UvLoop loop;
  Pair pair(loop);
  Peer other;
  other.stream = loop.net().Connect({pair.listener->bound(), kLoopback}, &other);
  ASSERT_TRUE(pair.Run([&] { return other.connected; }));
  int set = 0;
  socklen_t size = sizeof(set);
  const int fd = SocketAt(other.stream->local());
  ASSERT_EQ(getsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &set, &size), 0);
  EXPECT_EQ(set, 1);
}

TEST(Stream, AConnectCanBeGivenUp) {
  UvLoop loop;
  Pair pair(loop);
  for (const bool hard : {false, true}) {
    Peer client;
    client.stream = loop.net().Connect({pair.listener->bound(), {}}, &client);
    EXPECT_EQ(client.stream->Write("too early"), 0u);
    if (hard) {
      client.stream->Abort();
    } else {
      client.stream->Close();
    }
    ASSERT_TRUE(RunUntil(loop, [&] { return client.closed.has_value(); }));
    EXPECT_EQ(client.closed->reason, CloseReason::kLocal);
    EXPECT_FALSE(client.connected);
  }
}

TEST(Stream, AWriteBeforeTheConnectionStandsIsAskedForAgain) {
  UvLoop loop;
  Pair pair(loop);
  Peer client;
  client.stream = loop.net().Connect({pair.listener->bound(), {}}, &client);
  client.WriteAll("hello");
  pair.server.got.clear();
  ASSERT_TRUE(pair.Run([&] { return pair.server.got == "hello"; }));
}

TEST(Stream, StaysWritableAfterThePeerHasEnded) {
  UvLoop loop;
  Pair pair(loop);
  // A client that ends its side only. Ours has no such call: a plain socket does it.
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(pair.listener->bound().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  ASSERT_EQ(send(fd, "bye", 3, 0), 3);
  ASSERT_EQ(shutdown(fd, SHUT_WR), 0);
  ASSERT_TRUE(pair.Run([&] { return pair.server.eof; }));
  EXPECT_EQ(pair.server.got, "bye");
  RunFor(loop, milliseconds(5));
  EXPECT_FALSE(pair.server.closed);
  EXPECT_EQ(pair.server.stream->Write("and to you"), 10u);
  pair.server.stream->Close();
  ASSERT_TRUE(pair.Run([&] { return pair.server.closed.has_value(); }));
  EXPECT_EQ(pair.server.closed->reason, CloseReason::kPeerClosed);
  std::array<char, 32> got;
  EXPECT_EQ(recv(fd, got.data(), got.size(), MSG_WAITALL), 10);
  close(fd);
}

TEST(Stream, CloseSendsWhatWasTaken) {
  UvLoop loop;
  Pair pair(loop);
  const std::string big = Pattern(kBig);
  pair.client.WriteAll(big, [&] { pair.client.stream->Close(); });
  ASSERT_TRUE(pair.Run([&] { return pair.server.eof; }));
  EXPECT_EQ(pair.server.got, big);
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed.has_value(); }));
  EXPECT_EQ(pair.client.closed->reason, CloseReason::kLocal);
}

TEST(Stream, TheLastReplyOfAServerArrivesAlthoughItsClientStillSends) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.on_read = [&](std::string_view) {
    pair.server.stream->Write("421 too busy\r\n");
    pair.server.stream->Close();
  };
  pair.client.stream->Write("HELO\r\n");
  ASSERT_TRUE(pair.Run([&] { return pair.server.reads == 1; }));
  pair.client.WriteAll(std::string(100'000, 'x'));
  ASSERT_TRUE(pair.Run([&] { return pair.client.eof; }));
  EXPECT_EQ(pair.client.got, "421 too busy\r\n");
  EXPECT_FALSE(pair.server.closed);
  pair.client.stream->Close();
  ASSERT_TRUE(pair.Run([&] { return pair.server.closed && pair.client.closed; }));
  EXPECT_EQ(pair.server.closed->reason, CloseReason::kLocal);
  EXPECT_EQ(pair.server.reads, 1);
}

TEST(Stream, CloseIsBoundedEvenWhenThePeerNeverReads) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.stream->PauseReading();
  const std::string big = Pattern(kBig);
  while (pair.client.stream->Write(big) > 0) {
  }
  pair.client.stream->Close();
  EXPECT_EQ(pair.client.stream->Write("more"), 4u);  // swallowed
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed.has_value(); }));
  EXPECT_EQ(pair.client.closed->reason, CloseReason::kLocal);
  EXPECT_FALSE(pair.client.closed->detail.empty());
}

TEST(Stream, AServerWaitsForAClientThatDoesNotEndOnlyForABound) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.stream->Close();
  ASSERT_TRUE(pair.Run([&] { return pair.server.closed.has_value(); }));
  EXPECT_TRUE(pair.client.eof);
}

TEST(Stream, ThePeersLastWordsAreReadAlthoughOurWriteFailed) {
  UvLoop loop;
  Pair pair(loop);
  // The server's words arrive, then a reset (it closes with our octets unread).
  pair.server.stream->PauseReading();
  pair.client.stream->Write("unread");
  RunFor(loop, milliseconds(5));
  pair.server.stream->Write("554 go away\r\n");
  pair.server.stream->Abort();
  // Before the client's loop reads any of that, it writes.
  while (pair.client.stream->Write(std::string(1000, 'x')) < 1000) {
  }
  pair.client.stream->Write("more");
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed.has_value(); }));
  EXPECT_EQ(pair.client.got, "554 go away\r\n");
  EXPECT_EQ(pair.client.closed->reason, CloseReason::kReset);
}

TEST(Stream, AWriteFailureOfAPausedStreamClosesIt) {
  UvLoop loop;
  Pair pair(loop);
  pair.client.stream->PauseReading();
  pair.server.stream->Abort();
  ASSERT_TRUE(pair.Run([&] { return pair.server.closed.has_value(); }));
  pair.client.stream->Write("into the void");
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed.has_value(); }));
  EXPECT_EQ(pair.client.closed->reason, CloseReason::kReset);
}

TEST(Stream, CanBeAbortedWhileWritesArePending) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.stream->PauseReading();
  const std::string big = Pattern(kBig);
  while (pair.client.stream->Write(big) > 0) {
  }
  RunFor(loop, milliseconds(5));
  pair.client.stream->Abort();
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed.has_value(); }));
}

TEST(Stream, CanBeClosedFromEveryCallback) {
  UvLoop loop;
  Pair pair(loop);
  pair.server.on_read = [&](std::string_view) { pair.server.stream->Abort(); };
  pair.client.stream->Write("x");
  ASSERT_TRUE(pair.Run([&] { return pair.server.closed && pair.client.closed; }));
  Peer client;
  client.on_connected = [&] { client.stream->Close(); };
  client.stream = loop.net().Connect({pair.listener->bound(), {}}, &client);
  pair.server.closed.reset();
  pair.server.on_eof = [&] { pair.server.stream->Close(); };
  ASSERT_TRUE(pair.Run([&] { return pair.server.closed && client.closed; }));
  EXPECT_EQ(pair.server.closed->reason, CloseReason::kPeerClosed);
}

TEST(Stream, ALoopMayGoWithStreamsInEveryState) {
  Peer unborn, busy;
  {
    UvLoop loop;
    Pair pair(loop);
    pair.server.stream->PauseReading();
    pair.client.WriteAll(Pattern(kBig));
    busy.stream = loop.net().Connect({pair.listener->bound(), {}}, &busy);
    ASSERT_TRUE(pair.Run([&] { return busy.connected; }));
    busy.stream->Close();
    unborn.stream = loop.net().Connect({pair.listener->bound(), {}}, &unborn);
  }
  EXPECT_FALSE(unborn.connected);
  EXPECT_FALSE(unborn.closed);
}

}  // namespace
}  // namespace sluice::io
