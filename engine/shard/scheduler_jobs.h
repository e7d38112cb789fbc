// engine/shard/scheduler_jobs.h — what the scheduler knows of its connections, its jobs and what they wait for.
//
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_SCHEDULER_JOBS_H_
#define SLUICE_ENGINE_SHARD_SCHEDULER_JOBS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/rate.h"
#include "config/shaping.h"
#include "dns/route.h"
#include "engine/delivery/delivery.h"
#include "engine/delivery/shape.h"
#include "engine/shard/lane.h"
#include "engine/shard/path_rates.h"
#include "engine/shard/rates.h"

namespace sluice::engine {

struct Site;

// One outbound connection and what the scheduler knows of it.
struct OpenDelivery {
  Site* site = nullptr;
  std::string path;  // what its permit is for
  std::unique_ptr<Delivery> delivery;
  bool poked = false;
  bool worked = false;                 // a receiver has answered a transaction on it
  std::optional<RateKey> connections;  // what its connections are counted under
  bool connected = false;              // was counted once
  Instant opened = kNever;             // until its first transaction
};

// A job that is prepared or with a delivery: what its recipients belong to.
struct JobState {
  Job job;  // until it is handed out
  Site* site = nullptr;
  queue::MailClass mail_class = queue::MailClass::kBulk;
  std::vector<LaneHandle> lanes;  // by recipient
  std::vector<bool> indexed;
  uint32_t source = 0;    // mark of the one that its recipients wait for; 0: any
  size_t unanswered = 0;  // recipients whose result has not come
  bool reacted = false;   // to a reply that all of them hear
  bool begun = false;     // its recipients are counted
  Instant sent{};         // when it was handed out, then when its transaction began
};

// Why nothing goes to a site now: what the path has learnt, until then.
struct LearntWait {
  std::string source;
  PathRates::Learnt learnt;
  Instant until{};
};

// The same of a configured rate.
struct RateWait {
  std::string source;
  config::ShapingKey key{};
  config::Rate rate;
  Instant until{};
  uint64_t order = 0;  // that has set it; 0: the shaping file has
};

// Where mail to a domain goes.
struct Route {
  dns::RouteFault fault = dns::RouteFault::kNone;
  std::string detail;
  std::string site;
  std::vector<dns::MxHost> hosts;
  bool configured = false;
};

// One connection that is asked for.
struct Opening {
  std::string site;
  std::string domain;
  std::string path;
  config::Source source;
  Route route;
  std::shared_ptr<const Shape> shape;
  uint64_t generation = 0;  // of the shapes
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SCHEDULER_JOBS_H_
