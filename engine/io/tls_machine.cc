#include "engine/io/tls_machine.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/tls_peer.h"

namespace sluice::io {

TlsMachine::TlsMachine(std::shared_ptr<TlsServerContext> context, std::string& out)
    : out_(out), server_(std::move(context)), ssl_(SSL_new(server_->ctx())) {
  Attach(server_->bio_method());
  SSL_set_accept_state(ssl_.get());
}

TlsMachine::TlsMachine(const TlsClientParams& params, std::string& out)
    : out_(out),
      client_(params.context),
      verify_(params.verify),
      session_key_(TlsClientContext::SessionKey(params)),
      ssl_(SSL_new(client_->ctx())) {
  Attach(client_->bio_method());
  SSL_set_connect_state(ssl_.get());
  if (Status status = client_->Demand(ssl_.get(), params); !status) {
    error_ = status.error().what;  // Handshake tells
    return;
  }
  if (const SslSessionPtr session = client_->Recall(session_key_))
    SSL_set_session(ssl_.get(), session.get());
  ERR_clear_error();
}

TlsMachine::~TlsMachine() {
  // Else OpenSSL would call the session unfit for resumption: few peers wait for a goodbye.
  if (error_.empty()) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsMachine::Attach(const BIO_METHOD* method) {
  CHECK(ssl_ != nullptr);
  BIO* bio = BIO_new(method);
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
}

TlsMachine::Step TlsMachine::Handshake() {
  if (!error_.empty()) return Step::kFailed;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Step::kDone;
  const Step step = AfterFailure(result);
  // The session offered may be what the server choked on.
  if (step == Step::kFailed && client_ != nullptr) client_->Forget(session_key_);
  return step;
}

TlsMachine::Step TlsMachine::Read(std::span<char> into, size_t& got) {
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  return result == 1 ? Step::kDone : AfterFailure(result);
}

bool TlsMachine::Write(std::string_view bytes) {
  CHECK(bytes.size() <= kTlsRecordBytes);
  if (bytes.empty()) return true;
  ERR_clear_error();
  size_t written = 0;
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) {
    error_ = TakeTlsError("TLS write failed");
    return false;
  }
  CHECK(written == bytes.size());
  return true;
}

void TlsMachine::Shutdown() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

TlsMachine::Step TlsMachine::AfterFailure(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ && in_.empty()) return Step::kMore;
  if (error == SSL_ERROR_ZERO_RETURN) return Step::kEof;
  error_ = FailureText();
  return Step::kFailed;
}

std::string TlsMachine::FailureText() const {
  const long verified = SSL_get_verify_result(ssl_.get());
  std::string text = TakeTlsError("TLS failed");
  if (verify_ == TlsVerify::kNone || verified == X509_V_OK) return text;
  return "the certificate does not verify: " + std::string(X509_verify_cert_error_string(verified));
}

TlsFault TlsMachine::fault() const {
  if (verify_ == TlsVerify::kNone) return TlsFault::kNone;
  switch (SSL_get_verify_result(ssl_.get())) {
    case X509_V_OK:
      return TlsFault::kNone;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TlsFault::kExpired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return TlsFault::kWrongName;
    case X509_V_ERR_DANE_NO_MATCH:
      return TlsFault::kNoMatch;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_INVALID_CA:
      return TlsFault::kNotTrusted;
    default:
      return TlsFault::kOther;
  }
}

TlsInfo TlsMachine::Info() const {
  TlsInfo info{SSL_get_version(ssl_.get()), SSL_get_cipher_name(ssl_.get()),
               SSL_session_reused(ssl_.get()) == 1, TlsClientContext::ProofOf(ssl_.get(), verify_)};
  if (server_ != nullptr && server_->asks_clients()) info.peer = PeerOf(ssl_.get());
  if (verify_ != TlsVerify::kNone && info.proof == TlsProof::kNone)
    info.problem = X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
  info.fault = fault();
  return info;
}

bool TlsMachine::KeepSession(SSL_SESSION* session) {
  if (client_ == nullptr || session_key_.empty()) return false;
  client_->Remember(session_key_, SslSessionPtr(session));
  return true;
}

BioMethodPtr TlsMachine::NewBioMethod() {
  BioMethodPtr method(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sluice stream"));
  CHECK(method != nullptr);
  CHECK(BIO_meth_set_read(method.get(), BioRead) == 1);
  CHECK(BIO_meth_set_write(method.get(), BioWrite) == 1);
  CHECK(BIO_meth_set_ctrl(method.get(), BioControl) == 1);
  return method;
}

int TlsMachine::BioRead(BIO* bio, char* into, int size) {
  auto* self = static_cast<TlsMachine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self->in_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  CHECK(size >= 0);
  const size_t n = std::min(size_t(size), self->in_.size());
  std::memcpy(into, self->in_.data(), n);
  self->in_.remove_prefix(n);
  return int(n);
}

int TlsMachine::BioWrite(BIO* bio, const char* bytes, int size) {
  CHECK(size >= 0);
  static_cast<TlsMachine*>(BIO_get_data(bio))->out_.append(bytes, size_t(size));
  return size;
}

long TlsMachine::BioControl(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace sluice::io
