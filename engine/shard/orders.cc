#include "engine/shard/orders.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/message_id.h"
#include "engine/base/text.h"

namespace sluice::engine {

using queue::Order;
using queue::OrderKind;
using queue::OrderScope;

namespace {

bool IsOfPaths(OrderScope scope) {
  return scope == OrderScope::kSite || scope == OrderScope::kProvider ||
         scope == OrderScope::kSource || scope == OrderScope::kPath;
}

// `name` of a path: a site, or a provider as "@name".
bool IsReceiver(std::string_view name, std::string_view site, std::string_view provider) {
  if (name.starts_with('@')) return !provider.empty() && name.substr(1) == provider;
  return name == site;
}

// Is mail from `source` to the site meant?
bool IsOnPath(const Order& order, std::string_view source, std::string_view site,
              std::string_view provider) {
  switch (order.scope) {
    case OrderScope::kSite:
      return order.name == site;
    case OrderScope::kProvider:
      return !provider.empty() && order.name == provider;
    case OrderScope::kSource:
      return order.name == source;
    case OrderScope::kPath:
      return order.source == source && IsReceiver(order.name, site, provider);
    default:
      return false;
  }
}

}  // namespace

bool Concerns(const Order& order, const queue::Message& message, std::string_view address) {
  const bool of_the_past = order.kind == OrderKind::kCancel || order.kind == OrderKind::kRetry;
  if (of_the_past && message.accepted > order.given) return false;
  // Reports are no mail of the tenant's.
  const bool report = (message.flags & queue::kFlagReport) != 0;
  switch (order.scope) {
    case OrderScope::kTenant:
      return !report && message.tenant == order.name;
    case OrderScope::kCampaign:
      return !report && message.tenant == order.tenant && message.campaign == order.name;
    case OrderScope::kDomain:
      return DomainOf(address) == order.name;
    case OrderScope::kRecipient:
      return EqualsNoCase(address, order.name);
    case OrderScope::kMessage:
      return FormatMessageId(message.id) == order.name;
    case OrderScope::kSite:
    case OrderScope::kProvider:
    case OrderScope::kSource:
    case OrderScope::kPath:
      break;
  }
  return false;
}

bool MayConcern(const Order& order, const LaneName& lane) {
  switch (order.scope) {
    case OrderScope::kTenant:
      return !queue::IsReportLane(lane.campaign) && lane.tenant == order.name;
    case OrderScope::kCampaign:
      return !queue::IsReportLane(lane.campaign) && lane.tenant == order.tenant &&
             queue::CampaignOf(lane.campaign) == order.name;
    case OrderScope::kDomain:
      return lane.domain == order.name;
    case OrderScope::kRecipient:
      return lane.domain == DomainOf(order.name);
    case OrderScope::kMessage:
    case OrderScope::kSite:
    case OrderScope::kProvider:
    case OrderScope::kSource:
    case OrderScope::kPath:
      break;
  }
  return false;
}

std::string_view NameOf(OrderKind kind) {
  switch (kind) {
    case OrderKind::kPause:
      return "pause";
    case OrderKind::kCancel:
      return "cancel";
    case OrderKind::kRetry:
      return "retry";
    case OrderKind::kRate:
      return "rate";
    case OrderKind::kReroute:
      return "reroute";
  }
  CHECK(false);
}

std::string_view NameOf(OrderScope scope) {
  switch (scope) {
    case OrderScope::kTenant:
      return "tenant";
    case OrderScope::kCampaign:
      return "campaign";
    case OrderScope::kDomain:
      return "domain";
    case OrderScope::kRecipient:
      return "recipient";
    case OrderScope::kMessage:
      return "message";
    case OrderScope::kSite:
      return "site";
    case OrderScope::kProvider:
      return "provider";
    case OrderScope::kSource:
      return "source";
    case OrderScope::kPath:
      return "path";
  }
  CHECK(false);
}

std::string TargetOf(const Order& order) {
  std::string out(NameOf(order.scope));
  if (order.scope == OrderScope::kPath)
    return out + " \"" + order.source + " > " + order.name + "\"";
  out += " \"" + order.name + "\"";
  if (order.scope == OrderScope::kCampaign) out += " of tenant \"" + order.tenant + "\"";
  return out;
}

std::string WhyPaused(const Order& order) {
  std::string out = TargetOf(order) + " is paused (order " + std::to_string(order.id) + ")";
  if (!order.why.empty()) out += ": " + order.why;
  return out;
}

void Orders::Put(const Order& order) {
  if (order.kind == OrderKind::kCancel) cancels_[order.id] = order;
  if (order.kind == OrderKind::kRate) {
    // The command has read it; a later version may know more than this one.
    if (const auto rate = config::ParseRate(order.value)) rates_[order.id] = {order, *rate};
  }
  if (order.kind == OrderKind::kReroute) reroutes_[order.id] = order;
  if (order.kind != OrderKind::kPause) return;
  if (order.ended != WallTime{}) {
    Drop(order.id);
    over_[order.id] = order;
    return;
  }
  (IsOfPaths(order.scope) ? paths_ : pauses_)[order.id] = order;
}

void Orders::Drop(uint64_t id) {
  cancels_.erase(id);
  pauses_.erase(id);
  paths_.erase(id);
  rates_.erase(id);
  reroutes_.erase(id);
  over_.erase(id);
}

WallTime Orders::HeldUntil(const queue::Message& message, std::string_view address,
                           std::string_view site, std::string_view provider, WallTime now) const {
  WallTime until{};
  const auto look = [&](const std::map<uint64_t, Order>& orders, bool over) {
    for (const auto& [id, order] : orders)
      if (Concerns(order, message, address) || IsOnPath(order, {}, site, provider))
        until = std::max(until, over ? order.ended : now);
  };
  look(pauses_, false);
  look(paths_, false);
  look(over_, true);
  return until;
}

WallTime Orders::FindPath(std::string_view source, std::string_view site, std::string_view provider,
                          std::string* why) const {
  WallTime until{};
  for (const auto& [id, order] : paths_) {
    if (order.until <= until || !IsOnPath(order, source, site, provider)) continue;
    until = order.until;
    if (why != nullptr) *why = WhyPaused(order);
  }
  return until;
}

const RateOrder* Orders::FindRate(std::string_view source, std::string_view site,
                                  std::string_view provider) const {
  const RateOrder* last = nullptr;
  for (const auto& [id, rate] : rates_)
    if (IsOnPath(rate.order, source, site, provider)) last = &rate;
  return last;
}

const Order* Orders::FindPause(const LaneName& lane) const {
  const Order* found = nullptr;
  for (const auto& [id, order] : pauses_) {
    if (!MayConcern(order, lane)) continue;
    if (found == nullptr || order.until > found->until) found = &order;
  }
  return found;
}

bool Orders::Pauses(OrderScope scope, std::string_view tenant, std::string_view name) const {
  return std::ranges::any_of(pauses_, [&](const auto& one) {
    const Order& order = one.second;
    return order.scope == scope && order.tenant == tenant && order.name == name;
  });
}

const Order* Orders::FindCancel(const queue::Message& message, std::string_view address) const {
  for (const auto& [id, order] : cancels_)
    if (Concerns(order, message, address)) return &order;
  return nullptr;
}

}  // namespace sluice::engine
