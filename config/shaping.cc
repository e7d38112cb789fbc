// Lookup and merging; config/shaping.h tells the order.

#include "config/shaping.h"

#include <algorithm>
#include <utility>

#include "config/keys_shaping.h"

namespace sluice::config {
namespace {

ShapingValue Number(uint64_t number) { return {.number = int64_t(number), .rate = {}, .list = {}}; }
ShapingValue Time(Duration duration) { return Number(uint64_t(duration.count())); }

// A part of a number is never nothing: a limit of 0 would stop all mail.
ShapingValue Part(Kind kind, const ShapingValue& whole, uint32_t percent) {
  if (kind == Kind::kRate) return {.number = 0, .rate = PercentOf(whole.rate, percent), .list = {}};
  return Number(std::max<uint64_t>(1, uint64_t(whole.number) * percent / 100));
}

void Apply(const ShapingBlock& block, const Effective& base, Effective& values) {
  for (const ShapingSetting& setting : block.settings) {
    const size_t key = size_t(setting.key);
    EffectiveValue& out = values[key];
    switch (setting.how) {
      case ShapingSetting::How::kValue:
        out = {setting.value, {{&block, &setting}}};
        break;
      case ShapingSetting::How::kUnlimited:
        out = {std::nullopt, {{&block, &setting}}};
        break;
      case ShapingSetting::How::kUnset:
        out = base[key];
        out.steps.push_back({&block, &setting});
        break;
      case ShapingSetting::How::kPercent:
        if (out.value)
          out.value = Part(ShapingKeyOf(setting.key).kind, *out.value, setting.percent);
        out.steps.push_back({&block, &setting});
        break;
    }
  }
}

}  // namespace

const ShapingSetting* ShapingBlock::Find(ShapingKey key) const {
  const auto it = std::ranges::find(settings, key, &ShapingSetting::key);
  return it == settings.end() ? nullptr : &*it;
}

Effective ShapingBase(const Config& config) {
  Effective out;
  const auto set = [&out](ShapingKey key, ShapingValue value) {
    out[size_t(key)] = {std::move(value), {{}}};
  };
  const Delivery& delivery = config.delivery;
  set(ShapingKey::kConnections, Number(delivery.connections_per_path));
  set(ShapingKey::kMessagesPerConnection, Number(delivery.messages_per_connection));
  set(ShapingKey::kRecipientsPerTransaction, Number(delivery.recipients_per_transaction));
  set(ShapingKey::kIdle, Time(delivery.idle_connection));
  set(ShapingKey::kRetryGaps, {.number = 0, .rate = {}, .list = config.retry.gaps});
  set(ShapingKey::kMaxAge, Time(config.retry.max_age));
  out[size_t(ShapingKey::kTls)].value = Number(uint64_t(RouteTls::kOpportunistic));
  out[size_t(ShapingKey::kIpFamily)].value = Number(uint64_t(IpFamily::kAny));
  const Timeouts& timeouts = config.timeouts;
  set(ShapingKey::kConnectTimeout, Time(timeouts.connect));
  set(ShapingKey::kBannerTimeout, Time(timeouts.banner));
  set(ShapingKey::kEhloTimeout, Time(timeouts.ehlo));
  set(ShapingKey::kMailTimeout, Time(timeouts.mail));
  set(ShapingKey::kRcptTimeout, Time(timeouts.rcpt));
  set(ShapingKey::kDataTimeout, Time(timeouts.data));
  set(ShapingKey::kBlockTimeout, Time(timeouts.block));
  set(ShapingKey::kDotTimeout, Time(timeouts.dot));
  set(ShapingKey::kQuitTimeout, Time(timeouts.quit));
  set(ShapingKey::kStartTlsTimeout, Time(timeouts.starttls));
  return out;
}

BaseKey BaseKeyOf(ShapingKey key) {
  switch (key) {
    case ShapingKey::kConnections:
      return {"delivery", "connections_per_path"};
    case ShapingKey::kMessagesPerConnection:
    case ShapingKey::kRecipientsPerTransaction:
      return {"delivery", ShapingKeyOf(key).name};
    case ShapingKey::kIdle:
      return {"delivery", "idle_connection"};
    case ShapingKey::kRetryGaps:
      return {"retry", "gaps"};
    case ShapingKey::kMaxAge:
      return {"retry", "max_age"};
    default:
      break;
  }
  // "connect_timeout" is connect of [timeouts].
  const std::string_view name = ShapingKeyOf(key).name;
  const size_t end = name.rfind("_timeout");
  if (end == std::string_view::npos) return {};
  return {"timeouts", name.substr(0, end)};
}

// The first of two with the same name counts; the parser refuses the second.
void Shaping::Index() {
  for (size_t i = 0; i < providers.size(); ++i)
    for (const std::string& suffix : providers[i].mx) by_suffix_.try_emplace(suffix, i);
  for (size_t i = 0; i < domains.size(); ++i)
    for (const std::string& domain : domains[i].domains) by_domain_.try_emplace(domain, i);
  for (const ShapingBlock& source : sources)
    for (const std::string& domain : source.domains) by_domain_.try_emplace(domain, kNowhere);
}

// Label by label from the left, so that the longest suffix is found first.
const ShapingBlock* Shaping::ProviderOfHost(std::string_view host) const {
  while (!host.empty()) {
    if (const auto it = by_suffix_.find(host); it != by_suffix_.end())
      return &providers[it->second];
    const size_t dot = host.find('.');
    if (dot == std::string_view::npos) break;
    host.remove_prefix(dot + 1);
  }
  return nullptr;
}

const ShapingBlock* Shaping::ProviderOf(std::span<const std::string> hosts) const {
  std::vector<size_t> votes(providers.size());
  for (const std::string& host : hosts)
    if (const ShapingBlock* provider = ProviderOfHost(host))
      ++votes[size_t(provider - providers.data())];
  const auto most = std::ranges::max_element(votes);  // the first of equals
  if (most == votes.end() || *most == 0) return nullptr;
  return &providers[size_t(most - votes.begin())];
}

const std::string* Shaping::NamedDomain(std::string_view domain) const {
  if (by_domain_.empty()) return nullptr;
  const auto it = by_domain_.find(domain);
  return it == by_domain_.end() ? nullptr : &it->first;
}

const ShapingBlock* Shaping::ProviderNamed(std::string_view name) const {
  const auto it = std::ranges::find(providers, name, &ShapingBlock::name);
  return it == providers.end() ? nullptr : &*it;
}

Effective Shaping::Resolve(const Effective& base, const ShapingBlock* provider,
                           std::string_view domain, std::string_view source) const {
  Effective out = base;
  Apply(defaults, base, out);
  if (provider != nullptr) Apply(*provider, base, out);
  const auto named = by_domain_.find(domain);
  if (named != by_domain_.end() && named->second != kNowhere)
    Apply(domains[named->second], base, out);
  if (source.empty()) return out;
  const auto apply = [&](auto&& fits) {
    for (const ShapingBlock& block : sources)
      if (block.name == source && fits(block)) Apply(block, base, out);
  };
  apply([](const ShapingBlock& b) { return b.provider.empty() && b.domains.empty(); });
  if (provider != nullptr)
    apply([&](const ShapingBlock& b) { return b.provider == provider->name; });
  if (named != by_domain_.end())
    apply([&](const ShapingBlock& b) {
      return std::ranges::find(b.domains, domain) != b.domains.end();
    });
  return out;
}

}  // namespace sluice::config
