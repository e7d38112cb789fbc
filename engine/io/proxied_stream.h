// engine/io/proxied_stream.h — a connection made by a proxy on another box: SOCKS5, or the PROXY
// protocol version 2.
//
// PURPOSE   The Stream that a session sees where its source's address lives elsewhere. Connects to
//           the proxy, says where to, and is open for the session when the way stands. What fails
//           says which of the two ways failed.
// FLOW      kReaching the proxy -> kAsking it -> kOpen -> kOver, OnClosed. TLS, bounds of writing
//           and the like are those of the stream below.
// RULES     SOCKS5: OnConnected comes when the proxy has reached the far host. PROXY v2: when the
//           header has left, for the proxy says nothing; the far host is there when it greets.
// LIFETIME  Owned by who connects, not by the Net. To be destroyed after OnClosed (from inside it,
//           too), or when no loop runs any more.
// BUGS      Reading cannot be paused before the first OnRead: octets that came with the proxy's
//           last answer are delivered at once.

#ifndef SLUICE_ENGINE_IO_PROXIED_STREAM_H_
#define SLUICE_ENGINE_IO_PROXIED_STREAM_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/ip_address.h"
#include "engine/io/net.h"
#include "engine/io/socks5.h"

namespace sluice::io {

struct ProxySettings {
  enum class Kind : uint8_t { kSocks5, kProxyV2 } kind = Kind::kSocks5;
  Endpoint at;
  std::string user{};  // SOCKS5; empty: no login
  std::string password{};
};

class ProxiedStream final : public Stream, private StreamEvents {
 public:
  // `params.from` is the address on the other box; PROXY v2 needs it.
  ProxiedStream(Net& net, const ProxySettings& proxy, const ConnectParams& params,
                StreamEvents* events);
  ~ProxiedStream() override = default;
  ProxiedStream(const ProxiedStream&) = delete;
  ProxiedStream& operator=(const ProxiedStream&) = delete;

  // Not open yet: is it the proxy that is waited for, and not the far host behind it?
  bool waits_for_proxy() const;
  // For the operator: "SOCKS5 proxy 192.0.2.5:1080".
  const std::string& proxy_name() const { return name_; }

  size_t Write(std::span<const std::string_view> slices) override;
  using Stream::Write;
  void StartTlsServer(std::shared_ptr<TlsServerContext> context,
                      std::string_view already_read) override;
  void StartTlsClient(const TlsClientParams& params) override;
  void PauseReading() override;
  void ResumeReading() override;
  void Close() override;
  void Abort() override;
  // On the other box, where that is known; its port is 0 where it is not.
  Endpoint local() const override;
  Endpoint peer() const override { return params_.to; }

 private:
  enum class State : uint8_t { kReaching, kAsking, kOpen, kOver };

  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnWritable() override;
  void OnTlsReady(const TlsInfo& info) override;
  void OnEof() override;
  void OnClosed(const CloseInfo& info) override;

  bool Push();
  void Opened(std::string_view rest);
  void Fail(CloseReason reason, const std::string& what);
  void End(bool at_once);

  // Constant after construction.
  const ConnectParams params_;
  const std::string name_;
  const bool socks_;
  StreamEvents* const events_;

  State state_ = State::kReaching;
  Socks5Client client_;
  std::string output_;                // for the proxy, not taken yet
  std::optional<CloseInfo> failure_;  // of ours, told when the stream below has gone
  Stream* below_;                     // owned by the Net
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_PROXIED_STREAM_H_
