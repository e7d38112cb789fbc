#include "engine/io/proxied_stream.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/io/proxy_header.h"

namespace sluice::io {
namespace {

std::string NameOf(const ProxySettings& proxy) {
  const bool socks = proxy.kind == ProxySettings::Kind::kSocks5;
  return (socks ? "SOCKS5 proxy " : "PROXY v2 proxy ") + proxy.at.ToString();
}

}  // namespace

ProxiedStream::ProxiedStream(Net& net, const ProxySettings& proxy, const ConnectParams& params,
                             StreamEvents* events)
    : params_(params),
      name_(NameOf(proxy)),
      socks_(proxy.kind == ProxySettings::Kind::kSocks5),
      events_(events),
      client_(params.to, proxy.user, proxy.password),
      below_(net.Connect({proxy.at, std::nullopt}, this)) {
  CHECK(events_ != nullptr);
  CHECK(socks_ || params_.from.has_value());
}

bool ProxiedStream::waits_for_proxy() const {
  if (state_ == State::kReaching) return true;
  return state_ == State::kAsking && socks_ && !client_.waits_for_receiver();
}

// ---- what the stream below says

void ProxiedStream::OnConnected() {
  if (state_ != State::kReaching) return;
  state_ = State::kAsking;
  output_ = socks_ ? client_.TakeOutput()
                   : ProxyHeaderV2({*params_.from, below_->local().port}, params_.to);
  if (Push() && !socks_) Opened({});
}

// True: all has been taken.
bool ProxiedStream::Push() {
  if (!output_.empty()) output_.erase(0, below_->Write(output_));
  return output_.empty();
}

void ProxiedStream::OnWritable() {
  if (state_ == State::kOpen) return events_->OnWritable();
  if (state_ == State::kAsking && Push() && !socks_) Opened({});
}

void ProxiedStream::OnRead(std::string_view bytes) {
  if (state_ == State::kOpen) return events_->OnRead(bytes);
  if (state_ != State::kAsking) return;
  if (!socks_) return Fail(CloseReason::kProxyFailed, "answers before it was asked");
  const size_t taken = client_.OnBytes(bytes);
  output_ += client_.TakeOutput();
  if (client_.state() == Socks5Client::State::kFailed)
    return Fail(client_.reason(), client_.trouble());
  Push();
  if (client_.state() == Socks5Client::State::kOpen) Opened(bytes.substr(taken));
}

void ProxiedStream::Opened(std::string_view rest) {
  state_ = State::kOpen;
  events_->OnConnected();
  if (!rest.empty() && state_ == State::kOpen) events_->OnRead(rest);
}

void ProxiedStream::OnTlsReady(const TlsInfo& info) {
  if (state_ == State::kOpen) events_->OnTlsReady(info);
}

void ProxiedStream::OnEof() {
  if (state_ == State::kOpen) return events_->OnEof();
  if (state_ == State::kAsking) Fail(CloseReason::kProxyFailed, "closes without an answer");
}

// The last event: the owner may destroy us inside it.
void ProxiedStream::OnClosed(const CloseInfo& info) {
  below_ = nullptr;
  CloseInfo told = info;
  if (failure_.has_value()) {
    told = *failure_;
  } else if (state_ == State::kReaching || state_ == State::kAsking) {
    told = {CloseReason::kProxyFailed, name_ + ": " + info.detail};
  }
  state_ = State::kOver;
  events_->OnClosed(told);
}

void ProxiedStream::Fail(CloseReason reason, const std::string& what) {
  failure_ = CloseInfo{reason, name_ + " " + what};
  End(true);
}

// ---- what the session wants

void ProxiedStream::End(bool at_once) {
  if (state_ == State::kOver && !at_once) return;
  const bool open = std::exchange(state_, State::kOver) == State::kOpen;
  if (below_ == nullptr) return;
  if (at_once || !open) {
    below_->Abort();
  } else {
    below_->Close();
  }
}

void ProxiedStream::Close() { End(false); }

void ProxiedStream::Abort() { End(true); }

size_t ProxiedStream::Write(std::span<const std::string_view> slices) {
  if (state_ == State::kOpen) return below_->Write(slices);
  size_t total = 0;
  if (state_ != State::kOver) return total;  // no room before the way stands
  for (const std::string_view slice : slices) total += slice.size();
  return total;  // goes nowhere; OnClosed is on its way
}

void ProxiedStream::StartTlsServer(std::shared_ptr<TlsServerContext> context,
                                   std::string_view already_read) {
  if (state_ == State::kOpen) below_->StartTlsServer(std::move(context), already_read);
}

void ProxiedStream::StartTlsClient(const TlsClientParams& params) {
  if (state_ == State::kOpen) below_->StartTlsClient(params);
}

void ProxiedStream::PauseReading() {
  if (state_ == State::kOpen) below_->PauseReading();
}

void ProxiedStream::ResumeReading() {
  if (state_ == State::kOpen) below_->ResumeReading();
}

Endpoint ProxiedStream::local() const {
  if (!client_.bound().address.IsUnspecified()) return client_.bound();
  return {params_.from.value_or(IpAddress()), 0};
}

}  // namespace sluice::io
