// engine/shard/path_rates.h — what has been learnt of paths: the rate and connections they take.
//
// PURPOSE   Each path's AdaptiveRate lives on the shard that owns the path, the same that counts its
//           connections (limits.h). All shards tell it what receivers answer; what follows it tells
//           all shards, which keep to it: a rate through Rates, connections when they ask for one.
// NOT HERE  What an answer means (feedback.cc), how the limits are felt (adaptive_rate.h).
// LIMITS    kPathsMax paths; a further one is worked by the configured limits alone.
// THREADS   Confined to its shard; they talk through their switchboards.
// TESTS     tests/shard/path_rates_test.cc

#ifndef SLUICE_ENGINE_SHARD_PATH_RATES_H_
#define SLUICE_ENGINE_SHARD_PATH_RATES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/shard/adaptive_rate.h"
#include "engine/shard/rates.h"
#include "engine/shard/switchboard.h"

namespace sluice::engine {

// Something that happened on a path.
struct PathFact {
  enum class Kind : uint8_t {
    kAnswered,
    kRateRefused,
    kConnectionRefused,
    kConnected,
    kSlow,            // by a reply rule: to `part`, not below `rate`
    kCap,             // to `rate` for `length`
    kReset,           // by command
  };
  Kind kind{};
  Instant began{};  // when the attempt did
  double part = 0;
  double rate = 0;
  Duration length{};
};

class PathRates {
 public:
  static constexpr size_t kPathsMax = 100'000;
  // A path that is held back by nothing is forgotten after this.
  static constexpr Duration kIdle{3'600'000'000};

  // What holds on a path besides the configured limits.
  struct Learnt {
    double rate = AdaptiveRate::kNoRate;
    uint32_t connections = UINT32_MAX;
    uint64_t version = 0;
    std::string why;  // the last refusal

    bool operator==(const Learnt&) const = default;
  };

  // All outlive this. `open`: how many connections of a path that this shard owns are open or being
  // opened (Limits::permits_out).
  PathRates(uint32_t shard, const Clock& clock, Switchboard& out, Rates& rates,
            std::function<uint32_t(const std::string& path)> open);
  // Those of all shards, by number; once, before the loops run.
  void Join(std::span<PathRates* const> peers) { peers_.assign(peers.begin(), peers.end()); }

  // `limits` are those that are configured for the path; `why` is what the receiver said.
  void Note(const std::string& path, const AdaptiveRate::Limits& limits, const PathFact& fact,
            const std::string& why = {});

  // None: no rate but the configured ones.
  std::optional<RateKey> KeyOf(const std::string& path) const;
  uint32_t ConnectionsOf(const std::string& path) const;
  const std::unordered_map<std::string, Learnt>& learnt() const { return learnt_; }
  size_t owned() const { return owned_.size(); }

 private:
  struct Owned {
    AdaptiveRate rate;
    AdaptiveRate::Limits limits;
    Learnt told;
    Instant used{};
  };

  void NoteHere(const std::string& path, const AdaptiveRate::Limits& limits, const PathFact& fact,
                const std::string& why);
  void Apply(const std::string& path, AdaptiveRate& rate, const PathFact& fact);
  void Tell(const std::string& path, Owned& owned, const std::string& why);
  void Hear(const std::string& path, const Learnt& learnt);
  void Sweep();

  const uint32_t shard_;
  const Clock& clock_;
  Switchboard& out_;
  Rates& rates_;
  const std::function<uint32_t(const std::string&)> open_;
  std::vector<PathRates*> peers_;
  std::unordered_map<std::string, Owned> owned_;
  std::unordered_map<std::string, Learnt> learnt_;  // where anything is
  size_t sweep_at_ = 1'024;
};

// As operators see a path, "mailing-1 > @google", and back.
std::string NameOfPath(const std::string& path);
std::string PathNamed(const std::string& name);
// "12.5/s", "40.0/h".
std::string RateText(double per_second);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_PATH_RATES_H_
