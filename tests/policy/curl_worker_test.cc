// Goal: the web is asked strictly: https only, names and chains checked, no redirects, no more than
// asked for, never at an address that was not given.
// Method: a small web server over our own TLS streams in the same thread; libcurl's thread is this
// one.

#include "engine/http/curl_worker.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/io/tls_context.h"
#include "tests/io/peer.h"
#include "tests/io/test_ca.h"

namespace sluice::engine {
namespace {

constexpr const char* kHost = "mta-sts.example.net";

class CurlWorkerTest : public ::testing::Test {
 protected:
  CurlWorkerTest() : ca_(dir_.File(""), "ca") { Serve({kHost}); }

  void Serve(std::vector<std::string> names) {
    ca_.Issue("leaf", {.names = std::move(names)});
    tls_ = loop_.net().MakeTlsServer(dir_.File("leaf.pem"), dir_.File("leaf.key")).value();
    listener_.reset();
    listener_ = loop_.net()
                    .Listen(io::kAnyPort,
                            [this](io::Stream* stream) {
                              peers_.push_back(std::make_unique<io::Peer>());
                              io::Peer& peer = *peers_.back();
                              peer.stream = stream;
                              stream->StartTlsServer(tls_);
                              peer.on_read = [this, &peer](std::string_view) { OnRequest(peer); };
                              peer.on_eof = [&peer] { peer.stream->Close(); };
                              return &peer;
                            })
                    .value();
  }
  void OnRequest(io::Peer& peer) {
    const size_t head = peer.got.find("\r\n\r\n");
    if (head == std::string::npos || answer_.empty()) return;
    const size_t at = peer.got.find("Content-Length: ");
    const size_t length = at < head ? std::stoul(peer.got.substr(at + 16)) : 0;
    if (peer.got.size() < head + 4 + length) return;
    request_ = peer.got;
    peer.WriteAll(answer_, [&peer] { peer.stream->Close(); });
  }
  static std::string Ok(const std::string& body, const std::string& type = "text/plain") {
    return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\n\r\n" + body;
  }

  HttpResponse Fetch(HttpRequest request, std::vector<IpAddress> addresses = {io::kLoopback}) {
    if (worker_ == nullptr) worker_ = CurlWorker::Make(ca_.ca_file());
    std::optional<HttpResponse> out;
    bool refused = true;  // the first offer: it comes again
    EXPECT_TRUE(worker_->Begin({std::move(request), std::move(addresses), [&](HttpResponse& r) {
                                  if (std::exchange(refused, false)) return false;
                                  out = r;
                                  return true;
                                }}));
    EXPECT_TRUE(io::RunUntil(loop_, [&] {
      worker_->Step();
      loop_.Wake();
      return out.has_value();
    }));
    return out.value_or(HttpResponse{});
  }
  HttpRequest Get(const std::string& path = "/policy") {
    return {.host = kHost,
            .port = listener_->bound().port,
            .path = path,
            .body_max = 1000,
            .timeout = std::chrono::seconds(10)};
  }

  const io::TempDir dir_;
  io::UvLoop loop_;
  io::TestCa ca_;
  std::shared_ptr<io::TlsServerContext> tls_;
  std::vector<std::unique_ptr<io::Peer>> peers_;
  std::unique_ptr<io::Listener> listener_;
  std::string answer_ = Ok("hello");
  std::string request_;
  std::unique_ptr<CurlWorker> worker_;
};

TEST_F(CurlWorkerTest, GetsWhatAHostWithAGoodCertificateGives) {
  const HttpResponse response = Fetch(Get());
  EXPECT_EQ(response.status, 200) << response.error;
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.content_type, "text/plain");
  EXPECT_TRUE(request_.starts_with("GET /policy HTTP/1.1\r\nHost: mta-sts.example.net"));
}

TEST_F(CurlWorkerTest, PostsABody) {
  HttpRequest request = Get();
  request.body = std::string("\x1f\x8b\0zip", 6);
  request.content_type = "application/tlsrpt+gzip";
  EXPECT_EQ(Fetch(std::move(request)).status, 200);
  EXPECT_TRUE(request_.starts_with("POST /policy "));
  EXPECT_NE(request_.find("Content-Type: application/tlsrpt+gzip"), std::string::npos);
  EXPECT_TRUE(request_.ends_with(std::string("\x1f\x8b\0zip", 6)));
}

TEST_F(CurlWorkerTest, RefusesOtherNamesAndOtherCas) {
  Serve({"example.net"});
  const HttpResponse named = Fetch(Get());
  EXPECT_EQ(named.status, 0);
  EXPECT_NE(named.error.find("subject name"), std::string::npos) << named.error;
  EXPECT_TRUE(named.certificate);
  EXPECT_TRUE(io::WriteSelfSigned(dir_.File("self.pem"), dir_.File("self.key"), kHost));
  tls_ = loop_.net().MakeTlsServer(dir_.File("self.pem"), dir_.File("self.key")).value();
  const HttpResponse unknown = Fetch(Get());
  EXPECT_EQ(unknown.status, 0);
  EXPECT_NE(unknown.error.find("self-signed"), std::string::npos) << unknown.error;
  EXPECT_TRUE(unknown.certificate);
}

TEST_F(CurlWorkerTest, FollowsNoRedirect) {
  answer_ = "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.example.net/other\r\n\r\n";
  EXPECT_EQ(Fetch(Get()).status, 301);
  EXPECT_EQ(peers_.size(), 1u);
}

TEST_F(CurlWorkerTest, StopsReadingAtTheBound) {
  answer_ = Ok(std::string(1000, 'x'));
  EXPECT_EQ(Fetch(Get()).body.size(), 1000u);
  answer_ = Ok(std::string(1001, 'x'));
  const HttpResponse response = Fetch(Get());
  EXPECT_EQ(response.status, 0);
  EXPECT_EQ(response.error, "the answer is longer than 1000 octets");
  EXPECT_FALSE(response.certificate);
  EXPECT_EQ(response.body, "");
}

TEST_F(CurlWorkerTest, GivesUpOnAHostThatSaysNothing) {
  answer_.clear();
  HttpRequest request = Get();
  request.timeout = std::chrono::milliseconds(200);
  const HttpResponse response = Fetch(std::move(request));
  EXPECT_EQ(response.status, 0);
  EXPECT_NE(response.error.find("timed out"), std::string::npos) << response.error;
}

TEST_F(CurlWorkerTest, ConnectsToTheAddressesGivenAndNoOther) {
  HttpRequest request = Get();
  request.timeout = std::chrono::seconds(2);
  EXPECT_EQ(Fetch(request, {*IpAddress::Parse("127.0.0.2")}).status, 0);  // nobody listens there
  EXPECT_EQ(Fetch(request, {*IpAddress::Parse("127.0.0.2"), io::kLoopback}).status, 200);
}

}  // namespace
}  // namespace sluice::engine
