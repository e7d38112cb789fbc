#include "dns/dnsbl.h"

#include <algorithm>
#include <utility>

#include "dns/reverse.h"

namespace sluice::dns {
namespace {

constexpr uint32_t kTestListed = 0x7f000002;    // 127.0.0.2
constexpr uint32_t kTestUnlisted = 0x7f000001;  // 127.0.0.1
constexpr size_t kReasonMax = 200;

// 127.255.255.0/24: the list refuses to answer us (RFC 5782 has none; Spamhaus and others do).
bool IsRefusal(const IpAddress& address) {
  return address.is_v4() && (address.v4() >> 8) == 0x7fffff;
}
bool IsListing(const IpAddress& address) {
  return address.is_v4() && (address.v4() >> 16) == 0x7f00;
}

DnsblVerdict CannotTell(std::string what, std::string advice) {
  return {Listing::kCannotTell, std::move(what), {}, std::move(advice)};
}

const char* const kOwnResolver =
    "ask through a resolver of your own on this machine (unbound or knot-resolver, then [dns] "
    "servers = [\"127.0.0.1\"]): lists do not answer public or busy resolvers";

DnsblVerdict Judge(const Fact& fact) {
  if (fact.failed()) return CannotTell(fact.detail, kOwnResolver);
  if (!fact.found()) return {Listing::kClear, "not listed", {}, {}};
  const auto address_of = [](const Record& record) { return record.address; };
  if (std::ranges::any_of(fact.records, IsRefusal, address_of))
    return CannotTell("the list refuses to answer this resolver (" +
                          fact.records.front().address.ToString() + ")",
                      kOwnResolver);
  const auto listing = std::ranges::find_if(fact.records, IsListing, address_of);
  if (listing == fact.records.end())
    return CannotTell(fact.records.front().address.ToString() + " is no answer of a block list",
                      "somebody on the way makes up answers: " + std::string(kOwnResolver));
  return {Listing::kListed, listing->address.ToString(), {}, {}};
}

}  // namespace

std::optional<DnsblVerdict> AskDnsbl(Facts& facts, std::string_view zone,
                                     const IpAddress& address) {
  const auto name_of = [&](const IpAddress& at) {
    return ReversedAddress(at) + "." + std::string(zone);
  };
  const IpAddress listed = IpAddress::V4(kTestListed);
  const IpAddress unlisted = IpAddress::V4(kTestUnlisted);
  const Fact* must_list = facts.Find(name_of(listed), RecordType::kA);
  const Fact* must_not = facts.Find(name_of(unlisted), RecordType::kA);
  if (must_list == nullptr || must_not == nullptr) return std::nullopt;
  const DnsblVerdict positive = Judge(*must_list);
  if (positive.listing == Listing::kCannotTell) return positive;
  if (positive.listing == Listing::kClear)
    return CannotTell("the list does not know its own test point 127.0.0.2",
                      "it is no longer run, or this resolver does not reach it; if it is gone take "
                      "it out of [domains] dnsbl, else " +
                          std::string(kOwnResolver));
  const DnsblVerdict negative = Judge(*must_not);
  if (negative.listing == Listing::kCannotTell) return negative;
  if (negative.listing == Listing::kListed)
    return CannotTell("the list has everybody on it, its test point 127.0.0.1 too",
                      "it is no longer run: take it out of [domains] dnsbl");

  const Fact* fact = facts.Find(name_of(address), RecordType::kA);
  if (fact == nullptr) return std::nullopt;
  DnsblVerdict verdict = Judge(*fact);
  if (verdict.listing != Listing::kListed) return verdict;
  const Fact* text = facts.Find(name_of(address), RecordType::kTxt);
  if (text == nullptr) return std::nullopt;
  if (text->found()) verdict.reason = text->records.front().data.substr(0, kReasonMax);
  return verdict;
}

}  // namespace sluice::dns
