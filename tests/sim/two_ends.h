// tests/sim/two_ends.h — two recording ends of a simulated connection, for the tests of SimNet.

#ifndef SLUICE_TESTS_SIM_TWO_ENDS_H_
#define SLUICE_TESTS_SIM_TWO_ENDS_H_

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tests/sim/sim_net.h"

namespace sluice::sim {

// One end: records all it hears, and writes what it was given as room allows.
class End final : public io::StreamEvents {
 public:
  explicit End(SimWorld& world) : world_(world) {}

  void OnConnected() override {
    Log("connected");
    connected = true;
    Push();
  }
  void OnRead(std::string_view bytes) override {
    CheckAlive();
    EXPECT_FALSE(bytes.empty());
    EXPECT_FALSE(paused);
    received.append(bytes);
    ++reads;
    if (on_read) on_read(bytes);
  }
  void OnWritable() override {
    CheckAlive();
    Push();
  }
  void OnTlsReady(const io::TlsInfo& info) override {
    Log("tls " + info.version + " " + info.cipher);
    tls = true;
    Push();
  }
  void OnEof() override {
    CheckAlive();
    Log("eof");
    EXPECT_FALSE(eof);
    eof = true;
    if (close_on_eof) stream->Close();
  }
  void OnClosed(const io::CloseInfo& info) override {
    CheckAlive();
    closed = true;
    reason = info.reason;
    detail = info.detail;
    stream = nullptr;
    Log("closed");
  }

  void Send(std::string_view bytes) {
    to_send.append(bytes);
    Push();
  }
  void Push() {
    if (stream == nullptr || to_send.empty()) return;
    const size_t taken = stream->Write(to_send);
    EXPECT_LE(taken, to_send.size());
    to_send.erase(0, taken);
  }

  io::Stream* stream = nullptr;
  std::string received, to_send, detail;
  std::function<void(std::string_view)> on_read;
  bool connected = false;
  bool tls = false;
  bool eof = false;
  bool closed = false;
  bool paused = false;
  bool close_on_eof = true;
  int reads = 0;
  io::CloseReason reason = io::CloseReason::kError;

 private:
  void CheckAlive() const { EXPECT_FALSE(closed) << "an event after OnClosed"; }
  void Log(const std::string& what) { world_.Note(what); }

  SimWorld& world_;
};

inline const IpAddress kServerIp = *IpAddress::Parse("192.0.2.1");
inline const IpAddress kClientIp = *IpAddress::Parse("198.51.100.1");
inline const Endpoint kServerAt{kServerIp, 25};

struct Pair {
  explicit Pair(uint64_t seed = 1) : world(seed) {}

  void Listen() {
    auto made = server_net.Listen(kServerAt, [this](io::Stream* stream) -> io::StreamEvents* {
      if (refuse) return nullptr;
      server.stream = stream;
      return &server;
    });
    ASSERT_TRUE(made.has_value());
    listener = std::move(*made);
  }
  void Connect() { client.stream = client_net.Connect({kServerAt, {}}, &client); }
  void Open() {
    Listen();
    Connect();
    EXPECT_TRUE(world.RunUntil([this] { return client.connected; }, std::chrono::seconds(10)));
  }

  SimWorld world;
  SimFabric fabric{world};
  SimNet server_net{fabric, "server", {kServerIp}};
  SimNet client_net{fabric, "client", {kClientIp}};
  End server{world};
  End client{world};
  bool refuse = false;
  std::unique_ptr<io::Listener> listener;
};

inline std::string Pattern(size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out.push_back(char('a' + i * 7 % 26));
  return out;
}

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_TWO_ENDS_H_
