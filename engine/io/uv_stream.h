// engine/io/uv_stream.h — one TCP or unix connection over libuv, with TLS inside when asked for.
//
// PURPOSE   The Stream that sessions see. Traffic: uv_stream.cc. Birth and end:
//           uv_stream_life.cc. TLS: uv_stream_tls.cc.
// FLOW      kConnecting -> kOpen -> (Close) kFlushing -> kLingering -> kClosing -> OnClosed, gone.
// LIFETIME  Deletes itself in libuv's close callback, right after OnClosed.
// LIMITS    kWriteBytesMax octets wait for the kernel; then Write takes no more. Input is held only
//           while reading is paused under TLS (what one read of the socket brought).
// INVARIANT At most one uv_write is in flight, of the first octets of chain_.

#ifndef SLUICE_ENGINE_IO_UV_STREAM_H_
#define SLUICE_ENGINE_IO_UV_STREAM_H_

#include <uv.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/io/net.h"
#include "engine/io/tls_machine.h"
#include "engine/io/write_chain.h"

namespace sluice::io {

class UvNetImpl;

// Octets taken from the session and not yet by the kernel. Holds a DATA block's worth of slices;
// a thousand stalled peers pin 256 MiB at the very most.
inline constexpr size_t kWriteBytesMax = size_t(256) << 10;
// OnWritable comes when no more than this waits, so that a refill is worth a call.
inline constexpr size_t kWriteBytesLow = size_t(128) << 10;
// What TLS may add of its own accord (tickets, key updates, alerts) before the peer is flooding us.
inline constexpr size_t kTlsOwnBytesMax = size_t(64) << 10;
// Close() is done after this, whatever the peer does (net.h).
inline constexpr Duration kCloseBound = std::chrono::seconds(2);
// Input thrown away after Close() while waiting for the peer to end; then the connection is reset.
inline constexpr size_t kDiscardBytesMax = size_t(1) << 20;

class UvStream final : public Stream {
 public:
  enum class Kind : uint8_t { kTcp, kUnix };

  UvStream(UvNetImpl& net, Kind kind, bool accepted);
  UvStream(const UvStream&) = delete;
  UvStream& operator=(const UvStream&) = delete;

  // One of these follows construction. None of them fails at once: see OnClosed.
  void ConnectTcp(const ConnectParams& params, StreamEvents* events);
  void ConnectUnix(const std::string& path, StreamEvents* events);
  // Takes the socket. False when it is of no use any more: then the stream closes silently.
  bool Open(int fd);
  // Says who owns an accepted stream, and starts it; null refuses it.
  void Start(StreamEvents* events);

  size_t Write(std::span<const std::string_view> slices) override;
  void StartTlsServer(std::shared_ptr<TlsServerContext> context,
                      std::string_view already_read) override;
  void StartTlsClient(const TlsClientParams& params) override;
  void PauseReading() override;
  void ResumeReading() override;
  void Close() override;
  void Abort() override;
  Endpoint local() const override;
  Endpoint peer() const override { return peer_; }

  std::optional<uid_t> PeerUid() const;

  // For the net.
  void RunDeferred();
  void OnCloseBound();  // kCloseBound has passed
  void CloseSilently();

 private:
  friend class UvNetImpl;
  enum class State : uint8_t { kConnecting, kOpen, kFlushing, kLingering, kClosing };
  union Socket {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };

  static UvStream* Of(void* data) { return static_cast<UvStream*>(data); }
  static void OnAlloc(uv_handle_t* handle, size_t, uv_buf_t* buffer);

  bool handshaking() const { return tls_ != nullptr && !tls_ready_; }
  int fd() const;
  int OpenSocket(const ConnectParams& params);
  void OnConnect(int status);
  bool MustNotRead() const;
  void StartReading();
  void StopReading();
  void OnInput(ssize_t n);
  void OnPeerEnd();
  void Defer();

  size_t TryWrite(std::span<const std::string_view> slices);
  void AppendAfter(std::span<const std::string_view> slices, size_t skip, size_t room);
  void StartWrite();
  void OnWritten(int status);
  void OnWriteFailed(int status);

  void Finish(CloseReason reason, std::string detail, TlsFault fault = TlsFault::kNone);
  void FinishSystem(int status);
  void AfterFlush();
  void CloseHandle();
  void OnHandleClosed();

  void BeginTls(std::unique_ptr<TlsMachine> tls);
  void FeedTls(std::string_view cipher);
  bool StepHandshake();
  void DeliverTls();
  void HoldTls();
  size_t WriteTls(std::span<const std::string_view> slices);
  void PushTls();
  void FinishTls(const std::string& what);

  UvNetImpl& net_;
  StreamEvents* events_ = nullptr;
  Socket socket_;
  uv_connect_t connect_;
  uv_write_t write_;
  const Kind kind_;
  const bool accepted_;
  State state_ = State::kConnecting;
  bool reading_ = false;  // libuv reads for us
  bool paused_ = false;
  bool eof_ = false;        // the peer has ended
  bool want_room_ = false;  // a Write took less than it was given
  bool deferred_ = false;   // on the net's list
  bool tls_ready_ = false;
  bool tls_held_ = false;  // tls_ has input that was not delivered: held_ and its own rest
  bool closing_listed_ = false;
  int write_error_ = 0;  // the first; nothing is written after it
  size_t write_in_flight_ = 0;
  size_t discarded_ = 0;
  WriteChain chain_;
  std::unique_ptr<TlsMachine> tls_;
  std::string held_;
  Endpoint peer_;
  CloseInfo info_;
  std::list<UvStream*>::iterator listed_;  // in the net's list of all streams
  std::list<std::pair<Instant, UvStream*>>::iterator closing_at_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_UV_STREAM_H_
