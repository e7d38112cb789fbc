// tests/io/unix_test.cc — unix sockets and who is at their other end.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/io/peer.h"

namespace sluice::io {
namespace {

TEST(UnixSocket, TalksAndTellsWhoIsThere) {
  const TempDir dir;
  UvLoop loop;
  Peer client, server;
  auto listener = loop.net().ListenUnix(dir.File("sock"), 0660, [&](Stream* stream) {
    server.stream = stream;
    return &server;
  });
  ASSERT_TRUE(listener);
  struct stat found;
  ASSERT_EQ(stat(dir.File("sock").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0660u);
  client.stream = loop.net().ConnectUnix(dir.File("sock"), &client);
  EXPECT_FALSE(client.connected);  // never from within the call
  client.on_connected = [&] { client.stream->Write("hello"); };
  server.on_read = [&](std::string_view bytes) { server.stream->Write(bytes); };
  ASSERT_TRUE(RunUntil(loop, [&] { return client.got == "hello"; }));
  EXPECT_EQ(loop.net().PeerUid(server.stream), getuid());
  EXPECT_EQ(server.stream->peer(), Endpoint{});
  client.stream->Close();
  server.on_eof = [&] { server.stream->Close(); };
  ASSERT_TRUE(RunUntil(loop, [&] { return client.closed && server.closed; }));
  listener->reset();
  EXPECT_NE(access(dir.File("sock").c_str(), F_OK), 0);
}

TEST(UnixSocket, OnlyUnixSocketsHaveAPeerUid) {
  UvLoop loop;
  Pair pair(loop);
  EXPECT_FALSE(loop.net().PeerUid(pair.server.stream));
}

TEST(UnixSocket, ReplacesAStaleFileButNothingElse) {
  const TempDir dir;
  const auto refuse = [](Stream*) -> StreamEvents* { return nullptr; };
  UvLoop loop;
  const std::string path = dir.File("sock");
  {
    auto listener = loop.net().ListenUnix(path, 0600, refuse);
    ASSERT_TRUE(listener);
    const auto second = loop.net().ListenUnix(path, 0600, refuse);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kBusy);
    ASSERT_EQ(rename(path.c_str(), dir.File("stale").c_str()), 0);
  }
  EXPECT_TRUE(loop.net().ListenUnix(dir.File("stale"), 0600, refuse));
  std::ofstream(dir.File("file")) << "precious";
  EXPECT_FALSE(loop.net().ListenUnix(dir.File("file"), 0600, refuse));
  EXPECT_EQ(access(dir.File("file").c_str(), F_OK), 0);
  EXPECT_FALSE(loop.net().ListenUnix(dir.File("no/such/folder"), 0600, refuse));
  EXPECT_FALSE(loop.net().ListenUnix(dir.File(std::string(200, 'x')), 0600, refuse));
}

TEST(UnixSocket, AConnectToNobodyIsRefused) {
  const TempDir dir;
  UvLoop loop;
  for (const std::string& path : {dir.File("nobody"), dir.File(std::string(200, 'x'))}) {
    Peer client;
    client.stream = loop.net().ConnectUnix(path, &client);
    ASSERT_TRUE(RunUntil(loop, [&] { return client.closed.has_value(); }));
    EXPECT_NE(client.closed->detail.find(path), std::string::npos);
    EXPECT_EQ(client.closed->reason,
              path.size() > 150 ? CloseReason::kError : CloseReason::kRefused);
  }
}

}  // namespace
}  // namespace sluice::io
