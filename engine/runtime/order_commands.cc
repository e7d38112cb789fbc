#include "engine/runtime/order_commands.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "config/shaping.h"
#include "config/units.h"
#include "engine/base/message_id.h"
#include "engine/runtime/gather.h"
#include "engine/runtime/order_request.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;
using queue::OrderKind;
using queue::OrderScope;

Json TimeJson(WallTime t) {
  if (t == WallTime::max() || t == WallTime{}) return nullptr;
  return FormatRfc3339(t);
}

const char* StateOf(const OrderBook::Row& row) {
  if (row.waiting) return "waiting";
  if (row.order.ended != WallTime{}) return row.order.kind == OrderKind::kPause ? "over" : "done";
  return row.sweeping > 0 ? "running" : "in force";
}

Json ToJson(const queue::Order& order) {
  return {{"id", order.id},
          {"order", NameOf(order.kind)},
          {"scope", NameOf(order.scope)},
          {"name", order.name},
          {"tenant", order.tenant},
          {"source", order.source},
          {"value", order.value},
          {"why", order.why},
          {"by", order.by},
          {"given", TimeJson(order.given)},
          {"until", TimeJson(order.until)}};
}

// What waits of an order's target at one shard, and names like that of the target.
struct Survey {
  bool found = false;
  std::set<std::string> tenants;  // of the target
  std::set<std::string> names;    // of others of its kind
};

std::string NameLike(const queue::Order& order, const LaneName& lane) {
  switch (order.scope) {
    case OrderScope::kTenant:
      return lane.tenant;
    case OrderScope::kCampaign:
      return queue::IsReportLane(lane.campaign) ? std::string()
                                                : std::string(queue::CampaignOf(lane.campaign));
    default:
      return lane.domain;
  }
}

Survey SurveyOf(Shard& shard, queue::Order order) {
  Survey out;
  const bool any_tenant = order.scope == OrderScope::kCampaign && order.tenant.empty();
  shard.scheduler().lanes().ForEach([&](LaneHandle, const Lane& lane) {
    if (any_tenant) order.tenant = lane.key.tenant;
    if (MayConcern(order, lane.key)) {
      out.found = true;
      out.tenants.insert(lane.key.tenant);
    } else if (out.names.size() < OrderCommands::kNamesLooked) {
      out.names.insert(NameLike(order, lane.key));
    }
  });
  return out;
}

std::string WhoAsks(const ControlRequest& request) {
  return request.uid ? "uid " + std::to_string(*request.uid) : std::string();
}

bool IsOfLanes(OrderScope scope) { return scope < OrderScope::kSite; }

// The same target; a campaign without its tenant is that of any.
bool IsTarget(const queue::Order& order, const queue::Order& target) {
  return order.scope == target.scope && order.name == target.name &&
         order.source == target.source && (target.tenant.empty() || order.tenant == target.tenant);
}

// Does the configuration name the tenant?
bool IsKnownOwner(const queue::Order& order, const config::Config& config) {
  const std::string& tenant = order.scope == OrderScope::kTenant ? order.name : order.tenant;
  const auto of = [&tenant](const auto& one) { return one.tenant == tenant; };
  return tenant == "default" || std::ranges::any_of(config.users, of) ||
         std::ranges::any_of(config.domains, of);
}

Status CheckIn(std::string_view what, const std::string& name,
               const std::vector<std::string_view>& names) {
  if (name.empty() || std::ranges::find(names, name) != names.end()) return {};
  const std::string_view near = config::Nearest(name, names);
  return Fail(ErrorCode::kInvalid,
              "there is no " + std::string(what) + " " + config::Quote(name) +
                  (near.empty() ? "" : ": did you mean " + config::Quote(near) + "?"));
}

Status CheckSource(const std::string& name, const config::Config& config) {
  std::vector<std::string_view> names;
  for (const config::Source& source : config.sources) names.push_back(source.name);
  return CheckIn("source", name, names);
}

// A source may be named in place of a pool.
Status CheckPool(const std::string& name, const config::Config& config) {
  std::vector<std::string_view> names;
  for (const config::Pool& pool : config.pools) names.push_back(pool.name);
  for (const config::Source& source : config.sources) names.push_back(source.name);
  return CheckIn("pool or source", name, names);
}

std::string NothingWaits(const queue::Order& order, const Survey& all) {
  const bool any_tenant = order.scope == OrderScope::kCampaign && order.tenant.empty();
  std::string out = "nothing waits for " +
                    (any_tenant ? "campaign " + config::Quote(order.name) : TargetOf(order));
  const std::vector<std::string_view> names(all.names.begin(), all.names.end());
  const bool address = order.scope == OrderScope::kRecipient;
  const std::string_view like = address ? DomainOf(order.name) : std::string_view(order.name);
  const std::string_view near = config::Nearest(like, names);
  if (!near.empty() && near != like) out += ": did you mean " + config::Quote(near) + "?";
  return out;
}

}  // namespace

void OrderCommands::Register(ControlServer& server) {
  server.On("order", [this](const ControlRequest& r, const ControlDone& d) { Order(r, d); });
  server.On("resume", [this](const ControlRequest& r, const ControlDone& d) { Resume(r, d); });
  server.On("orders", [this](const ControlRequest&, const ControlDone& done) { List(done); });
}

void OrderCommands::Order(const ControlRequest& request, const ControlDone& done) {
  Result<queue::Order> order = ReadOrder(*request.json, Wall());
  if (!order) return done(ControlError(order.error().what));
  order->by = WhoAsks(request);
  if (order->scope == OrderScope::kMessage) return OrderMessage(*std::move(order), done);
  if (!IsOfLanes(order->scope)) return OrderPaths(*std::move(order), done);
  const bool reroute = order->kind == OrderKind::kReroute;
  if (const Status known = CheckPool(reroute ? order->value : "", *Config()); !known)
    return done(ControlError(known.error().what));
  // What will be may be paused or rerouted, too, where it is known whose it is.
  if ((order->kind == OrderKind::kPause || reroute) && IsKnownOwner(*order, *Config()))
    return Give(*std::move(order), done);
  OrderWaiting(*std::move(order), done);
}

// Sources and providers are in the configuration. A site is known only while mail is on its way
// there: what is deferred may have any.
void OrderCommands::OrderPaths(queue::Order order, const ControlDone& done) {
  const std::string source = order.scope == OrderScope::kSource ? order.name : order.source;
  if (const Status known = CheckSource(source, *Config()); !known)
    return done(ControlError(known.error().what));
  std::string provider = order.scope == OrderScope::kProvider ? order.name : "";
  if (order.scope == OrderScope::kPath && order.name.starts_with('@'))
    provider = order.name.substr(1);
  const std::vector<std::string_view> providers = shards_.front()->shard().rules().ProviderNames();
  if (const Status known = CheckIn("provider of the reply rules", provider, providers); !known)
    return done(ControlError(known.error().what));
  Give(std::move(order), done);
}

// By number, or all of a target.
void OrderCommands::Resume(const ControlRequest& request, const ControlDone& done) {
  const auto number = request.json->find("id");
  if (number != request.json->end() && !number->is_number_unsigned())
    return done(ControlError("id must be the number of an order"));
  if (number != request.json->end())
    return EndAll({number->get<uint64_t>()}, WhoAsks(request), done);
  queue::Order target;
  if (const Status read = ReadTarget(*request.json, target); !read)
    return done(ControlError(read.error().what));
  std::vector<uint64_t> ids;
  for (const auto& [id, row] : book_.rows())
    if (row.order.kind == target.kind && row.order.ended == WallTime{} &&
        IsTarget(row.order, target))
      ids.push_back(id);
  if (ids.empty())
    return done(ControlError(TargetOf(target) + " is not paused: `sluice orders` lists what is"));
  EndAll(ids, WhoAsks(request), done);
}

void OrderCommands::EndAll(const std::vector<uint64_t>& ids, const std::string& by,
                           const ControlDone& done) {
  const auto left = std::make_shared<size_t>(ids.size());
  const auto failed = std::make_shared<std::string>();
  for (const uint64_t id : ids) {
    book_.TakeBack(id, by, [ids, left, failed, done](const Status& ended) {
      if (!ended) *failed = ended.error().what;
      if (--*left > 0) return;
      if (!failed->empty()) return done(ControlError(*failed));
      done(Dump(Json{{"ok", true}, {"ended", ids}}));
    });
  }
}

void OrderCommands::OrderMessage(queue::Order order, const ControlDone& done) {
  const MessageId id = *ParseMessageId(order.name);  // ReadOrder has checked it
  shards_.front()->shard().links().Ask(
      [this, id, order = std::move(order), done](queue::Queue& queue) mutable -> Task {
        const auto open = queue.Recipients(id, 0, 1);
        return [this, order = std::move(order), done, some = open && !open->empty()]() mutable {
          if (some) return Give(std::move(order), done);
          done(
              ControlError("no recipient of this message is open: look for its final events in "
                           "the event log"));
        };
      });
}

void OrderCommands::OrderWaiting(queue::Order order, const ControlDone& done) {
  Gather<Survey>(
      shards_, [order](ShardRuntime& runtime) { return SurveyOf(runtime.shard(), order); },
      [this, order, done](std::vector<Survey> surveys) mutable {
        Survey all;
        for (Survey& one : surveys) {
          all.found |= one.found;
          all.tenants.merge(one.tenants);
          all.names.merge(one.names);
        }
        if (!all.found) return done(ControlError(NothingWaits(order, all)));
        if (order.scope == OrderScope::kCampaign && order.tenant.empty()) {
          if (all.tenants.size() > 1)
            return done(ControlError("several tenants have a campaign " +
                                     config::Quote(order.name) + ": give the tenant too (" +
                                     config::Quote(*all.tenants.begin()) + ", ...)"));
          order.tenant = *all.tenants.begin();
        }
        Give(std::move(order), done);
      });
}

void OrderCommands::Give(queue::Order order, const ControlDone& done) {
  book_.Give(std::move(order), [done](const Result<queue::Order>& given) {
    if (!given) return done(ControlError(given.error().what));
    done(Dump(Json{{"ok", true}, {"order", ToJson(*given)}}));
  });
}

void OrderCommands::List(const ControlDone& done) {
  Json orders = Json::array();
  for (const auto& [id, row] : book_.rows()) {
    Json one = ToJson(row.order);
    one["state"] = StateOf(row);
    one["recipients"] = row.settled;
    one["ended"] = TimeJson(row.order.ended);
    orders.push_back(std::move(one));
  }
  done(Dump(Json{{"ok", true}, {"orders", std::move(orders)}}));
}

}  // namespace sluice::engine
