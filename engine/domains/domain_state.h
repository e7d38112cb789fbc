// engine/domains/domain_state.h — whether each sending domain's records were right, and since when.
//
// PURPOSE   The states that the engine keeps (domain_watch.h), shows (`sluice domain list`) and
//           that submission asks by a From domain. Written to one small file as JSON, so that a
//           restart knows them.
// NOT HERE  Looking anything up.
// THREADS   A DomainStates that was published is never changed: shards share it.
// TESTS     tests/engine/domain_state_test.cc

#ifndef SLUICE_ENGINE_DOMAINS_DOMAIN_STATE_H_
#define SLUICE_ENGINE_DOMAINS_DOMAIN_STATE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "config/config.h"
#include "engine/base/error.h"
#include "engine/base/time.h"

namespace sluice::engine {

enum class Standing : uint8_t {
  kUnchecked,   // nothing is known yet
  kUnverified,  // its records were never found right
  kVerified,
  kFailing,  // verified before, not right now
  kRetired,
};
// "unchecked", "unverified", ...
std::string_view StandingText(Standing standing);

struct DomainState {
  std::string tenant;
  Standing standing = Standing::kUnchecked;
  WallTime since{};     // of this standing
  WallTime checked{};   // the last look that told something; zero: none
  std::string problem;  // what is wrong, the first of it

  friend bool operator==(const DomainState&, const DomainState&) = default;
};

using DomainStates = std::map<std::string, DomainState, std::less<>>;  // by domain

// What `old` knows of the domains of `config`, and a fresh state for the others. A domain that was
// given to another tenant begins anew; one that is no longer in the configuration is forgotten.
DomainStates StatesFor(const config::Config& config, const DomainStates& old, WallTime now);

std::string FormatStates(const DomainStates& states);
// Of a file's text; kCorrupt: it is none of ours.
Result<DomainStates> ParseStates(std::string_view text);

// None yet, and what cannot be read, is an empty map; what is damaged too, with a word in the log.
DomainStates ReadStates(const std::string& path);
// In one step: the old file or the new one, never half of it.
Status WriteStates(const std::string& path, const std::string& text);

// ---- at submission ----

// A verified domain that fails is trusted for so long: a DNS provider's bad hour must not stop a
// campaign.
inline constexpr Duration kFailingGrace = std::chrono::hours(24);

struct Ruling {
  enum class Act : uint8_t { kAccept, kWarn, kRefuse } act = Act::kAccept;
  std::string domain;  // the [[domain]] that the ruling is about
  std::string text;    // of the refusal or the warning
};
// What becomes of mail From `from_domain` (lower case); subdomains go by the nearest parent. A From
// domain without a [[domain]] is none of our business here.
Ruling RuleOn(const DomainStates& states, config::DomainRules::Unverified policy,
              std::string_view from_domain, WallTime now);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DOMAINS_DOMAIN_STATE_H_
