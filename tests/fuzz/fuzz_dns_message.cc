// Whatever a server sends: parsed without harm, within the bounds that message.h promises, and good
// for an MX set and a site name.

#include <string>
#include <string_view>
#include <vector>

#include "dns/domain.h"
#include "dns/message.h"
#include "dns/mx_set.h"
#include "dns/route.h"
#include "engine/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace sluice::dns {
namespace {

// An octet may take four characters (\DDD).
constexpr size_t kTextMax = 4 * kNameCharsMax + 128;

void Use(std::string_view input) {
  // A copy of its own size, so that a read past the end is seen.
  const std::string wire(input);
  const auto message = ParseMessage(wire);
  if (!message) {
    CHECK(!message.error().what.empty());
    return;
  }
  CHECK(message->answers.size() <= kRecordsMax);
  std::vector<Record> mx;
  for (const Record& record : message->answers) {
    CHECK(record.name.size() <= kTextMax);
    CHECK(record.ttl <= 0x7fffffff);
    if (record.type == RecordType::kMx) mx.push_back(record);
    if (record.type == RecordType::kCname) CHECK(record.data.size() <= kTextMax);
  }
  const Chain chain = FollowChain(*message, message->question);
  CHECK(chain.cnames <= kChainMax + 1);
  const MxSet set = MakeMxSet(mx, kSmtpPort);
  CHECK(set.hosts.size() <= kMxHostsMax);
  for (const MxHost& host : set.hosts) CHECK(IsHostName(host.name));
  CHECK(SiteName(set.hosts).size() <= kSiteNameMax);
  // What we read as a host name can be asked for.
  if (IsHostName(message->question.name)) CHECK(BuildQuery(message->question, 0).has_value());
}

}  // namespace
}  // namespace sluice::dns

FUZZ_TARGET(dns_message) { sluice::dns::Use(input); }
