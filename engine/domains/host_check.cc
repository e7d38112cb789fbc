// What this machine's sources need, whatever the domain: names, addresses, block lists.

#include <utility>

#include "dns/dnsbl.h"
#include "dns/reverse.h"
#include "engine/base/text.h"
#include "engine/domains/domain_check.h"
#include "engine/domains/spf_advice.h"

namespace sluice::engine {
namespace {

using dns::Fact;
using dns::Facts;

const char* const kOwnerOfAddress =
    "the owner of the address (the hosting provider, in its control panel or by a ticket) sets it "
    "to this name";

Finding CheckSource(const UsedSource& source) {
  Finding out{Role::kSource, Judgement::kRight, {}, source.name, {}, {}, {}};
  if (!source.address) {
    out.judgement = Judgement::kCannotTell;
    out.what = "the address that receivers see is not known";
    out.advice = "set public_address in its [[source]]";
  } else if (source.hidden) {
    out.judgement = Judgement::kWrong;
    out.what = source.address->ToString() + " is no public address: receivers see another";
    out.advice = "set public_address in its [[source]] to what they see";
  } else {
    out.what = "is " + source.address->ToString() +
               (source.guessed ? ", taken from this machine: set address or public_address in a "
                                 "[[source]] if receivers see another"
                               : "");
  }
  return out;
}

std::optional<Finding> CheckEhloAddress(Facts& facts, const UsedSource& source) {
  const IpAddress& address = *source.address;
  const Fact* fact = facts.Find(source.ehlo, dns::AddressType(address));
  if (fact == nullptr) return std::nullopt;
  Finding out{Role::kEhloAddress,
              Judgement::kRight,
              dns::TypeText(dns::AddressType(address)),
              source.ehlo,
              {},
              {},
              {}};
  if (dns::HoldsAddress(*fact, address)) {
    out.what = "leads to " + address.ToString();
    return out;
  }
  out.publish = address.ToString();
  if (fact->failed()) {
    out.judgement = Judgement::kCannotTell;
    out.what = fact->detail;
    out.advice = "try again; if it stays, ask whoever runs the name servers of this zone";
    out.publish.clear();
  } else if (!fact->found()) {
    out.judgement = Judgement::kMissing;
    out.what = "the name that source " + source.name + " tells in EHLO has no address";
    out.advice = "publish this address";
  } else {
    out.judgement = Judgement::kWrong;
    out.what = "leads to " + fact->records.front().address.ToString() + ", but source " +
               source.name + " sends from " + address.ToString();
    out.advice = "publish this address (beside the others, if they are sources too)";
  }
  return out;
}

std::optional<Finding> CheckReverseName(Facts& facts, const UsedSource& source) {
  const auto found = dns::FindReverseNames(facts, *source.address);
  if (!found) return std::nullopt;
  Finding out{
      Role::kReverse, Judgement::kRight, "PTR", dns::ReverseName(*source.address), {}, {}, {}};
  const std::string who = source.address->ToString();
  std::string names;
  bool equal = false;
  for (size_t i = 0; i < found->names.size(); ++i) {
    equal |= EqualsNoCase(found->names[i], source.ehlo);
    names += (names.empty() ? "" : ", ") + found->names[i] +
             (found->confirmed[i] ? "" : " (which does not lead back)");
  }
  if (equal) {
    out.what = who + " is " + source.ehlo;
    if (found->names.size() > 1)
      out.what += "; it has " + std::to_string(found->names.size()) + " names, one is best";
  } else if (found->failed) {
    out.judgement = Judgement::kCannotTell;
    out.what = found->detail;
    out.advice = "try again; if it stays, ask the owner of the address";
  } else if (found->names.empty()) {
    out.judgement = Judgement::kMissing;
    out.what = who + " has no reverse name: large receivers take no mail from it";
    out.advice = kOwnerOfAddress;
    out.publish = source.ehlo;
  } else {
    out.judgement = Judgement::kWrong;
    out.what = who + " is " + names + ", but source " + source.name + " says EHLO " + source.ehlo;
    out.advice = kOwnerOfAddress;
    out.publish = source.ehlo;
  }
  return out;
}

std::optional<Finding> CheckBlockList(Facts& facts, const std::string& zone,
                                      const UsedSource& source) {
  const auto verdict = dns::AskDnsbl(facts, zone, *source.address);
  if (!verdict) return std::nullopt;
  Finding out{Role::kBlockList, Judgement::kRight, {}, zone, verdict->what, verdict->advice, {}};
  const std::string who = source.address->ToString();
  switch (verdict->listing) {
    case dns::Listing::kClear:
      out.what = who + " is not listed";
      break;
    case dns::Listing::kCannotTell:
      out.judgement = Judgement::kCannotTell;
      break;
    case dns::Listing::kListed:
      out.judgement = Judgement::kWrong;
      out.what = who + " (source " + source.name + ") is listed: " + verdict->what +
                 (verdict->reason.empty() ? "" : ", " + verdict->reason);
      out.advice = "find out why (complaints, spam traps, a break-in), stop it, then ask " + zone +
                   " on its web page to take the address off; Sluice goes on sending from it until "
                   "receivers refuse";
      break;
  }
  return out;
}

}  // namespace

std::optional<Findings> CheckHost(Facts& facts, const HostPlan& host) {
  std::vector<std::optional<Finding>> all;
  for (const UsedSource& source : host.sources) {
    all.emplace_back(CheckSource(source));
    if (!source.address) continue;
    all.push_back(CheckEhloAddress(facts, source));
    all.push_back(CheckReverseName(facts, source));
  }
  for (const PlannedRecord& record : host.records) {
    if (record.role != Role::kEhloSpf) continue;
    std::vector<UsedSource> own;
    for (const UsedSource& source : host.sources)
      if (source.ehlo == record.name) own.push_back(source);
    all.push_back(CheckSpfRecord(facts, record.role, record.name, own, record.value));
  }
  for (const UsedSource& source : host.sources) {
    if (!source.address) continue;
    for (const std::string& zone : host.dnsbl) all.push_back(CheckBlockList(facts, zone, source));
  }
  Findings out;
  for (std::optional<Finding>& finding : all) {
    if (!finding) return std::nullopt;
    out.push_back(*std::move(finding));
  }
  return out;
}

}  // namespace sluice::engine
