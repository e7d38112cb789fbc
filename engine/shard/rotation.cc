#include "engine/shard/rotation.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {

// FNV-1a: it is on disk, so it must be the same in every version.
uint32_t SourceMark(std::string_view source) {
  uint32_t hash = 2'166'136'261u;
  for (const char c : source) hash = (hash ^ uint8_t(c)) * 16'777'619u;
  return std::max(1u, hash);
}

void Rotation::Renew(const std::vector<config::PoolMember>& members) {
  std::vector<Member> before = std::exchange(members_, {});
  uint64_t least = UINT64_MAX;
  for (const Member& member : before) least = std::min(least, member.had);
  for (const config::PoolMember& wanted : members) {
    const auto known = std::ranges::find(before, wanted.source, &Member::source);
    if (known == before.end()) {
      // Nobody owes a newcomer anything.
      members_.push_back({.source = wanted.source,
                          .weight = std::max(1u, wanted.weight),
                          .mark = SourceMark(wanted.source),
                          .had = before.empty() ? 0 : least});
      continue;
    }
    known->weight = std::max(1u, wanted.weight);
    members_.push_back(std::move(*known));
  }
}

size_t Rotation::Find(std::string_view source) const {
  const auto it = std::ranges::find(members_, source, &Member::source);
  return it == members_.end() ? kNobody : size_t(it - members_.begin());
}

size_t Rotation::FindMark(uint32_t mark) const {
  for (size_t i = 0; mark != 0 && i < members_.size(); ++i)
    if (members_[i].mark == mark) return i;
  return kNobody;
}

size_t Rotation::NextToOpen(const StandingOf& standing) {
  size_t next = kNobody;
  uint64_t least = UINT64_MAX;  // of those that can send
  std::vector<size_t> out;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Standing stands = standing(i);
    if (stands == Standing::kOut) {
      out.push_back(i);
      continue;
    }
    least = std::min(least, members_[i].had);
    if (stands != Standing::kMayOpen) continue;
    if (next == kNobody || NextOf(members_[i]) < NextOf(members_[next])) next = i;
  }
  if (least == UINT64_MAX) return kNobody;
  for (const size_t i : out) members_[i].had = std::max(members_[i].had, least);
  return next;
}

bool Rotation::InTurn(size_t who, const StandingOf& standing, Instant now) const {
  CHECK(who < members_.size());
  const uint64_t ahead = kAhead * StepOf(members_[who]);
  for (size_t i = 0; i < members_.size(); ++i) {
    if (i == who || NextOf(members_[i]) + ahead >= NextOf(members_[who])) continue;
    const Standing stands = standing(i);
    if (stands == Standing::kOut) continue;
    const bool asks = members_[i].open > 0 && now - members_[i].asked < kPatience;
    if (asks || stands == Standing::kMayOpen) return false;
  }
  return true;
}

void Rotation::Took(size_t who, uint32_t recipients) {
  members_[who].had += recipients * StepOf(members_[who]);
}

// Its weight may have changed meanwhile.
void Rotation::GaveBack(size_t who, uint32_t recipients) {
  Member& member = members_[who];
  member.had -= std::min(member.had, recipients * StepOf(member));
}

Duration Rotation::Failed(size_t who) {
  const uint32_t doublings = std::min(members_[who].failures++, kDoublingsMax);
  return std::min(kFirstRest * (int64_t(1) << doublings), kLongestRest);
}

}  // namespace sluice::engine
