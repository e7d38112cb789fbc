// engine/delivery/delivery_tls.cc — where a Delivery asks for TLS policies and keeps to them. What
// they demand is decided in tls_policy.cc.

#include <algorithm>
#include <string_view>
#include <utility>

#include "dns/domain.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/delivery/delivery.h"
#include "engine/tls_report/tally.h"
#include "smtp/reply.h"

namespace sluice::engine {
namespace {

DomainTls ForReport(std::string_view domain) {
  return {.domain = std::string(domain), .whatever_fails = true};
}

TlsResult ResultOf(io::TlsFault fault) {
  switch (fault) {
    case io::TlsFault::kExpired:
      return TlsResult::kCertificateExpired;
    case io::TlsFault::kWrongName:
      return TlsResult::kCertificateHostMismatch;
    case io::TlsFault::kNotTrusted:
      return TlsResult::kCertificateNotTrusted;
    case io::TlsFault::kNoMatch:
    case io::TlsFault::kOther:
    case io::TlsFault::kNone:
      break;
  }
  return TlsResult::kValidationFailure;
}

}  // namespace

// Before the first host of a job is looked at.
void Delivery::AskPolicy() {
  if (shared_.policies == nullptr) return NextHost();
  const std::string_view domain = DomainOf(run_.job().recipients.front().address);
  if (IsTlsReport(run_.message())) return OnPolicy(ForReport(domain));
  shared_.policies->ForDomain(domain, [weak = std::weak_ptr(self_)](const DomainTls& wanted) {
    if (const auto self = weak.lock()) (*self)->OnPolicy(wanted);
  });
}

// A route's word counts before the shaping file's.
DomainTls Delivery::WithShape(DomainTls wanted) {
  if (wanted.route == config::RouteTls::kOpportunistic) wanted.route = run_.job().tls;
  return wanted;
}

void Delivery::OnPolicy(const DomainTls& wanted) {
  if (state_ != State::kWalking || stopping_) return;  // the wake-up of Stop ends it
  wanted_ = WithShape(wanted);
  const RoundFailure* known = wanted_.whatever_fails
                                  ? nullptr
                                  : shared_.tls_trouble.Find(path_.site, wanted_.domain, Now());
  if (known != nullptr) {
    ReturnJob(known);
    return Finish();
  }
  NextHost();
}

void Delivery::ConsiderHost() {
  const bool named = !IpAddress::Parse(host_.name).has_value();
  if (shared_.policies == nullptr || path_.configured || !named || wanted_.whatever_fails)
    return Approach({});
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
  BeginTlsFacts();
  const bool unknown = dane_.state == dns::DaneState::kFailed;
  TellSession(unknown ? TlsResult::kDnssecInvalid : TlsResult::kValidationFailure,
              unknown ? dane_.detail : "the host is not in the policy");
  NoteTlsFailure(Stage::kConnect, Fault::kTlsPolicy, plan_.refusal);
  NextHost();
}

// ---- a warm connection and a job of perhaps another domain ----

Delivery::Fit Delivery::CheckFit() {
  const std::string_view domain = DomainOf(run_.job().recipients.front().address);
  if (IsTlsReport(run_.message())) {
    found_ = ForReport(domain);
  } else if (!found_.has_value()) {
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
  const DomainTls wanted = WithShape(*std::exchange(found_, std::nullopt));
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

// Nothing is known of it yet.
void Delivery::BeginTlsFacts() {
  tls_.clear();
  tls_started_ = false;
  tls_trouble_.clear();
  tls_fault_ = io::TlsFault::kNone;
  local_ = {};
  facts_ = {.rule = plan_.rule,
            .domain = wanted_.domain,
            .host = host_.name,
            .problem = {},
            .whatever_fails = wanted_.whatever_fails};
  rule_ = plan_.rule;
}

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
  tls_fault_ = info.fault;
  if (plan_.note.empty()) return;
  facts_.proof = io::TlsProof::kNone;
  facts_.problem = plan_.note;
}

// The session is open, and in clear.
void Delivery::OnTlsMissing() {
  TellClearSession();
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

// ---- what the domain will read in its report (RFC 8460)

// Hosts that the operator names are not the domain's own. Sessions of reports are left out, as the
// RFC asks (3): a broken host would report itself for ever.
void Delivery::TellSession(TlsResult result, std::string_view reason) {
  if (!config_->tls_report.on() || shared_.policies == nullptr || shared_.tls == nullptr ||
      path_.configured || wanted_.whatever_fails || plan_.rule == TlsRule::kOff)
    return;
  if (!dns::IsHostName(wanted_.domain)) return;  // an address literal: nobody to report to
  TlsSession session{.domain = wanted_.domain, .policy = TellPolicy(wanted_, dane_), .failure = {}};
  if (result != TlsResult::kGood) {
    session.failure = {.result = result,
                       .mx_host = host_.name,
                       .receiving_ip = host_.endpoint.address.ToString(),
                       .reason = smtp::CleanReplyText(reason, DayTally::kReasonMax)};
    if (!local_.IsUnspecified()) session.failure.sending_ip = SendingAddress().ToString();
  }
  shared_.policies->OnSession(std::move(session));
}

// What receivers see behind NAT, where that is known.
IpAddress Delivery::SendingAddress() const {
  const auto source = std::ranges::find(config_->sources, path_.source, &config::Source::name);
  if (source == config_->sources.end()) return local_;
  return source->public_address.value_or(local_);
}

// The handshake is over, well or not.
void Delivery::TellHandshake() {
  if (!facts_.on)
    return TellSession(ResultOf(tls_fault_), tls_trouble_.empty() ? result_.text : tls_trouble_);
  if (dane_.state == dns::DaneState::kUnusable)
    return TellSession(TlsResult::kTlsaInvalid, "none of the TLSA records can be used");
  const bool noted = wanted_.sts != nullptr && plan_.note_only;
  if (!noted || facts_.proof != io::TlsProof::kNone) return TellSession(TlsResult::kGood, {});
  TellSession(plan_.note.empty() ? ResultOf(tls_fault_) : TlsResult::kValidationFailure,
              facts_.problem);
}

void Delivery::TellClearSession() {
  if (!session_->tls_refused() && !plan_.use_tls) return;  // it was not asked for
  TellSession(TlsResult::kStartTlsNotSupported,
              session_->tls_refused() ? "STARTTLS was refused" : "STARTTLS is not offered");
}

void Delivery::NextHostOrFail() {
  CloseStream(MayTryAnotherHost() ? AfterClose::kNextHost : AfterClose::kFailRound, true);
}

}  // namespace sluice::engine
