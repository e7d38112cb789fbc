// tools/sink/sink_shard.cc — see sink_shard.h.

#include "tools/sink/sink_shard.h"

#include <utility>

#include "tools/sink/sink_connection.h"

namespace sluice::tools {
namespace {

constexpr std::string_view kTooMany = "421 4.7.0 Too many connections\r\n";
constexpr std::string_view kTooManyOfYou = "421 4.7.0 Too many connections from your address\r\n";

}  // namespace

std::string_view SinkShared::Enter(const IpAddress& peer) {
  const SinkOptions& options = policy_.options();
  if (options.max_connections <= 0 && options.max_per_source <= 0) return {};
  const std::lock_guard lock(mutex_);
  if (options.max_connections > 0 && connections_ >= options.max_connections) return kTooMany;
  if (options.max_per_source > 0) {
    int64_t& of_source = of_source_[peer.ToString()];
    if (of_source >= options.max_per_source) return kTooManyOfYou;
    ++of_source;
  }
  ++connections_;
  return {};
}

void SinkShared::Leave(const IpAddress& peer) {
  const SinkOptions& options = policy_.options();
  if (options.max_connections <= 0 && options.max_per_source <= 0) return;
  const std::lock_guard lock(mutex_);
  --connections_;
  if (options.max_per_source <= 0) return;
  const auto found = of_source_.find(peer.ToString());
  if (found != of_source_.end() && --found->second == 0) of_source_.erase(found);
}

bool SinkShared::Count(int64_t messages) {
  const int64_t enough = policy_.options().stop_after;
  if (enough <= 0) return false;
  return messages_.fetch_add(messages) + messages >= enough;
}

SinkShard::SinkShard(SinkShared& shared, std::unique_ptr<MessageRecorder> recorder,
                     std::function<void()> on_enough)
    : shared_(shared), recorder_(std::move(recorder)), on_enough_(std::move(on_enough)) {}

SinkShard::~SinkShard() = default;

Result<Endpoint> SinkShard::Listen(const Endpoint& at) {
  auto listener = loop_.net().Listen(at, [this](io::Stream* stream) { return Accept(stream); });
  if (!listener) return std::unexpected(listener.error());
  listeners_.push_back(*std::move(listener));
  return listeners_.back()->bound();
}

Status SinkShard::LoadTls(const std::string& cert, const std::string& key) {
  auto context = loop_.net().MakeTlsServer(cert, key);
  if (!context) return std::unexpected(context.error());
  tls_ = *std::move(context);
  return {};
}

io::StreamEvents* SinkShard::Accept(io::Stream* stream) {
  const std::string_view refusal = shared_.Enter(stream->peer().address);
  const auto handle = connections_.Emplace(*this, stream);
  SinkConnection* connection = connections_.Get(handle);
  connection->Start(handle, refusal);
  return connection;
}

}  // namespace sluice::tools
