// tests/engine/fake_stream.h — a stream without a socket: the test is the peer.
//
// PURPOSE   Records what its owner does; the test plays the loop and calls the owner's events.

#ifndef SLUICE_TESTS_ENGINE_FAKE_STREAM_H_
#define SLUICE_TESTS_ENGINE_FAKE_STREAM_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/io/net.h"

namespace sluice::engine {

class FakeStream final : public io::Stream {
 public:
  explicit FakeStream(std::string_view peer = "192.0.2.7:40000") : peer_(*Endpoint::Parse(peer)) {}

  size_t Write(std::span<const std::string_view> slices) override {
    size_t taken = 0;
    if (!slices.empty()) ++writes;
    for (const std::string_view slice : slices) {
      const size_t n = std::min(slice.size(), room);
      written += slice.substr(0, n);
      room -= n;
      taken += n;
    }
    return taken;
  }
  using io::Stream::Write;
  void StartTlsServer(std::shared_ptr<io::TlsServerContext>, std::string_view already) override {
    tls_started = true;
    already_read = already;
  }
  void StartTlsClient(const io::TlsClientParams&) override {}
  void PauseReading() override { paused = true; }
  void ResumeReading() override { paused = false; }
  void Close() override { closed = true; }
  void Abort() override { aborted = true; }
  Endpoint local() const override { return {}; }
  Endpoint peer() const override { return peer_; }

  // What was written since the last call.
  std::string Take() { return std::exchange(written, {}); }

  std::string written;
  std::string already_read;
  size_t room = SIZE_MAX;
  int writes = 0;
  bool tls_started = false;
  bool paused = false;
  bool closed = false;
  bool aborted = false;

 private:
  const Endpoint peer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_ENGINE_FAKE_STREAM_H_
