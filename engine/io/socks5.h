// engine/io/socks5.h — the client's side of SOCKS5 (RFC 1928, RFC 1929), without a socket.
//
// PURPOSE   Asks a proxy for one TCP connection to an address, with a user and password where the
//           proxy wants them.
// NOT HERE  The stream to the proxy (proxied_stream.h). Names for the proxy to look up: which
//           address is meant has been decided by then.
// FLOW      TakeOutput() -> proxy -> OnBytes() ... until state() is kOpen or kFailed. What follows
//           the proxy's last answer belongs to the far host and is not consumed.
// LIMITS    kAnswerMax octets of one answer are kept; the protocol allows no longer one.

#ifndef SLUICE_ENGINE_IO_SOCKS5_H_
#define SLUICE_ENGINE_IO_SOCKS5_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/ip_address.h"
#include "engine/io/net.h"

namespace sluice::io {

// One octet tells the length of a user's name, and of the password (RFC 1929 section 2).
inline constexpr size_t kSocksLoginMax = 255;

class Socks5Client {
 public:
  // The reply to CONNECT that names its address by a host name of 255 octets.
  static constexpr size_t kAnswerMax = 4 + 1 + 255 + 2;

  enum class State : uint8_t { kGoing, kOpen, kFailed };

  // An empty user: the proxy is told that we cannot log in. Each at most kSocksLoginMax octets.
  Socks5Client(const Endpoint& to, std::string user, std::string password);

  // What is to be sent now, once.
  std::string TakeOutput();
  // How many of these octets were the proxy's.
  size_t OnBytes(std::string_view bytes);

  State state() const { return state_; }
  // kOpen: the address that the proxy connects from; unspecified where it does not say.
  const Endpoint& bound() const { return bound_; }
  // kFailed: kProxyFailed, or what the proxy says of the way from there to the far host.
  CloseReason reason() const { return reason_; }
  // "refuses the login", "says of the way to the receiver: connection refused".
  const std::string& trouble() const { return trouble_; }
  // The proxy has agreed to connect, and only the far host keeps it from answering.
  bool waits_for_receiver() const { return phase_ == Phase::kReply; }

 private:
  static constexpr size_t kAnswerHead = 2;  // octets that every answer begins with

  enum class Phase : uint8_t { kMethod, kLogin, kReply };

  void Step();
  void OnMethod();
  void OnLogin();
  void OnReply();
  void OnReplyCode();
  void OnBound();
  void AskToConnect();
  void Fail(std::string trouble, CloseReason reason = CloseReason::kProxyFailed);
  uint8_t At(size_t i) const { return uint8_t(answer_[i]); }

  // Constant after construction.
  const Endpoint to_;
  const std::string user_;
  const std::string password_;

  State state_ = State::kGoing;
  Phase phase_ = Phase::kMethod;
  std::string output_;
  std::string answer_;           // what has come of the present one
  size_t needed_ = kAnswerHead;  // of it, to know more
  Endpoint bound_;
  CloseReason reason_ = CloseReason::kProxyFailed;
  std::string trouble_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SOCKS5_H_
