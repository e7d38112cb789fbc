// Goal: a web host's addresses come from our resolver and pass its filter; the answer comes from
// the loop, once, and to nobody when the asker has gone. Method: a scripted DNS and a transport
// that keeps what it is given.

#include "engine/http/resolved_fetch.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "dns/mx_router.h"
#include "tests/dns/fake_dns.h"
#include "tests/dns/manual_clock.h"

namespace sluice::engine {
namespace {

using namespace std::chrono_literals;

class KeepingTransport final : public HttpTransport {
 public:
  bool Begin(HttpCall&& call) override {
    if (full) return false;
    calls.push_back(std::move(call));
    return true;
  }
  std::vector<HttpCall> calls;
  bool full = false;
};

class ResolvedFetchTest : public ::testing::Test {
 protected:
  ResolvedFetchTest() {
    dns_.AddA("inside.example", "127.0.0.1");
    dns_.AddA("both.example", "10.0.0.1");
    dns_.AddA("both.example", "8.8.8.8");
  }
  void Fetch(const std::string& host) {
    fetch_->Fetch({.host = host, .path = "/", .timeout = 1s},
                  [this](const HttpResponse& response) { answer_ = response; });
    clock_.Advance(timers_, 1s);
  }

  dns::ManualClock clock_;
  TimerQueue timers_;
  Random random_{1};
  dns::FakeDns dns_{timers_, clock_};
  dns::CachingMxRouter router_{{}, dns_, clock_, random_};
  KeepingTransport transport_;
  Mailbox mailbox_;
  std::unique_ptr<ResolvedFetch> fetch_ =
      std::make_unique<ResolvedFetch>(router_, transport_, mailbox_);
  std::optional<HttpResponse> answer_;
};

TEST_F(ResolvedFetchTest, GivesTheTransportTheAddressesThatAreAllowed) {
  Fetch("both.example");
  ASSERT_EQ(transport_.calls.size(), 1u);
  ASSERT_EQ(transport_.calls[0].addresses.size(), 1u);
  EXPECT_EQ(transport_.calls[0].addresses[0].ToString(), "8.8.8.8");
  HttpResponse response{.status = 200, .error = {}, .content_type = {}, .body = "x"};
  EXPECT_TRUE(transport_.calls[0].deliver(response));
  EXPECT_FALSE(answer_);
  mailbox_.Run();
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->body, "x");
}

TEST_F(ResolvedFetchTest, DoesNotConnectToLoopbackUnlessConfigured) {
  Fetch("inside.example");
  EXPECT_TRUE(transport_.calls.empty());
  EXPECT_FALSE(answer_);
  mailbox_.Run();
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->status, 0);
  EXPECT_NE(answer_->error.find("private or reserved"), std::string::npos) << answer_->error;
  router_.SetOptions({.hostname = {}, .own_addresses = {}, .allow_special = true});
  Fetch("inside.example");
  EXPECT_EQ(transport_.calls.size(), 1u);
}

TEST_F(ResolvedFetchTest, SaysSoWhenThereIsNoAddressOrTooMuchWaits) {
  Fetch("gone.example");
  mailbox_.Run();
  ASSERT_TRUE(answer_);
  EXPECT_NE(answer_->error.find("NXDOMAIN"), std::string::npos) << answer_->error;
  answer_.reset();
  transport_.full = true;
  Fetch("both.example");
  mailbox_.Run();
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->error, "too many web requests wait");
}

TEST_F(ResolvedFetchTest, AnAnswerAfterItsEndFindsNobody) {
  Fetch("both.example");
  HttpResponse response;
  fetch_.reset();
  EXPECT_TRUE(transport_.calls[0].deliver(response));
  mailbox_.Run();
  EXPECT_FALSE(answer_);
}

}  // namespace
}  // namespace sluice::engine
