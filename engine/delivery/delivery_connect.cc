// engine/delivery/delivery_connect.cc — how a connection of a Delivery is made, directly or by a
// proxy, and what it means when it is not.

#include <utility>

#include "engine/base/check.h"
#include "engine/delivery/delivery.h"

namespace sluice::engine {
namespace {

smtp::ClientTimeouts TimeoutsOf(const config::Timeouts& timeouts) {
  return {.banner = timeouts.banner,
          .ehlo = timeouts.ehlo,
          .mail = timeouts.mail,
          .rcpt = timeouts.rcpt,
          .data = timeouts.data,
          .block = timeouts.block,
          .dot = timeouts.dot,
          .quit = timeouts.quit,
          .starttls = timeouts.starttls};
}

}  // namespace

void Delivery::Connect() {
  CHECK(stream_ == nullptr);
  state_ = State::kConnecting;
  owner_.OnConnect(*this);
  peer_ended_ = false;
  BeginTlsFacts();
  session_.reset();
  const io::ConnectParams params{host_.endpoint, path_.address};
  if (path_.proxy.has_value()) {
    proxied_ = std::make_unique<io::ProxiedStream>(shared_.shard.net, *path_.proxy, params, this);
    stream_ = proxied_.get();
  } else {
    stream_ = shared_.shard.net.Connect(params, this);
  }
  due_ = Now() + shape_->timeouts.connect;
  timer_.Set(due_);
}

void Delivery::OnConnected() {
  if (state_ != State::kConnecting) return;
  ++established_;
  failure_.established = true;
  local_ = stream_->local().address;
  state_ = State::kOpening;
  const bool use_tls = shared_.tls != nullptr && plan_.use_tls;
  session_.emplace(
      smtp::ClientOptions{.ehlo = path_.ehlo,
                          .timeouts = TimeoutsOf(shape_->timeouts),
                          .use_tls = use_tls,
                          .one_at_a_time = shared_.liars.IsBroken(host_.endpoint, Now())});
  session_->OnConnected(Now());
  Settle();
}

void Delivery::NoteFailure(Stage stage, Fault fault, std::string_view text) {
  AttemptResult result;
  result.stage = stage;
  result.fault = fault;
  result.text = smtp::CleanReplyText(text, queue::kMaxReplyText);
  result.host = host_text_;
  result.tls = tls_;
  if (!host_.name.empty()) result.tls_policy = DescribeTls(rule_, facts_);
  failure_.last = std::move(result);
}

// What is wrong on our side is so for every host.
void Delivery::OnNotConnected(const io::CloseInfo& info) {
  switch (info.reason) {
    case io::CloseReason::kNoAddress:
      NoteFailure(Stage::kConnect, Fault::kSourceAddress,
                  path_.address.value_or(IpAddress()).ToString() + ": " + info.detail);
      return FailRound();
    case io::CloseReason::kProxyFailed:
      NoteFailure(Stage::kConnect, Fault::kProxy, info.detail);
      return FailRound();
    case io::CloseReason::kTimedOut:
      NoteFailure(Stage::kConnect, Fault::kTimeout, info.detail);
      return NextHost();
    default:
      NoteFailure(Stage::kConnect, Fault::kRefused, info.detail);
      return NextHost();
  }
}

void Delivery::OnConnectTimeout() {
  if (proxied_ == nullptr) {
    NoteFailure(Stage::kConnect, Fault::kTimeout, "connect timed out");
    return CloseStream(AfterClose::kNextHost, true);
  }
  if (proxied_->waits_for_proxy()) {
    NoteFailure(Stage::kConnect, Fault::kProxy, proxied_->proxy_name() + ": timed out");
    return CloseStream(AfterClose::kFailRound, true);
  }
  NoteFailure(Stage::kConnect, Fault::kTimeout,
              proxied_->proxy_name() + " could not connect to the receiver in time");
  CloseStream(AfterClose::kNextHost, true);
}

}  // namespace sluice::engine
