#include "tools/commands/orders.h"

#include <chrono>
#include <optional>
#include <string_view>
#include <thread>

#include "tools/base/json_text.h"
#include "tools/commands/order_views.h"

namespace sluice::tools {
namespace {

// While an order is carried out, it is asked for this often.
constexpr auto kLookEvery = std::chrono::milliseconds(200);

std::string Request(std::string_view command, std::string_view order, const OrderOptions& options) {
  std::string out = "{";
  AppendJsonField(out, "command", command);
  const auto field = [&out](std::string_view key, std::string_view text) {
    if (!text.empty()) AppendJsonField(out, key, text);
  };
  field("order", order);
  field("message", options.message);
  field("recipient", options.recipient);
  field("domain", options.domain);
  field("campaign", options.campaign);
  field("tenant", options.tenant);
  field("site", options.site);
  field("provider", options.provider);
  field("source", options.source);
  field("rate", options.rate);
  field("pool", options.pool);
  field("for", options.length);
  field("why", options.why);
  if (options.order) AppendJsonField(out, "id", int64_t(*options.order));
  if (options.bounce) out += ",\"bounce\":true";
  return out + "}";
}

// Waits until the order is done; its last state. None, with a complaint: the engine has gone.
std::optional<OrderView> WaitFor(const EngineAddress& engine, std::string_view id) {
  while (true) {
    const auto response = CallEngine(engine, R"({"command":"orders"})");
    if (!response) return std::nullopt;
    const std::optional<OrderView> order = FindOrder(response->json, id);
    if (!order || order->done) return order;
    std::this_thread::sleep_for(kLookEvery);
  }
}

int Carry(std::string_view order, std::string_view done, const OrderOptions& options) {
  const auto response = CallEngine(options.engine, Request("order", order, options));
  if (!response) return response.error();
  const std::string given = MemberJson(response->json, "order");
  const std::string id = MemberJson(given, "id");
  if (options.no_wait)
    return Print(options.json ? given + "\n" : "order " + id + ": see `sluice orders`\n") ? 0 : 1;
  const std::optional<OrderView> end = WaitFor(options.engine, id);
  if (!end) {
    Complain("order " + id + " was given; how far it has come is not known: `sluice orders`");
    return 1;
  }
  if (options.json) return Print(end->json + "\n") ? 0 : 1;
  const std::string n = std::to_string(end->recipients);
  const char* unit = end->recipients == 1 ? " recipient " : " recipients ";
  return Print(n + unit + std::string(done) + " (order " + id + ")\n") ? 0 : 1;
}

// An order that stays.
int Stand(std::string_view order, std::string_view done, const OrderOptions& options) {
  const auto response = CallEngine(options.engine, Request("order", order, options));
  if (!response) return response.error();
  const std::string given = MemberJson(response->json, "order");
  if (options.json) return Print(given + "\n") ? 0 : 1;
  const std::string until = MemberText(given, "until");
  return Print(
             std::string(done) +
             (until.empty() ? std::string(" until it is resumed") : " until " + ShortTime(until)) +
             " (order " + MemberJson(given, "id") + ")\n")
             ? 0
             : 1;
}

}  // namespace

int Cancel(const OrderOptions& options) {
  return Carry("cancel", options.bounce ? "bounced" : "cancelled", options);
}

int Retry(const OrderOptions& options) { return Carry("retry", "are due now", options); }

int Pause(const OrderOptions& options) { return Stand("pause", "paused", options); }

int SetRate(const OrderOptions& options) { return Stand("rate", "in force", options); }

int Reroute(const OrderOptions& options) { return Stand("reroute", "rerouted", options); }

int Resume(const OrderOptions& options) {
  const auto response = CallEngine(options.engine, Request("resume", "", options));
  if (!response) return response.error();
  const std::string ended = MemberJson(response->json, "ended");
  return Print(options.json ? ended + "\n" : "resumed (orders " + ended + " are over)\n") ? 0 : 1;
}

int ShowOrders(const OrderOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"orders"})");
  if (!response) return response.error();
  return Print(options.json ? MemberJson(response->json, "orders") + "\n"
                            : RenderOrders(response->json))
             ? 0
             : 1;
}

}  // namespace sluice::tools
