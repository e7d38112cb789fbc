#include "engine/runtime/control_commands.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/text.h"
#include "engine/runtime/gather.h"
#include "engine/runtime/status_report.h"

namespace sluice::engine {

using Json = nlohmann::json;

ControlCommands::ControlCommands(ControlParts parts)
    : parts_(std::move(parts)),
      started_(parts_.shards.front()->loop().clock().Now()),
      explainer_(parts_.shards) {}

void ControlCommands::Register(ControlServer& server) {
  server.On("status", [this](const ControlRequest&, const ControlDone& done) { ShowStatus(done); });
  server.On("queues", [this](const ControlRequest& r, const ControlDone& d) {
    explainer_.ShowLanes(Lower(RequestText(r, "domain")), d);
  });
  server.On("explain", [this](const ControlRequest& r, const ControlDone& d) {
    explainer_.Explain(RequestText(r, "what"), d);
  });
  server.On("reload", [this](const ControlRequest&, const ControlDone& done) {
    const Result<std::string> reloaded = parts_.reload();
    if (!reloaded) return done(ControlError(reloaded.error().what));
    done(Dump(Json{{"ok", true}, {"needs_restart", *reloaded}}));
  });
}

void ControlCommands::ShowStatus(const ControlDone& done) {
  const auto merge = [this, done](const std::vector<ShardStatus>& shards) {
    const queue::QueueTotals totals = parts_.queue.totals();
    const Status exporter = parts_.exporter_health();
    Json json = MergeStatus(shards);
    // Of the socket of local senders, which is nobody's listener.
    json["message_faults"] =
        json["message_faults"].get<uint64_t>() + parts_.sendmail.message_faults();
    json["sender_refusals"] =
        json["sender_refusals"].get<uint64_t>() + parts_.sendmail.sender_refusals();
    json["uptime_s"] = (parts_.shards.front()->loop().clock().Now() - started_).count() / 1'000'000;
    json["queue"] = {{"messages", totals.messages},
                     {"recipients", totals.recipients},
                     {"body_bytes", totals.body_bytes},
                     {"disk_bytes", totals.disk_bytes},
                     {"outbox_rows", totals.outbox_rows}};
    json["accepting"] = !parts_.writer.broken() && !parts_.writer.full();
    json["events"] = exporter ? "written" : exporter.error().what;
    done(Dump(Json{{"ok", true}, {"status", std::move(json)}}));
  };
  Gather<ShardStatus>(parts_.shards, StatusOf, merge);
}

}  // namespace sluice::engine
