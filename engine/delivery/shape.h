// engine/delivery/shape.h — how hard a receiver is worked, as the engine uses it.
//
// PURPOSE   The values of the shaping file for one (provider, domain, source), in the types of
//           those who keep to them. Made once, shared by all connections and verdicts that they
//           fit.
// NOT HERE  Where the values come from (config/shaping.h), which ones fit whom
//           (engine/shard/shape_table.h).

#ifndef SLUICE_ENGINE_DELIVERY_SHAPE_H_
#define SLUICE_ENGINE_DELIVERY_SHAPE_H_

#include <cstdint>
#include <optional>

#include "config/config.h"
#include "config/shaping.h"

namespace sluice::engine {

// A rate, and what it counts: all mail of the path (of a tenant or campaign: all of theirs), or that
// to a provider or domain whose table has a part in it.
struct RateLimit {
  config::Rate rate;
  bool of_domain = false;
  bool of_provider = false;
};

struct Shape {
  // No limit is the largest number.
  uint32_t connections = 0;
  uint32_t messages_per_connection = 0;
  uint32_t recipients_per_transaction = 0;
  Duration idle{};
  std::optional<RateLimit> message_rate;  // recipients
  std::optional<RateLimit> connection_rate;
  std::optional<RateLimit> tenant_rate;    // recipients
  std::optional<RateLimit> campaign_rate;  // recipients
  bool adaptive = true;
  config::RouteTls tls = config::RouteTls::kOpportunistic;
  config::IpFamily ip_family = config::IpFamily::kAny;
  config::Retry retry;
  config::Timeouts timeouts;
};

Shape ToShape(const config::Effective& values, const config::Config& config);
// Where no shaping file says anything.
Shape PlainShape(const config::Config& config);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_SHAPE_H_
