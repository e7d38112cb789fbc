// tests/io/peer.h — what the tests of the network share: an end of a connection that writes down
// what it hears, and a way to run the loop until something is so.

#ifndef SLUICE_TESTS_IO_PEER_H_
#define SLUICE_TESTS_IO_PEER_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/timer_queue.h"
#include "engine/io/self_signed.h"
#include "engine/io/uv_loop.h"

namespace sluice::io {

struct Peer final : StreamEvents {
  Stream* stream = nullptr;
  std::string got;
  bool connected = false;
  bool eof = false;
  int reads = 0;
  int writables = 0;
  std::optional<TlsInfo> tls;
  std::optional<CloseInfo> closed;
  std::function<void(std::string_view)> on_read;
  std::function<void()> on_connected, on_writable, on_eof, on_tls, on_closed;

  void OnConnected() override {
    connected = true;
    if (on_connected) on_connected();
  }
  void OnRead(std::string_view bytes) override {
    EXPECT_FALSE(closed);
    ++reads;
    got += bytes;
    if (on_read) on_read(bytes);
  }
  void OnWritable() override {
    ++writables;
    if (on_writable) on_writable();
  }
  void OnTlsReady(const TlsInfo& info) override {
    tls = info;
    if (on_tls) on_tls();
  }
  void OnEof() override {
    EXPECT_FALSE(eof);
    eof = true;
    if (on_eof) on_eof();
  }
  void OnClosed(const CloseInfo& info) override {
    EXPECT_FALSE(closed);
    closed = info;
    stream = nullptr;
    if (on_closed) on_closed();
  }

  // Writes `text` whole, however long it takes; then calls `done`.
  void WriteAll(std::string text, std::function<void()> done = {}) {
    pending_ = std::move(text);
    done_ = std::move(done);
    on_writable = [this] { Push(); };
    Push();
  }

 private:
  void Push() {
    if (stream == nullptr) return;
    const size_t taken = stream->Write(std::string_view(pending_).substr(sent_));
    sent_ += taken;
    if (sent_ < pending_.size()) return;
    pending_.clear();
    sent_ = 0;
    if (done_) std::exchange(done_, nullptr)();
  }

  std::string pending_;
  size_t sent_ = 0;
  std::function<void()> done_;
};

// False when it is not so within a bound that only a hanging test meets.
inline bool RunUntil(UvLoop& loop, const std::function<bool()>& so) {
  Timer bound(loop.timers(), [&] { loop.Stop(); });
  bound.Set(loop.clock().Now() + std::chrono::seconds(20));
  loop.SetBeforePoll([&] {
    if (so()) loop.Stop();
  });
  loop.Run();
  loop.SetBeforePoll({});
  return so();
}

// Lets the loop serve everything that is there to be served.
inline void RunFor(UvLoop& loop, Duration time) {
  Timer end(loop.timers(), [&] { loop.Stop(); });
  end.Set(loop.clock().Now() + time);
  loop.Run();
}

inline const IpAddress kLoopback = *IpAddress::Parse("127.0.0.1");
inline const Endpoint kAnyPort{kLoopback, 0};

// Text of n octets that shows any octet out of place.
inline std::string Pattern(size_t n) {
  std::string out(n, '\0');
  uint32_t state = 1;
  for (char& c : out) c = char((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

// A client and a server of one loop, connected.
struct Pair {
  explicit Pair(UvLoop& on) : loop(on) {
    auto made = loop.net().Listen(kAnyPort, [this](Stream* stream) {
      server.stream = stream;
      return &server;
    });
    listener = std::move(made.value());
    client.stream = loop.net().Connect({listener->bound(), {}}, &client);
    EXPECT_TRUE(RunUntil(loop, [this] { return client.connected && server.stream != nullptr; }));
  }
  bool Run(const std::function<bool()>& so) { return RunUntil(loop, so); }

  UvLoop& loop;
  std::unique_ptr<Listener> listener;
  Peer client, server;
};

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice_io_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace sluice::io

#endif  // SLUICE_TESTS_IO_PEER_H_
