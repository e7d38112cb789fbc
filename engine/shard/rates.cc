#include "engine/shard/rates.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

// A rate that gives no more than this takes to earn may forget it.
constexpr Duration kForgettable = std::chrono::minutes(1);
// Rows that one transaction removes.
constexpr size_t kLiftedAtOnce = 500;

// In which all of the burst is earned.
Duration WholeOf(const config::Rate& rate) {
  constexpr double kMost = 1e15;  // 30 years
  return Duration(int64_t(std::min(kMost, double(rate.burst) * 1e6 / rate.per_second())));
}

queue::SuspensionId RowOf(const std::string& name) { return {queue::SuspensionKind::kRate, name}; }

}  // namespace

Rates::Rates(uint32_t shard, const Clock& clock, TimerQueue& timers, Switchboard& out)
    : shard_(shard), clock_(clock), out_(out), timer_(timers, [this] { OnTimer(); }) {}

uint32_t Rates::OwnerOf(const std::string& name) const {
  return uint32_t(std::hash<std::string>{}(name) % peers_.size());
}

Rates::Gate& Rates::GateOf(const RateKey& key) {
  const auto known = gates_.find(key.name);
  if (known != gates_.end()) {
    known->second.rate = key.rate;  // a reload may have changed it
    return known->second;
  }
  SweepGates();
  Gate& gate = gates_[key.name];
  gate.name = key.name;
  gate.rate = key.rate;
  return gate;
}

// ---- what is in hand -------------------------------------------------------------------------

Instant Rates::Peek(const std::string& name) const {
  const auto it = gates_.find(name);
  if (it == gates_.end()) return {};
  const Gate& gate = it->second;
  if (gate.ready.order.empty() && gate.leading.order.empty()) return {};
  return gate.slots.empty() ? kNever : gate.slots.front().from;
}

Instant Rates::OpensAt(const RateKey& key, uint32_t units) {
  CHECK(units > 0);
  Gate& gate = GateOf(key);
  const Instant now = clock_.Now();
  gate.interest = now;
  DropLate(gate, now);
  TopUp(gate, units);
  Arm(gate);
  return gate.slots.size() < units ? kNever : gate.slots[units - 1].from;
}

bool Rates::Take(const RateKey& key, uint32_t units) {
  // More at once than the burst can never be had.
  const auto most = uint32_t(std::min<uint64_t>(units, key.rate.burst));
  if (OpensAt(key, most) > clock_.Now()) return false;
  Gate& gate = GateOf(key);
  gate.slots.erase(gate.slots.begin(), gate.slots.begin() + most);
  if (units > most) Owe(key, units - most);
  Arm(gate);
  return true;
}

void Rates::Owe(const RateKey& key, uint32_t units) {
  Gate& gate = GateOf(key);
  gate.interest = clock_.Now();
  gate.owed += units;
  Hold(gate, {});
  TopUp(gate, 1);
  Arm(gate);
}

void Rates::DropLate(Gate& gate, Instant now) {
  std::vector<RateSlot> late;
  while (!gate.slots.empty() && gate.slots.front().until < now) {
    late.push_back(gate.slots.front());
    gate.slots.pop_front();
  }
  if (late.empty()) return;
  gate.stock /= 2;
  PutBack(gate.name, std::move(late));
}

// The more are used, the more are asked for at a time: who needs one keeps no others from theirs.
void Rates::TopUp(Gate& gate, uint32_t units) {
  if (gate.asked) return;
  const size_t need = units + gate.owed;
  const size_t have = gate.slots.size();
  if (have >= need && have > gate.stock / 2) return;
  const auto in_horizon = size_t(kHorizon.count() * 1'000 / RateBucket::GapOf(gate.rate));
  gate.stock = std::min({kInHandMax, in_horizon, 2 * gate.stock + 1});
  if (const size_t wanted = std::max(need, gate.stock); wanted > have) Ask(gate, wanted - have);
}

void Rates::Ask(Gate& gate, size_t count) {
  const uint32_t owner = OwnerOf(gate.name);
  if (owner == shard_) return Hold(gate, GiveHere(gate.name, gate.rate, generation_, count));
  gate.asked = true;
  out_.Send(owner, [this, peer = peers_[owner], name = gate.name, rate = gate.rate,
                    generation = generation_, count] {
    auto slots = peer->GiveHere(name, rate, generation, count);
    peer->out_.Send(shard_, [this, name, generation, slots = std::move(slots)]() mutable {
      OnSlots(name, generation, std::move(slots));
    });
  });
}

void Rates::Hold(Gate& gate, std::vector<RateSlot> slots) {
  const bool in_order =
      gate.slots.empty() || slots.empty() || gate.slots.back().due < slots.front().due;
  gate.slots.insert(gate.slots.end(), slots.begin(), slots.end());
  if (!in_order) std::ranges::sort(gate.slots, {}, &RateSlot::due);
  const size_t paid = std::min<size_t>(gate.owed, gate.slots.size());
  gate.slots.erase(gate.slots.begin(), gate.slots.begin() + std::ptrdiff_t(paid));
  gate.owed -= uint32_t(paid);
}

void Rates::OnSlots(const std::string& name, uint64_t generation, std::vector<RateSlot> slots) {
  const auto it = gates_.find(name);
  if (it == gates_.end() || generation != generation_) return PutBack(name, std::move(slots));
  it->second.asked = false;
  Hold(it->second, std::move(slots));
  Arm(it->second);
}

void Rates::PutBack(const std::string& name, std::vector<RateSlot> slots) {
  const uint32_t owner = OwnerOf(name);
  if (owner == shard_) return PutBackHere(name, slots);
  out_.Send(owner, [peer = peers_[owner], name, slots = std::move(slots)] {
    peer->PutBackHere(name, slots);
  });
}

// What is in hand of it is lost: so is its bucket, once its time has passed.
void Rates::Retire(const std::string& name) {
  const auto it = gates_.find(name);
  if (it == gates_.end()) return;
  Gate& gate = it->second;
  SetAlarm(gate, kNever);
  while (!gate.ready.order.empty()) WakeFirst(gate.ready);
  while (!gate.leading.order.empty()) WakeFirst(gate.leading);
  gates_.erase(it);
  SetTimer();
}

void Rates::SetTimer() {
  if (!woken_.empty()) return timer_.Set(clock_.Now());
  timer_.Set(alarms_.empty() ? kNever : alarms_.begin()->first);
}

// ---- the owner -------------------------------------------------------------------------------

std::vector<RateSlot> Rates::GiveHere(const std::string& name, const config::Rate& rate,
                                      uint64_t generation, size_t count) {
  const Instant now = clock_.Now();
  auto it = buckets_.find(name);
  if (it == buckets_.end()) {
    SweepBuckets(now);
    it = buckets_.emplace(name, MakeBucket(name, rate, generation)).first;
  }
  Bucket& bucket = it->second;
  // Who has not heard of the reload yet gets slots of the new rate too.
  if (generation > bucket.generation) {
    bucket.bucket.SetRate(rate, now);
    bucket.generation = generation;
  }
  std::vector<RateSlot> slots;
  slots.reserve(count);
  bucket.bucket.Give(now, count, slots);
  Keep(name, bucket);
  return slots;
}

Rates::Bucket Rates::MakeBucket(const std::string& name, const config::Rate& rate,
                                uint64_t generation) {
  const auto known = kept_.find(name);
  if (known == kept_.end()) return {RateBucket(rate), generation};
  const Kept kept = std::move(known->second);
  kept_.erase(known);
  ++rows_;
  const auto then = config::ParseRate(kept.rate);
  Bucket out{RateBucket(then ? *then : rate), generation, kept.until};
  const Instant now = clock_.Now();
  // Should the clock have been set back meanwhile, it is no more than all of the burst.
  const Duration most = WholeOf(out.bucket.rate());
  out.bucket.ResumeAt(now + std::clamp(kept.until - clock_.Wall(), Duration(0), most));
  out.bucket.SetRate(rate, now);
  return out;
}

void Rates::Keep(const std::string& name, Bucket& bucket) {
  const Duration whole = WholeOf(bucket.bucket.rate());
  if (links_ == nullptr || whole < kForgettable || name.size() > queue::kMaxSuspensionKey) return;
  if (name.starts_with(kOfThisRun)) return;
  const WallTime paid = clock_.Wall() + (bucket.bucket.paid_at() - clock_.Now());
  if (paid <= bucket.kept) return;
  if (bucket.kept == WallTime{} && rows_++ >= kKeptMax) return (void)--rows_;
  bucket.kept = paid + whole / 100;
  queue::Transaction transaction;
  transaction.suspensions.push_back(
      {RowOf(name), bucket.kept, 1, config::FormatRate(bucket.bucket.rate())});
  links_->Submit(std::move(transaction), false, {});
}

void Rates::Load(std::span<const queue::Suspension> kept, Links& links) {
  links_ = &links;
  for (const queue::Suspension& row : kept)
    if (row.id.kind == queue::SuspensionKind::kRate && OwnerOf(row.id.key) == shard_)
      kept_[row.id.key] = {row.until, row.reason};
}

void Rates::PutBackHere(const std::string& name, const std::vector<RateSlot>& slots) {
  const auto it = buckets_.find(name);
  if (it == buckets_.end()) return;
  for (const RateSlot& slot : slots) it->second.bucket.Return(slot);
}

// ---- who waits -------------------------------------------------------------------------------

bool Rates::Join(Line& line, Waiter waiter) {
  if (!line.members.insert(waiter.who).second) return false;
  line.order.push_back(std::move(waiter));
  return true;
}

void Rates::Wait(const RateKey& key, const std::string& who, uint32_t units, Duration lead) {
  Gate& gate = GateOf(key);
  gate.interest = clock_.Now();
  // More at once than the burst never comes.
  const auto most = uint32_t(std::min<uint64_t>(units, key.rate.burst));
  if (Join(lead > Duration(0) ? gate.leading : gate.ready, {who, most, lead})) Arm(gate);
}

// How many slots the first of those who wait needs; 0: nobody waits.
uint32_t Rates::Wanted(const Gate& gate) {
  uint32_t units = 0;
  for (const Line* line : {&gate.ready, &gate.leading})
    if (!line->order.empty()) units = std::max(units, line->order.front().units);
  return units;
}

void Rates::WakeFirst(Line& line) {
  woken_.push_back(std::move(line.order.front().who));
  line.order.pop_front();
  line.members.erase(woken_.back());
}

void Rates::Fire(Gate& gate) {
  const Instant now = clock_.Now();
  DropLate(gate, now);
  const uint32_t wanted = Wanted(gate);
  if (wanted == 0) {
    if (now - gate.interest < kHold || gate.slots.empty()) return Arm(gate);
    PutBack(gate.name, {gate.slots.begin(), gate.slots.end()});
    gate.slots.clear();
    gate.stock = 0;
    return Arm(gate);
  }
  TopUp(gate, wanted);
  for (size_t used = 0; !gate.ready.order.empty();) {
    used += gate.ready.order.front().units;
    if (used > gate.slots.size() || gate.slots[used - 1].from > now) break;
    gate.woken = now;
    gate.woken_for = gate.slots[used - 1].due;
    WakeFirst(gate.ready);
  }
  for (const RateSlot& slot : gate.slots) {
    if (gate.leading.order.empty()) break;
    if (slot.due <= gate.announced) continue;
    if (slot.from - gate.leading.order.front().lead > now) break;
    gate.announced = slot.due;
    WakeFirst(gate.leading);
  }
  Arm(gate);
}

// When to look again. Who waits has a question out for what is not in hand, whose answer does it.
void Rates::Arm(Gate& gate) {
  if (const uint32_t wanted = Wanted(gate); wanted > 0) TopUp(gate, wanted);
  if (gate.slots.empty()) return SetAlarm(gate, kNever);
  const RateSlot& first = gate.slots.front();
  Instant when = kNever;
  if (!gate.ready.order.empty()) {
    const uint32_t units = gate.ready.order.front().units;
    if (units > gate.slots.size()) {
      when = first.until + Duration(1);  // or those in hand are late before the others come
    } else {
      const RateSlot& last = gate.slots[units - 1];
      when = last.due > gate.woken_for ? last.from : std::max(last.from, gate.woken + kPause);
    }
  }
  if (!gate.leading.order.empty()) {
    const auto fresh = std::ranges::find_if(
        gate.slots, [&gate](const RateSlot& slot) { return slot.due > gate.announced; });
    const Instant lead = fresh == gate.slots.end() ? first.until + Duration(1)
                                                   : fresh->from - gate.leading.order.front().lead;
    when = std::min(when, lead);
  }
  if (gate.ready.order.empty() && gate.leading.order.empty()) when = gate.interest + kHold;
  SetAlarm(gate, when);
}

void Rates::SetAlarm(Gate& gate, Instant when) {
  if (gate.alarm == when) return;
  if (gate.alarm != kNever) alarms_.erase({gate.alarm, &gate});
  gate.alarm = when;
  if (when != kNever) alarms_.emplace(when, &gate);
  SetTimer();
}

void Rates::OnTimer() {
  const Instant now = clock_.Now();
  std::vector<Gate*> due;
  for (const auto& [when, gate] : alarms_) {
    if (when > now) break;
    due.push_back(gate);
  }
  for (Gate* gate : due) {
    SetAlarm(*gate, kNever);
    Fire(*gate);
  }
  // What they do may change every gate.
  const std::vector<std::string> woken = std::exchange(woken_, {});
  SetTimer();
  for (const std::string& who : woken) open_(who);
}

void Rates::Renew() {
  ++generation_;
  alarms_.clear();
  timer_.Set(kNever);
  auto gates = std::exchange(gates_, {});
  for (auto& [name, gate] : gates) {
    if (!gate.slots.empty()) PutBack(name, {gate.slots.begin(), gate.slots.end()});
    if (gate.owed == 0) continue;
    Gate& kept = gates_[name];
    kept.name = name;
    kept.rate = gate.rate;
    kept.owed = gate.owed;
  }
}

// What nobody uses any more goes, whenever the number has doubled since the last time.
void Rates::SweepGates() {
  if (gates_.size() < sweep_gates_at_) return;
  std::erase_if(gates_, [](const auto& one) {
    const Gate& gate = one.second;
    return gate.slots.empty() && !gate.asked && gate.owed == 0 && gate.ready.order.empty() &&
           gate.leading.order.empty();
  });
  sweep_gates_at_ = std::max(kSweepLeast, 2 * gates_.size());
}

void Rates::SweepBuckets(Instant now) {
  if (buckets_.size() < sweep_buckets_at_) return;
  queue::Transaction transaction;
  std::erase_if(buckets_, [&](const auto& one) {
    if (!one.second.bucket.IsIdle(now)) return false;
    if (one.second.kept == WallTime{}) return true;
    // A few a time: no transaction may become long.
    if (transaction.lifted.size() == kLiftedAtOnce) return false;
    transaction.lifted.push_back(RowOf(one.first));
    --rows_;
    return true;
  });
  if (!transaction.lifted.empty()) links_->Submit(std::move(transaction), false, {});
  sweep_buckets_at_ = std::max(kSweepLeast, 2 * buckets_.size());
}

}  // namespace sluice::engine
