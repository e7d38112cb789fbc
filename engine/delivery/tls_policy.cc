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

// "3 1 1 0123AB...".
std::string TextOf(const io::TlsaRecord& record) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = std::to_string(record.usage) + " " + std::to_string(record.selector) + " " +
                    std::to_string(record.matching) + " ";
  for (const char octet : record.data) {
    out.push_back(kHex[uint8_t(octet) >> 4]);
    out.push_back(kHex[uint8_t(octet) & 15]);
  }
  return out;
}

// The lines of the policy file that count.
std::vector<std::string> LinesOf(const dns::StsPolicy& policy) {
  std::vector<std::string> out = {"version: STSv1",
                                  "mode: " + std::string(dns::NameOf(policy.mode))};
  for (const std::string& mx : policy.mx) out.push_back("mx: " + mx);
  out.push_back("max_age: " + std::to_string(policy.max_age));
  return out;
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
  if (wanted.whatever_fails) {
    if (broken) plan.use_tls = false;
    return plan;
  }
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

TlsPolicyTold TellPolicy(const DomainTls& wanted, const dns::HostDane& dane) {
  switch (dane.state) {
    case dns::DaneState::kUsable:
    case dns::DaneState::kUnusable:
    case dns::DaneState::kFailed: {
      TlsPolicyTold told{.type = TlsPolicyType::kTlsa,
                         .domain = dane.base.empty() ? wanted.domain : dane.base};
      for (const io::TlsaRecord& record : dane.records) told.text.push_back(TextOf(record));
      return told;
    }
    case dns::DaneState::kNone:
    case dns::DaneState::kInsecure:
      break;
  }
  if (wanted.sts == nullptr) return {.type = TlsPolicyType::kNone, .domain = wanted.domain};
  return {.type = TlsPolicyType::kSts,
          .domain = wanted.domain,
          .text = LinesOf(*wanted.sts),
          .mx = wanted.sts->mx};
}

bool Suffices(const TlsFacts& facts, const DomainTls& wanted) {
  if (wanted.whatever_fails) return true;
  if (facts.whatever_fails) return false;  // nobody looked at what its host asks
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
