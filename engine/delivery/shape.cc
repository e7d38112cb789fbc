#include "engine/delivery/shape.h"

#include <algorithm>
#include <optional>

namespace sluice::engine {

using config::ShapingKey;

namespace {

// Under a rate a connection may wait for its next message at least so long.
constexpr Duration kRatedIdle{5'000'000};

std::optional<RateLimit> RateOf(const config::EffectiveValue& value) {
  if (!value.value) return std::nullopt;
  RateLimit limit{.rate = value.value->rate};
  for (const config::ShapingStep& step : value.steps) {
    if (step.block == nullptr) continue;
    limit.of_domain |= !step.block->domains.empty();
    limit.of_provider |= step.block->table == config::ShapingTable::kProvider;
  }
  return limit;
}

// Recipients of a transaction go at the same instant, which only a burst allows.
void KeepToRates(Shape& shape) {
  for (const auto* limit : {&shape.message_rate, &shape.tenant_rate, &shape.campaign_rate}) {
    if (!*limit) continue;
    shape.recipients_per_transaction =
        uint32_t(std::min<uint64_t>(shape.recipients_per_transaction, (*limit)->rate.burst));
    shape.idle = std::max(shape.idle, kRatedIdle);
  }
}

bool IsOn(const std::optional<config::ShapingValue>& choice) {
  return !choice || choice->number == 0;
}

}  // namespace

Shape ToShape(const config::Effective& values, const config::Config& config) {
  const auto value = [&](ShapingKey key) -> const std::optional<config::ShapingValue>& {
    return values[size_t(key)].value;
  };
  const auto count = [&](ShapingKey key) {
    constexpr int64_t kMost = UINT32_MAX;
    return value(key) ? uint32_t(std::min(value(key)->number, kMost)) : uint32_t(kMost);
  };
  const auto time = [&](ShapingKey key) { return Duration(value(key)->number); };
  Shape shape{.connections = count(ShapingKey::kConnections),
              .messages_per_connection = count(ShapingKey::kMessagesPerConnection),
              .recipients_per_transaction = count(ShapingKey::kRecipientsPerTransaction),
              .idle = time(ShapingKey::kIdle),
              .message_rate = RateOf(values[size_t(ShapingKey::kMessageRate)]),
              .connection_rate = RateOf(values[size_t(ShapingKey::kConnectionRate)]),
              .tenant_rate = RateOf(values[size_t(ShapingKey::kTenantRate)]),
              .campaign_rate = RateOf(values[size_t(ShapingKey::kCampaignRate)]),
              .adaptive = IsOn(value(ShapingKey::kAdaptive)),
              .tls = config::RouteTls(value(ShapingKey::kTls)->number),
              .ip_family = config::IpFamily(value(ShapingKey::kIpFamily)->number),
              .retry = config.retry,
              .timeouts = {.connect = time(ShapingKey::kConnectTimeout),
                           .banner = time(ShapingKey::kBannerTimeout),
                           .ehlo = time(ShapingKey::kEhloTimeout),
                           .mail = time(ShapingKey::kMailTimeout),
                           .rcpt = time(ShapingKey::kRcptTimeout),
                           .data = time(ShapingKey::kDataTimeout),
                           .block = time(ShapingKey::kBlockTimeout),
                           .dot = time(ShapingKey::kDotTimeout),
                           .quit = time(ShapingKey::kQuitTimeout),
                           .starttls = time(ShapingKey::kStartTlsTimeout)}};
  shape.retry.gaps = value(ShapingKey::kRetryGaps)->list;
  // Lanes expire by the configuration's age, which the file may not exceed.
  shape.retry.max_age = std::min(time(ShapingKey::kMaxAge), config.retry.max_age);
  KeepToRates(shape);
  return shape;
}

Shape PlainShape(const config::Config& config) {
  return ToShape(config::ShapingBase(config), config);
}

}  // namespace sluice::engine
