// engine/io/tls_machine.h — one TLS connection without a socket: cipher text in, plain text out,
// and back.
//
// PURPOSE   Wraps OpenSSL's SSL over a BIO that reads from the octets just fed and writes to a
//           string of the loop, so that nothing is copied between.
// FLOW      Feed(), then Handshake() until kDone, then Read() until kMore. After every call the
//           output string holds what must be sent.
// LIMITS    Keeps no octets besides OpenSSL's own partial record (at most about 17 KiB).

#ifndef SLUICE_ENGINE_IO_TLS_MACHINE_H_
#define SLUICE_ENGINE_IO_TLS_MACHINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/io/net.h"
#include "engine/io/tls_client_context.h"
#include "engine/io/tls_context.h"

namespace sluice::io {

// The most plain text that fits one record.
inline constexpr size_t kTlsRecordBytes = size_t(16) << 10;

class TlsMachine {
 public:
  enum class Step : uint8_t {
    kDone,    // handshake complete; or plain text read
    kMore,    // everything fed has been taken: feed more
    kEof,     // the peer said goodbye
    kFailed,  // see error()
  };

  // `out` outlives the machine; it is shared by all machines of a loop.
  TlsMachine(std::shared_ptr<TlsServerContext> context, std::string& out);
  TlsMachine(const TlsClientParams& params, std::string& out);
  ~TlsMachine();
  TlsMachine(const TlsMachine&) = delete;
  TlsMachine& operator=(const TlsMachine&) = delete;

  // Borrows `bytes` until a step returns kMore or unread() is copied.
  void Feed(std::string_view bytes) { in_ = bytes; }
  std::string_view unread() const { return in_; }

  Step Handshake();
  Step Read(std::span<char> into, size_t& got);
  // Encrypts all of `bytes`, at most kTlsRecordBytes. False: see error().
  bool Write(std::string_view bytes);
  // Says goodbye.
  void Shutdown();

  TlsInfo Info() const;
  // Of the server's certificate.
  TlsFault fault() const;
  const std::string& error() const { return error_; }

  // For the contexts.
  static BioMethodPtr NewBioMethod();
  // True when it took the session over.
  bool KeepSession(SSL_SESSION* session);

 private:
  void Attach(const BIO_METHOD* method);
  std::string FailureText() const;
  Step AfterFailure(int result);
  static int BioRead(BIO* bio, char* into, int size);
  static int BioWrite(BIO* bio, const char* bytes, int size);
  static long BioControl(BIO* bio, int command, long number, void* pointer);

  std::string& out_;
  std::string_view in_;
  const std::shared_ptr<TlsServerContext> server_;
  const std::shared_ptr<TlsClientContext> client_;
  const TlsVerify verify_ = TlsVerify::kNone;
  const std::string session_key_;  // empty: none is kept
  SslPtr ssl_;                     // after the contexts: it uses their BIO method to the end
  std::string error_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_MACHINE_H_
