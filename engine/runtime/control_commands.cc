#include "engine/runtime/control_commands.h"

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/message_id.h"
#include "engine/base/text.h"
#include "engine/shard/lane_report.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

constexpr size_t kLanesShown = 1'000;
constexpr size_t kRecipientsShown = 1'000;
constexpr size_t kSuspensionsShown = 100;

Json TimeOrNull(WallTime t) {
  if (t == WallTime::max() || t == WallTime{}) return nullptr;
  return FormatRfc3339(t);
}

// Captured mail has no next try.
WallTime ShownDue(const queue::Recipient& recipient) {
  return recipient.due == queue::kCapturedDue ? WallTime::max() : recipient.due;
}

Json ToJson(const SuspensionReport& suspension) {
  return {{"kind", "site"},  // the only one there is
          {"key", suspension.id.key},
          {"until", TimeOrNull(suspension.entry.until)},
          {"failures", suspension.entry.failures},
          {"reason", suspension.entry.reason}};
}

Json ToJson(const LaneReport& lane) {
  return {{"domain", lane.domain},
          {"tenant", lane.tenant},
          {"campaign", lane.campaign},
          {"site", lane.site},
          {"waiting", lane.waiting},
          {"in_flight", lane.in_flight},
          {"connections", lane.connections},
          {"next_due", TimeOrNull(lane.next_due)},
          {"reason", lane.reason},
          {"until", TimeOrNull(lane.until)},
          {"suspension", lane.suspension ? ToJson(*lane.suspension) : Json()}};
}

// What receivers of bulk mail missed, by tenant.
Json ToJson(const BulkTally::Rows& rows) {
  Json out = Json::array();
  for (const auto& [tenant, row] : rows) {
    Json faults = Json::object();
    for (size_t i = 0; i < kBulkFaults; ++i)
      faults[std::string(BulkFaultId(BulkFault(i)))] = row.faults[i];
    out.push_back({{"tenant", tenant},
                   {"messages", row.messages},
                   {"faulty", row.faulty},
                   {"faults", std::move(faults)}});
  }
  return out;
}

// What one shard adds to the status.
struct ShardStatus {
  uint64_t accepted = 0;
  OutcomeCounts outcomes;
  uint64_t sessions = 0;
  uint64_t deliveries = 0;
  uint64_t lanes = 0;
  uint64_t in_memory = 0;
  uint64_t sites = 0;
  uint64_t sites_suspended = 0;
  uint64_t damaged = 0;
  uint64_t message_faults = 0;
  uint64_t sender_refusals = 0;
  BulkTally::Rows bulk;
  std::vector<SuspensionReport> suspensions;
};

ShardStatus StatusOf(ShardRuntime& runtime) {
  Shard& shard = runtime.shard();
  Scheduler& scheduler = shard.scheduler();
  ShardStatus out;
  out.accepted = shard.accepted();
  out.outcomes = scheduler.counts();
  for (const auto& listener : runtime.listeners()) {
    out.sessions += listener->sessions();
    out.message_faults += listener->counters().message_faults;
    out.sender_refusals += listener->counters().sender_refusals;
  }
  out.bulk = shard.bulk_tally().rows();
  out.deliveries = scheduler.open_deliveries();
  out.lanes = scheduler.lanes().size();
  out.in_memory = scheduler.lanes().in_memory();
  out.sites = scheduler.sites().size();
  const Instant now = shard.context().clock.Now();
  for (const auto& [name, site] : scheduler.sites())
    out.sites_suspended += now < site->suspended_until ? 1 : 0;
  out.damaged = scheduler.damaged();
  out.suspensions = ReportSuspensions(runtime.shard());
  return out;
}

// Those that end soonest first. Several shards may know the same one: a shard that lives with it
// knows better than one that remembers it.
void AddSuspensions(const std::vector<ShardStatus>& shards, Json& status) {
  std::map<queue::SuspensionId, SuspensionReport> by_id;
  for (const ShardStatus& shard : shards) {
    for (const SuspensionReport& one : shard.suspensions) {
      const auto [it, fresh] = by_id.emplace(one.id, one);
      if (!fresh && it->second.entry.remembered) it->second = one;
    }
  }
  std::vector<SuspensionReport> all;
  for (auto& [id, one] : by_id) all.push_back(std::move(one));
  std::ranges::sort(all, {}, [](const auto& one) { return one.entry.until; });
  Json list = Json::array();
  for (size_t i = 0; i < std::min(all.size(), kSuspensionsShown); ++i)
    list.push_back(ToJson(all[i]));
  status["suspensions"] = std::move(list);
  status["suspensions_more"] = all.size() > kSuspensionsShown;
}

Json Merge(const std::vector<ShardStatus>& shards, const SendmailCommand& local) {
  ShardStatus sum;
  sum.message_faults = local.message_faults();
  sum.sender_refusals = local.sender_refusals();
  for (const ShardStatus& s : shards) {
    sum.accepted += s.accepted;
    sum.outcomes.delivered += s.outcomes.delivered;
    sum.outcomes.deferred += s.outcomes.deferred;
    sum.outcomes.bounced += s.outcomes.bounced;
    sum.outcomes.expired += s.outcomes.expired;
    sum.outcomes.commit_failures += s.outcomes.commit_failures;
    sum.sessions += s.sessions;
    sum.deliveries += s.deliveries;
    sum.lanes += s.lanes;
    sum.in_memory += s.in_memory;
    sum.sites += s.sites;
    sum.sites_suspended += s.sites_suspended;
    sum.damaged += s.damaged;
    sum.message_faults += s.message_faults;
    sum.sender_refusals += s.sender_refusals;
    BulkTally::Merge(s.bulk, sum.bulk);
  }
  return {{"shards", shards.size()},
          {"accepted", sum.accepted},
          {"delivered", sum.outcomes.delivered},
          {"deferred", sum.outcomes.deferred},
          {"bounced", sum.outcomes.bounced},
          {"expired", sum.outcomes.expired},
          {"commit_failures", sum.outcomes.commit_failures},
          {"connections_in", sum.sessions},
          {"connections_out", sum.deliveries},
          {"lanes", sum.lanes},
          {"recipients_in_memory", sum.in_memory},
          {"sites", sum.sites},
          {"sites_suspended", sum.sites_suspended},
          {"damaged_records", sum.damaged},
          {"message_faults", sum.message_faults},
          {"sender_refusals", sum.sender_refusals},
          {"bulk_rules", ToJson(sum.bulk)}};
}

}  // namespace

ControlCommands::ControlCommands(ControlParts parts)
    : parts_(std::move(parts)), started_(parts_.shards.front()->loop().clock().Now()) {}

void ControlCommands::Register(ControlServer& server) {
  server.On("status", [this](const ControlRequest& r, const ControlDone& d) { ShowStatus(r, d); });
  server.On("queues", [this](const ControlRequest& r, const ControlDone& d) {
    Queues(Lower(RequestText(r, "domain")), d);
  });
  server.On("explain", [this](const ControlRequest& r, const ControlDone& d) { Explain(r, d); });
  server.On("reload", [this](const ControlRequest&, const ControlDone& done) {
    const Result<std::string> reloaded = parts_.reload();
    if (!reloaded) return done(ControlError(reloaded.error().what));
    done(Dump(Json{{"ok", true}, {"needs_restart", *reloaded}}));
  });
}

template <typename T>
void ControlCommands::Gather(const std::function<T(ShardRuntime&)>& ask,
                             std::function<void(std::vector<T>)> done) {
  struct Pending {
    std::vector<T> answers;
    size_t missing;
    std::function<void(std::vector<T>)> done;
  };
  const size_t n = parts_.shards.size();
  auto pending = std::make_shared<Pending>(Pending{std::vector<T>(n), n, std::move(done)});
  Switchboard& home = parts_.shards.front()->shard().out();
  for (uint32_t i = 0; i < n; ++i) {
    home.Send(i, [runtime = parts_.shards[i], i, ask, pending] {
      runtime->shard().out().Send(0, [i, pending, answer = ask(*runtime)]() mutable {
        pending->answers[i] = std::move(answer);
        if (--pending->missing == 0) pending->done(std::move(pending->answers));
      });
    });
  }
}

void ControlCommands::ShowStatus(const ControlRequest&, const ControlDone& done) {
  Gather<ShardStatus>(StatusOf, [this, done](const std::vector<ShardStatus>& shards) {
    const queue::QueueTotals totals = parts_.queue.totals();
    const Status exporter = parts_.exporter_health();
    Json json = Merge(shards, parts_.sendmail);
    AddSuspensions(shards, json);
    json["uptime_s"] = (parts_.shards.front()->loop().clock().Now() - started_).count() / 1'000'000;
    json["queue"] = {{"messages", totals.messages},
                     {"recipients", totals.recipients},
                     {"body_bytes", totals.body_bytes},
                     {"disk_bytes", totals.disk_bytes},
                     {"outbox_rows", totals.outbox_rows}};
    json["accepting"] = !parts_.writer.broken() && !parts_.writer.full();
    json["events"] = exporter ? "written" : exporter.error().what;
    done(Dump(Json{{"ok", true}, {"status", std::move(json)}}));
  });
}

void ControlCommands::Queues(const std::string& domain, const ControlDone& done) {
  Gather<std::vector<LaneReport>>(
      [domain](ShardRuntime& runtime) { return ReportLanes(runtime.shard(), domain, kLanesShown); },
      [done](std::vector<std::vector<LaneReport>> shards) {
        std::vector<LaneReport> all;
        for (auto& shard : shards) std::ranges::move(shard, std::back_inserter(all));
        std::ranges::sort(all, [](const auto& a, const auto& b) { return a.waiting > b.waiting; });
        Json lanes = Json::array();
        for (size_t i = 0; i < std::min(all.size(), kLanesShown); ++i)
          lanes.push_back(ToJson(all[i]));
        done(Dump(Json{{"ok", true}, {"lanes", lanes}, {"more", all.size() > kLanesShown}}));
      });
}

void ControlCommands::Explain(const ControlRequest& request, const ControlDone& done) {
  const std::string what = RequestText(request, "what");
  if (const auto id = ParseMessageId(what)) return ExplainMessage(*id, done);
  Queues(Lower(what), done);
}

// The recipients of a message that are still open, each with its last reply, and their lanes.
void ControlCommands::ExplainMessage(MessageId id, const ControlDone& done) {
  Links& links = parts_.shards.front()->shard().links();
  links.Ask([this, id, done](queue::Queue& queue) -> Task {
    const auto found = queue.Recipients(id, 0, kRecipientsShown);
    return [this, done, open = found.value_or(std::vector<queue::LoadedRecipient>())] {
      if (open.empty())
        return done(ControlError(
            "no recipient of this message is open: look for its final events in the event log"));
      Json recipients = Json::array();
      for (const queue::LoadedRecipient& loaded : open)
        recipients.push_back({{"recipient", loaded.recipient.address},
                              {"attempts", loaded.recipient.attempts},
                              {"due", TimeOrNull(ShownDue(loaded.recipient))},
                              {"last_reply", loaded.recipient.last_reply}});
      const std::string domain(DomainOf(open.front().recipient.address));
      Gather<std::vector<LaneReport>>(
          [domain](ShardRuntime& runtime) {
            return ReportLanes(runtime.shard(), domain, kLanesShown);
          },
          [done, recipients](const std::vector<std::vector<LaneReport>>& shards) {
            Json lanes = Json::array();
            for (const auto& shard : shards)
              for (const LaneReport& lane : shard) lanes.push_back(ToJson(lane));
            done(Dump(Json{{"ok", true}, {"recipients", recipients}, {"lanes", lanes}}));
          });
    };
  });
}

}  // namespace sluice::engine
