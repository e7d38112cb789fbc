#include "engine/runtime/order_request.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/rate.h"
#include "config/units.h"
#include "engine/base/message_id.h"
#include "engine/base/text.h"
#include "engine/shard/orders.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;
using queue::Order;
using queue::OrderKind;
using queue::OrderScope;

constexpr std::array kKinds = {OrderKind::kCancel, OrderKind::kRetry, OrderKind::kPause,
                               OrderKind::kRate, OrderKind::kReroute};
constexpr std::array kScopes = {OrderScope::kMessage,  OrderScope::kRecipient, OrderScope::kDomain,
                                OrderScope::kCampaign, OrderScope::kTenant,    OrderScope::kSite,
                                OrderScope::kProvider, OrderScope::kSource};
// A year: what is meant to stay has no time.
constexpr Duration kLongest = std::chrono::hours(24 * 366);

std::unexpected<Error> Wrong(std::string what) {
  return Fail(ErrorCode::kInvalid, std::move(what));
}

// None: it is not there, or is no text.
std::string TextOf(const Json& request, std::string_view key) {
  const auto found = request.find(key);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A field of another type than text must not pass for one that is left out.
Status CheckTypes(const Json& request) {
  for (const auto& [key, value] : request.items()) {
    if (key == "bounce" && !value.is_boolean()) return Wrong("bounce must be true or false");
    if (key == "bounce" || key == "id") continue;
    if (!value.is_string()) return Wrong(config::Quote(key) + " must be text");
  }
  return {};
}

Status CheckTexts(const Order& order) {
  const std::array<const std::string*, 5> texts = {&order.name, &order.tenant, &order.source,
                                                   &order.value, &order.why};
  for (const std::string* text : texts) {
    if (text->size() > queue::kMaxOrderText)
      return Wrong(config::Quote(*text) + " is too long: at most " +
                   std::to_string(queue::kMaxOrderText) + " octets");
    if (std::ranges::any_of(*text, [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; }))
      return Wrong(config::Quote(*text) + " has control characters");
  }
  return {};
}

bool IsAllowed(OrderKind kind, OrderScope scope) {
  switch (scope) {
    case OrderScope::kMessage:
    case OrderScope::kRecipient:
    case OrderScope::kDomain:
      return kind == OrderKind::kCancel || kind == OrderKind::kRetry;
    case OrderScope::kCampaign:
    case OrderScope::kTenant:
      return kind != OrderKind::kRate;
    case OrderScope::kSite:
    case OrderScope::kProvider:
    case OrderScope::kSource:
    case OrderScope::kPath:
      return kind == OrderKind::kPause || kind == OrderKind::kRate;
  }
  std::unreachable();
}

// "a campaign or tenant": what this kind may be about.
std::string Choices(OrderKind kind) {
  std::string out;
  std::string last;
  for (const OrderScope scope : kScopes) {
    if (!IsAllowed(kind, scope)) continue;
    if (!last.empty()) out += (out.empty() ? "" : ", ") + last;
    last = NameOf(scope);
  }
  return "a " + out + " or " + last;
}

Status CheckName(Order& order) {
  switch (order.scope) {
    case OrderScope::kMessage:
      if (!ParseMessageId(order.name))
        return Wrong(config::Quote(order.name) +
                     " is no message id: give what stands after `queued as`");
      return {};
    case OrderScope::kRecipient:
      if (DomainOf(order.name).empty())
        return Wrong(config::Quote(order.name) + " is no address: a local part, @ and a domain");
      order.name.replace(order.name.rfind('@') + 1, std::string::npos, Lower(DomainOf(order.name)));
      return {};
    case OrderScope::kDomain:
      order.name = Lower(order.name);
      if (order.name.find('@') != std::string::npos)
        return Wrong(config::Quote(order.name) + " is an address: give it as recipient");
      return {};
    case OrderScope::kSite:
      order.name = Lower(order.name);
      return {};
    default:
      return {};
  }
}

// Further names beside the first: the tenant of a campaign, the site or provider of a source.
bool Refines(Order& order, OrderScope scope, const std::string& name) {
  if (scope == OrderScope::kTenant && order.scope == OrderScope::kCampaign) {
    order.tenant = name;
    return true;
  }
  const bool receiver = order.scope == OrderScope::kSite || order.scope == OrderScope::kProvider;
  if (scope != OrderScope::kSource || !receiver) return false;
  order.name = order.scope == OrderScope::kProvider ? "@" + order.name : Lower(order.name);
  order.source = name;
  order.scope = OrderScope::kPath;
  return true;
}

Status ReadTime(const Json& request, WallTime now, Order& order) {
  const std::string length = TextOf(request, "for");
  if (length.empty()) return {};
  if (order.kind == OrderKind::kCancel || order.kind == OrderKind::kRetry)
    return Wrong("a " + std::string(NameOf(order.kind)) + " is done once: it takes no time");
  const auto duration = config::ParseDuration(length);
  if (!duration || *duration <= Duration(0))
    return Wrong(config::Quote(length) + " is no duration: write 30m, 2h or 1d12h");
  if (*duration > kLongest)
    return Wrong(config::Quote(length) + " is too long: at most 366d; without it, it has no end");
  order.until = now + *duration;
  return {};
}

Status ReadValue(const Json& request, Order& order) {
  const auto bounce = request.find("bounce");
  const bool wanted = bounce != request.end() && bounce->is_boolean() && bounce->get<bool>();
  if (wanted && order.kind != OrderKind::kCancel) return Wrong("only a cancel can bounce");
  if (wanted) order.value = "bounce";
  const std::string pool = TextOf(request, "pool");
  if (order.kind == OrderKind::kReroute) {
    if (pool.empty()) return Wrong("where to? Give the pool, or a source");
    order.value = pool;
    return {};
  }
  if (!pool.empty()) return Wrong("only a reroute takes a pool");
  const std::string text = TextOf(request, "rate");
  if (order.kind != OrderKind::kRate)
    return text.empty() ? Status() : Wrong("only the order rate takes a rate");
  const auto rate = config::ParseRate(text);
  if (!rate) return Wrong(rate.error());
  order.value = config::FormatRate(*rate);
  return {};
}

}  // namespace

Status ReadTarget(const Json& request, Order& order) {
  bool found = false;
  for (const OrderScope scope : kScopes) {
    const std::string name = TextOf(request, NameOf(scope));
    if (name.empty()) continue;
    if (found && Refines(order, scope, name)) continue;
    if (found)
      return Wrong("both a " + std::string(NameOf(order.scope)) + " and a " +
                   std::string(NameOf(scope)) + " are given: give one");
    found = true;
    order.scope = scope;
    order.name = name;
  }
  if (!found) return Wrong("whose mail? Give " + Choices(order.kind));
  if (!IsAllowed(order.kind, order.scope))
    return Wrong("a " + std::string(NameOf(order.scope)) + " cannot be the target of " +
                 std::string(NameOf(order.kind)) + ": give " + Choices(order.kind));
  if (Status named = CheckName(order); !named) return named;
  return CheckTexts(order);
}

Result<Order> ReadOrder(const Json& request, WallTime now) {
  Order order;
  if (Status sound = CheckTypes(request); !sound) return std::unexpected(sound.error());
  const std::string kind = TextOf(request, "order");
  const auto known = std::ranges::find(kKinds, kind, [](OrderKind one) { return NameOf(one); });
  if (known == kKinds.end()) return Wrong(config::Quote(kind) + " is no order");
  order.kind = *known;
  order.why = TextOf(request, "why");
  if (Status read = ReadTarget(request, order); !read) return std::unexpected(read.error());
  if (Status read = ReadValue(request, order); !read) return std::unexpected(read.error());
  if (Status read = ReadTime(request, now, order); !read) return std::unexpected(read.error());
  if (Status sound = CheckTexts(order); !sound) return std::unexpected(sound.error());
  return order;
}

}  // namespace sluice::engine
