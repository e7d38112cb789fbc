#include "engine/shard/closings.h"

#include <algorithm>

namespace sluice::engine {

uint8_t Closings::WayOf(const Closing& closing) {
  const uint8_t scope = closing.mail_class ? uint8_t(*closing.mail_class) : kScopes - 1;
  return uint8_t(uint8_t(closing.reason) * kScopes + scope);
}

Closing Closings::ClosingOf(const MailOwner& owner, uint8_t way) {
  Closing out{.owner = owner, .reason = CloseReason(way / kScopes)};
  if (way % kScopes != kScopes - 1) out.mail_class = queue::MailClass(way % kScopes);
  return out;
}

void Closings::Set(const Closing& closing, Instant until) {
  const uint8_t way = WayOf(closing);
  const auto [it, fresh] = owners_.try_emplace(closing.owner);
  std::optional<Instant>& end = it->second[way];
  if (end) ends_.erase({*end, &it->first, way});
  end = until;
  ends_.emplace(until, &it->first, way);
}

bool Closings::Clear(const Closing& closing) {
  const auto it = owners_.find(closing.owner);
  const uint8_t way = WayOf(closing);
  if (it == owners_.end() || !it->second[way]) return false;
  ends_.erase({*it->second[way], &it->first, way});
  it->second[way].reset();
  if (std::ranges::none_of(it->second, [](const auto& end) { return end.has_value(); }))
    owners_.erase(it);
  return true;
}

bool Closings::Covers(queue::MailClass mail_class, const MailOwner& owner) const {
  return Last(mail_class, owner).has_value();
}

std::optional<std::pair<CloseReason, Instant>> Closings::Last(queue::MailClass mail_class,
                                                              const MailOwner& owner) const {
  std::optional<std::pair<CloseReason, Instant>> out;
  const auto it = owners_.find(owner);
  if (it == owners_.end()) return out;
  for (uint8_t way = 0; way < kWays; ++way) {
    const uint8_t scope = way % kScopes;
    const bool meant = scope == kScopes - 1 || scope == uint8_t(mail_class);
    if (!meant || !it->second[way] || (out && out->second >= *it->second[way])) continue;
    out = {CloseReason(way / kScopes), *it->second[way]};
  }
  return out;
}

std::optional<Instant> Closings::Until(const Closing& closing) const {
  const auto it = owners_.find(closing.owner);
  return it == owners_.end() ? std::nullopt : it->second[WayOf(closing)];
}

std::vector<MailOwner> Closings::TakeDue(Instant now) {
  std::vector<MailOwner> out;
  while (next() <= now) {
    const Closing ended = ClosingOf(*std::get<1>(*ends_.begin()), std::get<2>(*ends_.begin()));
    Clear(ended);
    out.push_back(ended.owner);
  }
  return out;
}

}  // namespace sluice::engine
