// tests/shard/rate_model.h — a campaign against one receiver whose limits the sender is not told.
//
// PURPOSE   A small world in virtual time: a receiver that has limits, a sender with connections, a
//           gate and a retry schedule. Who governs the sender is exchanged: an AdaptiveRate, or an
//           oracle that knows the limits. What comes out can be compared and drawn.
// NOT HERE  The engine: tests/sim runs that against receivers that speak SMTP.

#ifndef SLUICE_TESTS_SHARD_RATE_MODEL_H_
#define SLUICE_TESTS_SHARD_RATE_MODEL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/shard/adaptive_rate.h"

namespace sluice::engine {

// What a receiver enforces. The default takes everything.
struct ModelReceiver {
  std::string name;
  // Messages a second that it takes, by time; 0: any number. Counted by a bucket of `burst`, or in
  // windows of `window` where that is given.
  std::function<double(Duration since)> rate{};
  double burst = 20;
  Duration window{};
  uint32_t connections = 0;  // at once; 0: any number
  // Who goes over the rate gets nothing for `box`, and each attempt meanwhile adds `push`.
  Duration box{};
  Duration push{};
  double moody = 0;  // chance to be refused, whatever the rate
  Duration greylist{};  // each recipient is told to come back later than this
  Duration reply_min{50'000};
  Duration reply_max{150'000};
  uint64_t messages = 500'000;  // of the comparison
};

struct ModelCampaign {
  uint64_t messages = 500'000;
  uint32_t connections = 20;  // configured
  double rate = AdaptiveRate::kNoRate;
  uint64_t seed = 1;
};

struct ModelSample {
  Duration at{};
  double limit = 0;  // of the receiver, a second
  double rate = 0;   // of the governor
  double taken = 0;  // a second, since the sample before
};

struct ModelOutcome {
  Duration took{};
  uint64_t attempts = 0;
  uint64_t refused = 0;  // for rate or connections
  uint32_t most_connections = 0;
  std::vector<ModelSample> samples;  // every `ModelRun::kSample`

  double refused_share() const { return double(refused) / double(attempts); }
};

// Until all have been taken, by an AdaptiveRate that is told nothing, or by an oracle.
ModelOutcome RunAdaptive(const ModelReceiver& receiver, const ModelCampaign& campaign);
ModelOutcome RunOracle(const ModelReceiver& receiver, const ModelCampaign& campaign);

// The receivers of the comparison.
std::vector<ModelReceiver> ModelReceivers();

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_SHARD_RATE_MODEL_H_
