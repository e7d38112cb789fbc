#include "engine/delivery/shape.h"

#include <algorithm>
#include <optional>

namespace sluice::engine {

using config::ShapingKey;

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
  return shape;
}

Shape PlainShape(const config::Config& config) {
  return ToShape(config::ShapingBase(config), config);
}

}  // namespace sluice::engine
