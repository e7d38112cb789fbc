// engine/io/uv_net_impl.h — UvNet over libuv: makes streams and listeners and holds what the
// streams of one loop share.
//
// LIFETIME  CloseAll() and a last round of the loop come before destruction.

#ifndef SLUICE_ENGINE_IO_UV_NET_IMPL_H_
#define SLUICE_ENGINE_IO_UV_NET_IMPL_H_

#include <uv.h>

#include <list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/uv_net.h"
#include "engine/io/uv_stream.h"
#include "engine/io/write_chain.h"

namespace sluice::io {

class UvNetImpl final : public UvNet {
 public:
  // One read of a socket, and the plain text of it. One of each per loop, not per stream.
  static constexpr size_t kReadBytes = size_t(64) << 10;

  UvNetImpl(uv_loop_t* loop, const Clock& clock, TimerQueue& timers);
  ~UvNetImpl() override;

  Stream* Connect(const ConnectParams& params, StreamEvents* events) override;
  Result<std::unique_ptr<Listener>> Listen(const Endpoint& at, AcceptFn accept) override;
  Result<std::shared_ptr<TlsServerContext>> MakeTlsServer(const std::string& cert_file,
                                                          const std::string& key_file) override;
  Result<TlsServerMade> MakeTlsServerOf(const TlsServerSettings& settings) override;
  std::shared_ptr<TlsClientContext> MakeTlsClient() override;
  Result<std::shared_ptr<TlsClientContext>> MakeVerifyingTlsClient(
      const TlsClientSettings& settings) override;
  Result<std::unique_ptr<Listener>> ListenFd(const Endpoint& at, FdFn accept) override;
  void Adopt(int fd, const AcceptFn& accept) override;
  Result<std::unique_ptr<Listener>> AdoptSocket(int fd, AcceptFn accept) override;
  Result<std::unique_ptr<Listener>> ListenUnix(const std::string& path, mode_t mode,
                                               AcceptFn accept) override;
  Stream* ConnectUnix(const std::string& path, StreamEvents* events) override;
  std::optional<uid_t> PeerUid(Stream* stream) override;
  size_t stream_count() const override { return streams_.size(); }

  // For the loop.
  bool has_deferred() const { return !deferred_.empty(); }
  void RunDeferred();
  void CloseAll();

  // For streams and listeners.
  uv_loop_t* loop() const { return loop_; }
  const Clock& clock() const { return clock_; }
  TimerQueue& timers() const { return timers_; }
  BlockPool& blocks() { return blocks_; }
  std::span<char> read_scratch() const { return {read_scratch_.get(), kReadBytes}; }
  std::span<char> plain_scratch() const { return {plain_scratch_.get(), kReadBytes}; }
  std::span<char> record_scratch() const { return {record_scratch_.get(), kTlsRecordBytes}; }
  std::string& cipher_out() { return cipher_out_; }
  void Defer(UvStream* stream) { deferred_.push_back(stream); }
  void Undefer(UvStream* stream);
  void BoundClose(UvStream* stream);
  void UnboundClose(UvStream* stream);
  void Forget(UvStream* stream) { streams_.erase(stream->listed_); }
  void CountListener(int change) { listeners_ += change; }

 private:
  UvStream* NewStream(UvStream::Kind kind, bool accepted);
  void Accept(int fd, const Endpoint& peer, UvStream::Kind kind, const AcceptFn& accept);
  Result<std::unique_ptr<Listener>> StartAccepting(int fd, UvStream::Kind kind, AcceptFn accept,
                                                   std::string path);
  void OnCloseTimer();

  uv_loop_t* const loop_;
  const Clock& clock_;
  TimerQueue& timers_;
  const std::unique_ptr<char[]> read_scratch_;
  const std::unique_ptr<char[]> plain_scratch_;
  const std::unique_ptr<char[]> record_scratch_;
  std::string cipher_out_;
  BlockPool blocks_;
  std::list<UvStream*> streams_;
  std::vector<UvStream*> deferred_;  // no null, each once
  std::vector<UvStream*> running_;
  std::list<std::pair<Instant, UvStream*>> closing_;  // by time, as the bound is the same for all
  Timer close_timer_;
  int listeners_ = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_UV_NET_IMPL_H_
