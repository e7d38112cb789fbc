// engine/runtime/explainer.h — `sluice explain`: why a message, an address, or what goes to a domain
// or site has not left yet.
//
// PURPOSE   Finds out what was meant, asks the queue and every shard, and puts to each recipient
//           what keeps it and when it is tried next: never a time in the past (promise 4).
// LIMITS    kRecipientsShown recipients, kLanesShown lanes. For an address at most kRowsLooked rows
//           of the due index are read, kRowsAtOnce at a time, so that nobody else waits long for
//           the reader.
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_EXPLAINER_H_
#define SLUICE_ENGINE_RUNTIME_EXPLAINER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/control/control_server.h"
#include "engine/runtime/shard_runtime.h"
#include "engine/shard/lane_report.h"

namespace sluice::engine {

class Explainer {
 public:
  static constexpr size_t kLanesShown = 1'000;
  static constexpr size_t kRecipientsShown = 1'000;
  static constexpr size_t kRowsLooked = 500'000;
  static constexpr size_t kRowsAtOnce = 2'000;

  // All shards, by number; they outlive this.
  explicit Explainer(std::vector<ShardRuntime*> shards) : shards_(std::move(shards)) {}

  // `what`: the id of a message, an address, a domain or a site.
  void Explain(const std::string& what, const ControlDone& done);
  // The lanes of a domain or site, lower case; empty: all.
  void ShowLanes(const std::string& of, const ControlDone& done);

 private:
  struct Search;

  // Of all shards, the fullest first.
  void FindLanes(const std::string& of, std::function<void(std::vector<LaneReport>)> done);
  std::string ListOf(const std::vector<LaneReport>& lanes) const;
  void ExplainMessage(MessageId id, const ControlDone& done);
  void ExplainAddress(const std::string& address, const ControlDone& done);
  void ExplainPlace(const std::string& place, const ControlDone& done);
  void SearchOn(const std::shared_ptr<Search>& search);
  // Puts the recipients together with the lanes that they wait in.
  void Answer(std::vector<queue::LoadedRecipient> recipients, bool more, const ControlDone& done);
  WallTime Wall() const { return shards_.front()->loop().clock().Wall(); }

  const std::vector<ShardRuntime*> shards_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_EXPLAINER_H_
