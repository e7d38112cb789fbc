// engine/shard/scheduler_jobs.h — what the scheduler knows of its connections and of its jobs.
//
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_SCHEDULER_JOBS_H_
#define SLUICE_ENGINE_SHARD_SCHEDULER_JOBS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/delivery/delivery.h"
#include "engine/shard/lane.h"
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

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SCHEDULER_JOBS_H_
