// engine/delivery/delivery_tls.cc — where a Delivery asks for TLS policies and keeps to them. What
// they demand is decided in tls_policy.cc.

#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/delivery/delivery.h"

namespace sluice::engine {

// Before the first host of a job is looked at.
void Delivery::AskPolicy() {
  if (shared_.policies == nullptr) return NextHost();
  const std::string_view domain = DomainOf(run_.job().recipients.front().address);
  shared_.policies->ForDomain(domain, [weak = std::weak_ptr(self_)](const DomainTls& wanted) {
    if (const auto self = weak.lock()) (*self)->OnPolicy(wanted);
  });
}

void Delivery::OnPolicy(const DomainTls& wanted) {
  if (state_ != State::kWalking || stopping_) return;  // the wake-up of Stop ends it
  wanted_ = wanted;
  if (const RoundFailure* known = shared_.tls_trouble.Find(path_.site, wanted_.domain, Now())) {
    ReturnJob(known);
    return Finish();
  }
  NextHost();
}

void Delivery::ConsiderHost() {
  const bool named = !IpAddress::Parse(host_.name).has_value();
  if (shared_.policies == nullptr || path_.configured || !named) return Approach({});
  shared_.policies->ForHost(host_.name, host_.endpoint.port,
                            [weak = std::weak_ptr(self_)](const dns::HostDane& dane) {
                              const auto self = weak.lock();
                              if (self != nullptr && (*self)->state_ == State::kWalking)
                                (*self)->Approach(dane);
                            });
}

void Delivery::Approach(const dns::HostDane& dane) {
  dane_ = dane;
  plan_ = PlanTls(wanted_, dane_, host_.name, shared_.broken_tls.IsBroken(host_.endpoint, Now()));
  if (plan_.refusal.empty()) {
    ++addresses_tried_;
    return Connect();
  }
  tls_.clear();
  facts_ = {.rule = plan_.rule, .domain = {}, .host = {}, .problem = {}};
  rule_ = plan_.rule;
  NoteTlsFailure(Stage::kConnect, Fault::kTlsPolicy, plan_.refusal);
  NextHost();
}

// ---- a warm connection and a job of perhaps another domain ----

Delivery::Fit Delivery::CheckFit() {
  if (!found_.has_value()) {
    const std::string_view domain = DomainOf(run_.job().recipients.front().address);
    shared_.policies->ForDomain(domain, [weak = std::weak_ptr(self_)](const DomainTls& wanted) {
      const auto self = weak.lock();
      if (self == nullptr || !(*self)->checking_) return;
      Delivery& delivery = **self;
      delivery.found_ = wanted;
      if (delivery.state_ == State::kBusy) delivery.wake_.Set(delivery.Now());
    });
  }
  if (!found_.has_value()) {
    state_ = State::kBusy;  // from here on an answer wakes us
    return Fit::kAsking;
  }
  checking_ = false;
  const DomainTls wanted = *std::exchange(found_, std::nullopt);
  return JudgeFit(wanted);
}

Delivery::Fit Delivery::JudgeFit(const DomainTls& wanted) {
  if (Suffices(facts_, wanted)) {
    wanted_ = wanted;
    rule_ = PlanTls(wanted, dane_, host_.name, false).rule;
    return Fit::kFits;
  }
  if (const RoundFailure* known = shared_.tls_trouble.Find(path_.site, wanted.domain, Now())) {
    ReturnJob(known);
    return Fit::kHopeless;
  }
  wanted_ = wanted;
  return Fit::kRestart;
}

// ---- one connection ----

void Delivery::StartTls() {
  io::TlsClientParams params{.context = shared_.tls,
                             .server_name = plan_.server_name,
                             .verify = plan_.verify,
                             .names = plan_.names,
                             .note_only = plan_.note_only,
                             .tlsa = plan_.tlsa};
  stream_->StartTlsClient(params);
}

void Delivery::NoteTls(const io::TlsInfo& info) {
  tls_ = info.version + " " + info.cipher;
  facts_.on = true;
  facts_.proof = info.proof;
  facts_.problem = info.problem;
  if (plan_.note.empty()) return;
  facts_.proof = io::TlsProof::kNone;
  facts_.problem = plan_.note;
}

// The session is open, and in clear.
void Delivery::OnTlsMissing() {
  NoteTlsFailure(Stage::kStartTls, Fault::kTls,
                 session_->tls_refused() ? "STARTTLS was refused" : "STARTTLS is not offered");
  NextHostOrFail();
}

void Delivery::OnTlsRefused(std::string_view text) {
  NoteTlsFailure(Stage::kStartTls, Fault::kTls, tls_trouble_.empty() ? text : tls_trouble_);
  NextHostOrFail();
}

void Delivery::NoteTlsFailure(Stage stage, Fault fault, std::string_view text) {
  std::string words(text.empty() ? "no TLS" : text);
  if (plan_.refusal.empty())
    words += ", and " + std::string(NameOf(plan_.rule)) + " TLS is demanded";
  NoteFailure(stage, fault, words);
  failure_.domains_own |= plan_.domains_own;
  if (plan_.domains_own && shared_.policies != nullptr)
    shared_.policies->OnMismatch(wanted_.domain);
}

void Delivery::NextHostOrFail() {
  CloseStream(MayTryAnotherHost() ? AfterClose::kNextHost : AfterClose::kFailRound, true);
}

}  // namespace sluice::engine
