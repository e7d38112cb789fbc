#include "engine/delivery/tls_policy.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

void DemandDane(const DomainTls& wanted, const dns::HostDane& dane, TlsPlan& plan) {
  plan.rule = TlsRule::kDane;
  plan.must = true;
  plan.verify = io::TlsVerify::kDane;
  plan.server_name = dane.base;
  plan.names = dane.names;
  plan.names.push_back(wanted.domain);  // RFC 7672 3.2.2: the next-hop domain is one as well
  plan.tlsa = dane.records;
}

void DemandPkix(TlsRule rule, const std::string& host, TlsPlan& plan) {
  plan.rule = rule;
  plan.must = true;
  plan.domains_own = true;
  plan.verify = io::TlsVerify::kPkix;
  plan.names = {host};
}

void ByRoute(const DomainTls& wanted, const std::string& host, TlsPlan& plan) {
  switch (wanted.route) {
    case config::RouteTls::kOff:
      plan.rule = TlsRule::kOff;
      plan.use_tls = false;
      return;
    case config::RouteTls::kOpportunistic:
      return;
    case config::RouteTls::kRequired:
      plan.rule = TlsRule::kRequired;
      plan.must = true;
      plan.domains_own = true;
      return;
    case config::RouteTls::kVerified:
      return DemandPkix(TlsRule::kVerified, host, plan);
  }
}

// RFC 8461 5: in testing nothing is held back, only told.
void NoteTesting(const DomainTls& wanted, const std::string& host, TlsPlan& plan) {
  if (plan.rule != TlsRule::kOpportunistic) return;
  plan.rule = TlsRule::kStsTesting;
  if (!dns::MatchesMx(*wanted.sts, host)) plan.note = "the host is not in the policy";
  plan.verify = io::TlsVerify::kPkix;
  plan.note_only = true;
  plan.names = {host};
}

std::string_view NameOf(io::TlsProof proof) {
  switch (proof) {
    case io::TlsProof::kNone:
      return "";
    case io::TlsProof::kPkix:
      return "pkix";
    case io::TlsProof::kDaneTa:
      return "dane-ta";
    case io::TlsProof::kDaneEe:
      return "dane-ee";
  }
  return "";
}

}  // namespace

bool Alike(const DomainTls& a, const DomainTls& b) { return a.route == b.route && a.sts == b.sts; }

std::string_view NameOf(TlsRule rule) {
  switch (rule) {
    case TlsRule::kOff:
      return "off";
    case TlsRule::kOpportunistic:
      return "opportunistic";
    case TlsRule::kStsTesting:
      return "mta-sts-testing";
    case TlsRule::kRequired:
      return "required";
    case TlsRule::kDaneUnusable:
      return "dane-unusable";
    case TlsRule::kVerified:
      return "verified";
    case TlsRule::kSts:
      return "mta-sts";
    case TlsRule::kDane:
      return "dane";
  }
  return "";
}

TlsPlan PlanTls(const DomainTls& wanted, const dns::HostDane& dane, const std::string& host,
                bool broken) {
  TlsPlan plan;
  plan.server_name = host;
  if (dane.state == dns::DaneState::kFailed) {
    plan.rule = TlsRule::kDane;
    plan.must = true;
    plan.refusal = "whether DANE applies cannot be found out: " + dane.detail;
    return plan;
  }
  if (dane.state == dns::DaneState::kUsable) {
    DemandDane(wanted, dane, plan);
    return plan;
  }
  if (wanted.enforces()) {
    DemandPkix(TlsRule::kSts, host, plan);
    if (!dns::MatchesMx(*wanted.sts, host))
      plan.refusal = host + " is not in the MTA-STS policy of " + wanted.domain;
    return plan;
  }
  ByRoute(wanted, host, plan);
  if (dane.state == dns::DaneState::kUnusable && plan.rule < TlsRule::kDaneUnusable) {
    plan.rule = TlsRule::kDaneUnusable;
    plan.use_tls = true;
    plan.must = true;
    plan.domains_own = false;
  }
  if (wanted.sts != nullptr) NoteTesting(wanted, host, plan);
  if (broken && !plan.must) plan.use_tls = false;
  return plan;
}

bool Suffices(const TlsFacts& facts, const DomainTls& wanted) {
  if (facts.rule == TlsRule::kDane) {
    // A trust anchor's certificate may have matched by the name of the domain that it was made for.
    return facts.proof == io::TlsProof::kDaneEe || facts.domain == wanted.domain;
  }
  const bool verified = facts.on && facts.proof == io::TlsProof::kPkix;
  if (wanted.enforces()) return verified && dns::MatchesMx(*wanted.sts, facts.host);
  switch (wanted.route) {
    case config::RouteTls::kVerified:
      return verified;
    case config::RouteTls::kRequired:
      return facts.on;
    case config::RouteTls::kOpportunistic:
    case config::RouteTls::kOff:
      return true;
  }
  return true;
}

std::string DescribeTls(TlsRule rule, const TlsFacts& facts) {
  std::string text(NameOf(rule));
  if (facts.proof != io::TlsProof::kNone) return text + " " + std::string(NameOf(facts.proof));
  if (rule == TlsRule::kStsTesting)
    return text + " failed: " + (facts.on ? facts.problem : "no TLS");
  return text;
}

}  // namespace sluice::engine
