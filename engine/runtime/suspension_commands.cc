#include "engine/runtime/suspension_commands.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "engine/runtime/gather.h"
#include "engine/runtime/lane_json.h"
#include "engine/runtime/status_report.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

// All kinds that have this name; none given: every kind.
std::vector<queue::SuspensionKind> KindsOf(const std::string& name) {
  std::vector<queue::SuspensionKind> out;
  for (size_t i = 0; i < kSuspensionNames.size(); ++i)
    if (name.empty() || kSuspensionNames[i] == name) out.push_back(queue::SuspensionKind(i + 1));
  if (name.empty() || name == kLearntName) out.push_back(queue::SuspensionKind::kRate);
  return out;
}

// For the record: who has ended what.
void WriteDown(Shard& shard, const std::string& key, const std::optional<uint32_t>& uid) {
  queue::Transaction transaction;
  queue::Event& event = transaction.events.emplace_back();
  event.type = queue::EventType::kOrder;
  event.time = shard.context().clock.Wall();
  event.reason = "lift";
  event.text = "lift: " + key;
  if (uid) event.user = "uid " + std::to_string(*uid);
  event.text.resize(std::min(event.text.size(), queue::kMaxReplyText));
  shard.links().Submit(std::move(transaction), false, {});
}

}  // namespace

void SuspensionCommands::Register(ControlServer& server) {
  server.On("suspensions", [this](const ControlRequest&, const ControlDone& d) { List(d); });
  server.On("lift", [this](const ControlRequest& r, const ControlDone& d) { Lift(r, d); });
}

void SuspensionCommands::List(const ControlDone& done) {
  Gather<std::vector<SuspensionReport>>(
      shards_, [](ShardRuntime& runtime) { return ReportSuspensions(runtime.shard()); },
      [done](const std::vector<std::vector<SuspensionReport>>& reports) {
        const std::vector<SuspensionReport> all = MergeSuspensions(reports);
        Json list = Json::array();
        for (size_t i = 0; i < std::min(all.size(), kShown); ++i) list.push_back(ToJson(all[i]));
        done(Dump(
            Json{{"ok", true}, {"suspensions", std::move(list)}, {"more", all.size() > kShown}}));
      });
}

void SuspensionCommands::Lift(const ControlRequest& request, const ControlDone& done) {
  const std::string key = RequestText(request, "key");
  const std::string name = RequestText(request, "kind");
  const std::vector<queue::SuspensionKind> kinds = KindsOf(name);
  if (key.empty()) return done(ControlError("`key` is missing: what `sluice suspensions` shows"));
  if (kinds.empty())
    return done(ControlError("\"" + name + "\" is no kind that `sluice suspensions` shows"));
  Gather<int>(
      shards_,
      [key, kinds](ShardRuntime& runtime) {
        return int(std::ranges::count_if(kinds, [&](queue::SuspensionKind kind) {
          return runtime.shard().scheduler().CancelSuspension({kind, key});
        }));
      },
      [this, key, uid = request.uid, done](const std::vector<int>& lifted) {
        if (std::ranges::max(lifted) == 0)
          return done(
              ControlError("nothing of this name is suspended or slowed down: "
                           "`sluice suspensions` lists what is"));
        WriteDown(shards_.front()->shard(), key, uid);
        done(Dump(Json{{"ok", true}, {"lifted", key}}));
      });
}

}  // namespace sluice::engine
