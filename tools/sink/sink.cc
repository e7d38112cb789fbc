// tools/sink/sink.cc — see sink.h.

#include "tools/sink/sink.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/self_signed.h"
#include "engine/io/uv_net.h"
#include "tools/base/json_text.h"
#include "tools/sink/sink_recorder.h"
#include "tools/sink/sink_shard.h"

namespace sluice::tools {
namespace {

constexpr int kThreadsMax = 64;
// After --stop-after is reached, so that the last 250 reaches its client.
constexpr Duration kLastWords = std::chrono::milliseconds(300);

// A certificate made for this run, in a folder that goes with it.
class ThrowAwayCertificate {
 public:
  ThrowAwayCertificate() = default;
  ~ThrowAwayCertificate() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  ThrowAwayCertificate(const ThrowAwayCertificate&) = delete;
  ThrowAwayCertificate& operator=(const ThrowAwayCertificate&) = delete;

  Status Make(const std::string& hostname) {
    std::error_code error;
    std::string name = std::filesystem::temp_directory_path(error).string() + "/sluice-sink-XXXXXX";
    if (error || mkdtemp(name.data()) == nullptr)
      return Fail(ErrorCode::kIo, "cannot make a temporary folder for the certificate");
    folder_ = name;
    return io::WriteSelfSigned(cert(), key(), hostname);
  }
  std::string cert() const { return folder_ + "/cert.pem"; }
  std::string key() const { return folder_ + "/key.pem"; }

 private:
  std::string folder_;
};

struct Totals {
  int64_t connections = 0, refused_connections = 0, tls = 0, messages = 0, recipients = 0;
  int64_t octets = 0, refused = 0, greylisted = 0, dropped = 0, bare_lf = 0, early_talk = 0;
};

class Sink {
 public:
  explicit Sink(SinkOptions options) : options_(std::move(options)) {}

  Status Prepare();
  void Run();
  void PrintSummary() const;

 private:
  using Shards = std::vector<std::unique_ptr<SinkShard>>;

  Status AddShard(const std::string& cert, const std::string& key, std::vector<Endpoint>& at);
  Totals Sum() const;
  void PrintCounts(double seconds);
  void StopAll() {
    for (const auto& shard : shards_) shard->loop().Stop();
  }

  const SinkOptions options_;
  ThrowAwayCertificate certificate_;
  std::unique_ptr<SinkPolicy> policy_;
  std::unique_ptr<SinkShared> shared_;
  Shards shards_;
  std::atomic<bool> enough_{false};
  int64_t messages_before_ = 0;
};

void AddTo(Totals& sum, const SinkStats& stats) {
  const auto add = [](int64_t& to, const std::atomic<int64_t>& counter) {
    to += counter.load(std::memory_order_relaxed);
  };
  add(sum.connections, stats.connections);
  add(sum.refused_connections, stats.refused_connections);
  add(sum.tls, stats.tls);
  add(sum.messages, stats.messages);
  add(sum.recipients, stats.recipients);
  add(sum.octets, stats.octets);
  add(sum.refused, stats.refused);
  add(sum.greylisted, stats.greylisted);
  add(sum.dropped, stats.dropped);
  add(sum.bare_lf, stats.bare_lf);
  add(sum.early_talk, stats.early_talk);
}

Status Sink::Prepare() {
  std::string cert = options_.tls_cert;
  std::string key = options_.tls_key;
  if (options_.tls_self_signed && cert.empty()) {
    if (auto made = certificate_.Make(options_.hostname); !made) return made;
    cert = certificate_.cert();
    key = certificate_.key();
  }
  auto policy = SinkPolicy::Make(options_, !cert.empty());
  if (!policy) return std::unexpected(policy.error());
  policy_ = std::make_unique<SinkPolicy>(*std::move(policy));
  shared_ = std::make_unique<SinkShared>(*policy_);

  std::vector<Endpoint> at;
  for (const std::string& text : options_.listen) {
    const auto endpoint = Endpoint::Parse(text);
    if (!endpoint) return Fail(ErrorCode::kInvalid, "'" + text + "' is no ADDR:PORT");
    at.push_back(*endpoint);
  }
  if (at.empty()) at.push_back(*Endpoint::Parse("127.0.0.1:0"));
  for (const Endpoint& endpoint : at)
    if (auto free = io::CheckPortFree(endpoint); !free) return free;
  for (int i = 0; i < std::clamp(options_.threads, 1, kThreadsMax); ++i)
    if (auto added = AddShard(cert, key, at); !added) return added;

  // Before the line that tells others that they may end us.
  io::UvLoop& loop = shards_[0]->loop();
  loop.OnSignal(SIGTERM, [&loop] { loop.Stop(); });
  loop.OnSignal(SIGINT, [&loop] { loop.Stop(); });
  std::string ready = "{\"listening\":[";
  for (size_t i = 0; i < at.size(); ++i) {
    if (i > 0) ready += ',';
    AppendJsonString(ready, at[i].ToString());
  }
  std::printf("%s]}\n", ready.c_str());
  std::fflush(stdout);
  return {};
}

// The first shard finds the free ports, the others join it there.
Status Sink::AddShard(const std::string& cert, const std::string& key, std::vector<Endpoint>& at) {
  auto recorder = MakeRecorder(options_.capture, options_.maildir);
  if (!recorder) return std::unexpected(recorder.error());
  auto shard = std::make_unique<SinkShard>(*shared_, *std::move(recorder), [this] {
    enough_.store(true);
    shards_[0]->loop().Wake();
  });
  if (!cert.empty())
    if (auto loaded = shard->LoadTls(cert, key); !loaded) return loaded;
  for (Endpoint& endpoint : at) {
    auto bound = shard->Listen(endpoint);
    if (!bound) return std::unexpected(bound.error());
    endpoint = *bound;
  }
  shards_.push_back(std::move(shard));
  return {};
}

void Sink::Run() {
  io::UvLoop& loop = shards_[0]->loop();
  Timer end(loop.timers(), [&loop] { loop.Stop(); });
  if (options_.duration_s > 0)
    end.Set(loop.clock().Now() + Duration(std::llround(options_.duration_s * 1e6)));
  loop.SetOnWake([&] {
    if (enough_.load()) end.Set(std::min(end.when(), loop.clock().Now() + kLastWords));
  });
  const Duration period(std::llround(options_.count_s * 1e6));
  Timer count(loop.timers(), [&] {
    PrintCounts(options_.count_s);
    count.Set(loop.clock().Now() + period);
  });
  if (options_.count_s > 0) count.Set(loop.clock().Now() + period);

  std::vector<std::thread> threads;
  for (size_t i = 1; i < shards_.size(); ++i)
    threads.emplace_back([shard = shards_[i].get()] { shard->loop().Run(); });
  loop.Run();
  StopAll();
  for (std::thread& thread : threads) thread.join();
}

Totals Sink::Sum() const {
  Totals sum;
  for (const auto& shard : shards_) AddTo(sum, shard->stats());
  return sum;
}

void Sink::PrintCounts(double seconds) {
  const Totals sum = Sum();
  const double rate = double(sum.messages - messages_before_) / seconds;
  messages_before_ = sum.messages;
  std::fprintf(stderr, "sink: %.0f messages/s; %lld messages, %lld refused, %lld connections\n",
               rate, static_cast<long long>(sum.messages), static_cast<long long>(sum.refused),
               static_cast<long long>(sum.connections));
}

void Sink::PrintSummary() const {
  const Totals sum = Sum();
  std::map<std::string, SinkStats::Domain> domains;
  for (const auto& shard : shards_) {
    for (const auto& [name, counts] : shard->stats().domains) {
      domains[name].recipients += counts.recipients;
      domains[name].refused += counts.refused;
    }
  }
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const int64_t cpu_us = int64_t(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 +
                         used.ru_utime.tv_usec + used.ru_stime.tv_usec;

  std::string out = "{";
  AppendJsonField(out, "connections", sum.connections);
  AppendJsonField(out, "refused_connections", sum.refused_connections);
  AppendJsonField(out, "tls", sum.tls);
  AppendJsonField(out, "messages", sum.messages);
  AppendJsonField(out, "recipients", sum.recipients);
  AppendJsonField(out, "octets", sum.octets);
  AppendJsonField(out, "refused", sum.refused);
  AppendJsonField(out, "greylisted", sum.greylisted);
  AppendJsonField(out, "dropped", sum.dropped);
  AppendJsonField(out, "bare_lf", sum.bare_lf);
  AppendJsonField(out, "early_talk", sum.early_talk);
  AppendJsonField(out, "cpu_us", cpu_us);
  AppendJsonKey(out, "domains");
  out += '{';
  for (const auto& [name, counts] : domains) {
    AppendJsonKey(out, name);
    out += '{';
    AppendJsonField(out, "recipients", counts.recipients);
    AppendJsonField(out, "refused", counts.refused);
    out += '}';
  }
  out += "}}\n";
  std::fputs(out.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

int RunSink(const SinkOptions& options) {
  Sink sink(options);
  if (auto ready = sink.Prepare(); !ready) {
    std::fprintf(stderr, "sluice sink: %s\n", ready.error().what.c_str());
    return ready.error().code == ErrorCode::kInvalid ? 2 : 1;
  }
  sink.Run();
  sink.PrintSummary();
  return 0;
}

}  // namespace sluice::tools
