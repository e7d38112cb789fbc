// engine/io/net.h — the seam to the network: streams and listeners, real (uv_net) or simulated.
//
// PURPOSE   Sessions see bytes, a bounded Write and a few events. Nothing above this file includes
//           libuv or OpenSSL.
// RULES     No callback ever runs inside a call of ours: every event comes from the loop.
//           OnClosed is the last event of a stream, exactly once; the Stream is gone after it.
// THREADS   A stream lives on the loop that made it.

#ifndef SLUICE_ENGINE_IO_NET_H_
#define SLUICE_ENGINE_IO_NET_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/ip_address.h"
#include "engine/base/time.h"
#include "engine/io/tlsa.h"

namespace sluice::io {

// Why a stream ended.
enum class CloseReason : uint8_t {
  kLocal,        // we closed it
  kPeerClosed,   // orderly end by the peer
  kReset,        // connection reset or broken pipe
  kRefused,      // connect: refused
  kUnreachable,  // connect: no route, network or host unreachable
  kTimedOut,     // the kernel gave up
  kNoAddress,    // connect: our own address cannot be used, or has no port left
  kProxyFailed,  // connect: the proxy between us and the peer cannot be used (proxied_stream.h)
  kTlsFailed,    // handshake or record failure
  kError,        // anything else
};

// What was wrong with the certificate of a server.
enum class TlsFault : uint8_t {
  kNone,        // nothing: TLS itself failed, or nothing did
  kExpired,     // or not valid yet
  kWrongName,   // none of the names is in it
  kNotTrusted,  // no chain to a known CA
  kNoMatch,     // no TLSA record matches
  kOther,
};

struct CloseInfo {
  CloseReason reason = CloseReason::kLocal;
  std::string detail;  // for the operator: system or TLS error text
  TlsFault fault = TlsFault::kNone;
};

// How the certificate of a server is judged.
enum class TlsVerify : uint8_t {
  kNone,  // not at all: encryption against listeners only
  kPkix,  // a chain to a known CA, and one of the names
  kDane,  // the TLSA records (RFC 7672)
};

// What was found good about it.
enum class TlsProof : uint8_t { kNone, kPkix, kDaneTa, kDaneEe };

struct TlsPeer;  // tls_peer.h

struct TlsInfo {
  std::string version;  // "TLSv1.3"
  std::string cipher;   // "TLS_AES_256_GCM_SHA384"
  bool resumed = false;
  TlsProof proof = TlsProof::kNone;
  std::string problem{};                  // note_only: why there is no proof
  std::shared_ptr<const TlsPeer> peer{};  // a server that asks: the client's certificate; or null
  TlsFault fault = TlsFault::kNone;       // of the server's certificate
};

// What the owner of a stream hears. Methods are one line: note the input, settle.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void OnConnected() {}                     // outbound only; reading starts by itself
  virtual void OnRead(std::string_view bytes) = 0;  // valid during the call
  virtual void OnWritable() {}  // after a Write that took less than it was given: there is room now
  virtual void OnTlsReady(const TlsInfo&) {}
  virtual void OnEof() {}  // the peer will send no more; we may still write
  virtual void OnClosed(const CloseInfo& info) = 0;
};

// A server's certificates and TLS settings, opaque here; made by the Net, shared by its listeners,
// replaced as a whole on reload. A client's settings likewise.
class TlsServerContext;
class TlsClientContext;

// What a server context is made of.
struct TlsServerSettings {
  struct Files {
    std::string cert;  // PEM, the chain
    std::string key;
  };
  std::vector<Files> certificates{};  // the first is for clients that ask for no name of the others
  bool ask_clients = false;           // for a certificate; one that is not good ends nothing
  std::string client_ca{};            // PEM; empty: none is verified
  // In force until now. A certificate that cannot be read is taken from it; null: that is an error.
  std::shared_ptr<TlsServerContext> before{};
};

struct TlsServerMade {
  std::shared_ptr<TlsServerContext> context;
  std::vector<std::string> failures{};  // why those of `before` stay
  std::vector<std::string> warnings{};  // such as an expired certificate, with its file
};

struct TlsClientParams {
  std::shared_ptr<TlsClientContext> context;
  std::string server_name;  // SNI, and part of the key of session resumption
  TlsVerify verify = TlsVerify::kNone;
  // Any of them must be in the certificate. Looked at under kPkix, and under kDane for trust
  // anchors.
  std::vector<std::string> names{};
  bool note_only = false;          // kPkix: what is wrong is told (TlsInfo::problem), not acted on
  std::vector<TlsaRecord> tlsa{};  // kDane; a set without a usable record is a failure
};

enum class TlsVersion : uint8_t { k12, k13 };

// What a client context is made of.
struct TlsClientSettings {
  TlsVersion min_version = TlsVersion::k12;
  std::string ca_file{};    // PEM; empty: the system's store
  std::string cert_file{};  // shown to servers that ask; empty: none
  std::string key_file{};
};

class Stream {
 public:
  // Queues as much as there is room for and says how many octets it took, counted over all slices.
  // The bytes are copied or sent before the call returns.
  virtual size_t Write(std::span<const std::string_view> slices) = 0;
  size_t Write(std::string_view bytes) { return Write(std::span(&bytes, 1)); }
  // Starts the handshake; what was queued before goes out first in clear. Octets that the peer sent
  // ahead of the handshake and that OnRead has not delivered yet are dropped (RFC 3207
  // section 4.2). `already_read` are octets of the handshake that OnRead did deliver (a TLS-only
  // port that first looks whether its client talks TLS at all).
  virtual void StartTlsServer(std::shared_ptr<TlsServerContext> context,
                              std::string_view already_read) = 0;
  void StartTlsServer(std::shared_ptr<TlsServerContext> context) {
    StartTlsServer(std::move(context), {});
  }
  virtual void StartTlsClient(const TlsClientParams& params) = 0;
  // No OnRead between Pause and Resume. The kernel's buffer then fills and the peer waits.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;
  // Sends what was taken, says goodbye in TLS, closes. Bounded by two seconds.
  virtual void Close() = 0;
  // Closes at once, with a reset.
  virtual void Abort() = 0;
  virtual Endpoint local() const = 0;
  virtual Endpoint peer() const = 0;

 protected:
  virtual ~Stream() = default;  // owned by the Net
};

struct ConnectParams {
  Endpoint to;
  std::optional<IpAddress> from;  // none: the system's choice. Bound with IP_BIND_ADDRESS_NO_PORT
};

class Listener {
 public:
  virtual ~Listener() = default;  // stops listening
  virtual Endpoint bound() const = 0;
};

class Net {
 public:
  virtual ~Net() = default;

  // Called for every accepted stream; returns its owner, or null to refuse it (it is reset).
  using AcceptFn = std::function<StreamEvents*(Stream*)>;

  // `events` must outlive its OnClosed. Never fails at once: failure is an OnClosed.
  virtual Stream* Connect(const ConnectParams& params, StreamEvents* events) = 0;
  // Binds with SO_REUSEPORT. Port 0 picks a free one: see bound().
  virtual Result<std::unique_ptr<Listener>> Listen(const Endpoint& at, AcceptFn accept) = 0;
  // Reads and checks certificate chain and key; the error names the file.
  virtual Result<std::shared_ptr<TlsServerContext>> MakeTlsServer(const std::string& cert_file,
                                                                  const std::string& key_file) = 0;
  // A network without real TLS takes any settings.
  virtual Result<TlsServerMade> MakeTlsServerOf(const TlsServerSettings& settings) {
    auto made =
        MakeTlsServer(settings.certificates.front().cert, settings.certificates.front().key);
    if (!made) return std::unexpected(made.error());
    return TlsServerMade{std::move(*made)};
  }
  // With the settings' defaults; good for connections without verification.
  virtual std::shared_ptr<TlsClientContext> MakeTlsClient() = 0;
  // The error names the file. A network without real TLS takes any settings.
  virtual Result<std::shared_ptr<TlsClientContext>> MakeVerifyingTlsClient(
      const TlsClientSettings& /*settings*/) {
    return MakeTlsClient();
  }
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_NET_H_
