// What does TLS cost a delivery? Connections/s of one core (CPU time) with one message of 10 KiB
// each, in clear, with full handshakes, with resumed ones, and over one warm connection; verified
// and not.
//
// PREDICTION  Both ends share one thread. A full TLS 1.3 handshake is one P-256 signature (20 us),
//             two X25519 on each side (4 x 35 us) and about 300 us of OpenSSL around it, on both
//             sides: 1,500/s; verifying adds one or two P-256 checks (60 us each): 1,300/s. A
//             resumed one still does X25519 (TLS 1.3, psk_dhe_ke) but no signature and no chain:
//             2,000/s. A warm connection: 21 us a message of 10 KiB (RESULTS.md) and the reply:
//             35,000/s.
// MEASURED    bench/RESULTS.md

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "engine/io/tls_client_context.h"
#include "tests/io/peer.h"
#include "tests/io/test_ca.h"

namespace {

using namespace sluice::io;

constexpr const char* kHost = "mx.example.org";
constexpr int kConnections = 1'500;
constexpr int kWarmMessages = 30'000;
constexpr std::string_view kReply = "250 2.0.0 ok\r\n";

class Bench {
 public:
  Bench() : ca_(dir_.File(""), "ca") {
    ca_.Issue("leaf", {.names = {kHost}, .links = 1});
    server_ = loop_.net().MakeTlsServer(dir_.File("leaf.pem"), dir_.File("leaf.key")).value();
  }

  enum class Tls { kNone, kFull, kResumed };

  void Run(const char* name, Tls tls, TlsVerify verify, int connections, int messages) {
    const auto client = NewClient();
    int resumed = 0;
    const std::clock_t begin = std::clock();  // CPU time: a busy machine does not show
    for (int i = 0; i < connections; ++i) {
      resumed += Connect(client, tls, verify, messages);
    }
    const double took = double(std::clock() - begin) / CLOCKS_PER_SEC;
    std::printf("%-34s %8.0f connections/s %8.0f messages/s  (%d of %d resumed)\n", name,
                connections / took, connections * messages / took, resumed, connections);
  }

 private:
  std::shared_ptr<TlsClientContext> NewClient() {
    return loop_.net().MakeVerifyingTlsClient({.ca_file = ca_.ca_file()}).value();
  }

  bool Connect(const std::shared_ptr<TlsClientContext>& context, Tls tls, TlsVerify verify,
               int messages) {
    Pair pair(loop_);
    const auto send = [&] { pair.client.stream->Write(message_); };
    size_t got = 0;
    pair.server.on_read = [&](std::string_view bytes) {
      for (got += bytes.size(); got >= message_.size(); got -= message_.size())
        pair.server.stream->Write(kReply);
      pair.server.got.clear();
    };
    int left = messages;
    pair.client.on_read = [&](std::string_view) {
      if (pair.client.got.size() < kReply.size()) return;
      pair.client.got.clear();
      if (--left > 0) send();
    };
    if (tls == Tls::kNone) {
      send();
    } else {
      pair.client.on_tls = send;
      pair.server.stream->StartTlsServer(server_);
      TlsClientParams params{context, kHost, verify};
      if (verify == TlsVerify::kPkix) params.names = {kHost};
      if (verify == TlsVerify::kDane) params.tlsa = {ca_.LeafRecord(1, 1)};
      if (tls == Tls::kFull) context->Forget(TlsClientContext::SessionKey(params));
      pair.client.stream->StartTlsClient(params);
    }
    if (!pair.Run([&] { return left == 0 || pair.client.closed; }) || pair.client.closed) {
      std::puts("a connection failed");
      std::exit(1);
    }
    const bool resumed = pair.client.tls && pair.client.tls->resumed;
    pair.server.on_eof = [&] { pair.server.stream->Close(); };
    pair.client.stream->Close();
    pair.Run([&] { return pair.client.closed && pair.server.closed; });
    return resumed;
  }

  const TempDir dir_;
  UvLoop loop_;
  TestCa ca_;
  std::shared_ptr<TlsServerContext> server_;
  const std::string message_ = Pattern(10 * 1024);
};

}  // namespace

int main() {
  Bench bench;
  using Tls = Bench::Tls;
  bench.Run("in clear", Tls::kNone, TlsVerify::kNone, kConnections, 1);
  bench.Run("full handshake", Tls::kFull, TlsVerify::kNone, kConnections, 1);
  bench.Run("full handshake, verified by CA", Tls::kFull, TlsVerify::kPkix, kConnections, 1);
  bench.Run("full handshake, DANE-EE", Tls::kFull, TlsVerify::kDane, kConnections, 1);
  bench.Run("resumed", Tls::kResumed, TlsVerify::kNone, kConnections, 1);
  bench.Run("resumed, verified by CA", Tls::kResumed, TlsVerify::kPkix, kConnections, 1);
  bench.Run("warm connection", Tls::kResumed, TlsVerify::kPkix, 1, kWarmMessages);
  return 0;
}
