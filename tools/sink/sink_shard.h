// tools/sink/sink_shard.h — one loop of the sink: its listeners and connections.
//
// PURPOSE   Feeds sessions with octets and time and sends what they say, late when --latency asks.
// FLOW      RunSink makes N shards; the first runs on the main thread and hears the signals.
// THREADS   Each on its own; SinkShared is what they share.

#ifndef SLUICE_TOOLS_SINK_SINK_SHARD_H_
#define SLUICE_TOOLS_SINK_SINK_SHARD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/ip_address.h"
#include "engine/base/slab.h"
#include "engine/io/uv_loop.h"
#include "tools/sink/sink_rules.h"
#include "tools/sink/sink_session.h"

namespace sluice::tools {

// Counts that hold for all threads together.
class SinkShared {
 public:
  explicit SinkShared(const SinkPolicy& policy) : policy_(policy) {}

  const SinkPolicy& policy() const { return policy_; }
  SinkMemory& memory() { return memory_; }
  uint64_t NextConnection() { return ++last_connection_; }
  // The reply that refuses a connection from there, or empty: then it counts until Leave.
  std::string_view Enter(const IpAddress& peer);
  void Leave(const IpAddress& peer);
  // Counts messages against --stop-after. True once it is reached.
  bool Count(int64_t messages);

 private:
  const SinkPolicy& policy_;
  SinkMemory memory_;
  std::atomic<uint64_t> last_connection_{0};
  std::atomic<int64_t> messages_{0};
  std::mutex mutex_;
  int64_t connections_ = 0;
  std::unordered_map<std::string, int64_t> of_source_;
};

class SinkConnection;

class SinkShard {
 public:
  // `recorder` may be null. `on_enough` is called on the shard's thread when --stop-after is
  // reached.
  SinkShard(SinkShared& shared, std::unique_ptr<MessageRecorder> recorder,
            std::function<void()> on_enough);
  ~SinkShard();
  SinkShard(const SinkShard&) = delete;
  SinkShard& operator=(const SinkShard&) = delete;

  // Where it came to listen (port 0 becomes a number).
  Result<Endpoint> Listen(const Endpoint& at);
  Status LoadTls(const std::string& cert, const std::string& key);

  io::UvLoop& loop() { return loop_; }
  const SinkStats& stats() const { return stats_; }

 private:
  friend class SinkConnection;

  io::StreamEvents* Accept(io::Stream* stream);

  SinkShared& shared_;
  const std::unique_ptr<MessageRecorder> recorder_;
  const std::function<void()> on_enough_;
  SinkStats stats_;
  io::UvLoop loop_;
  std::shared_ptr<io::TlsServerContext> tls_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  Slab<SinkConnection> connections_;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SINK_SINK_SHARD_H_
