#include "engine/shard/order_sweeper.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/message_id.h"
#include "engine/base/text.h"

namespace sluice::engine {

using queue::OrderKind;
using queue::OrderScope;

OrderSweeper::OrderSweeper(ShardContext& shard, Scheduler& scheduler, Links& links,
                           std::function<bool(std::string_view)> owns)
    : shard_(shard),
      scheduler_(scheduler),
      links_(links),
      owns_(std::move(owns)),
      timer_(shard.timers, [this] { Step(); }) {}

void OrderSweeper::Sweep(const queue::Order& order, ToldFn told) {
  errands_.push_back({std::make_shared<const queue::Order>(order), std::move(told)});
  if (errands_.size() == 1) BeginPass();
}

void OrderSweeper::BeginPass() {
  const queue::Order& order = *errands_.front().order;
  began_ = shard_.clock.Wall();
  slot_ = 0;
  settled_ = told_ = 0;
  failed_ = again_ = false;
  if (order.scope == OrderScope::kMessage) {
    slot_ = UINT32_MAX;
    FindLanesOfMessage(0);
  }
  Soon(Duration(0));
}

// Only the queue knows which lanes they wait in.
void OrderSweeper::FindLanesOfMessage(uint32_t from) {
  const MessageId id = ParseMessageId(errands_.front().order->name).value_or(0);
  ++asking_;
  links_.Ask([this, id, from](queue::Queue& queue) -> Task {
    return [this, page = queue.Recipients(id, from, kPage)] {
      --asking_;
      failed_ |= !page;
      if (page && !page->empty()) {
        for (const queue::LoadedRecipient& one : *page) {
          if (!owns_(DomainOf(one.recipient.address))) continue;
          const LaneHandle lane =
              scheduler_.lanes().Find(queue::LaneKeyOf(one.message, one.recipient.address));
          if (!lane.empty() && std::ranges::find(lanes_, lane) == lanes_.end())
            lanes_.push_back(lane);
        }
        if (page->size() == kPage) FindLanesOfMessage(page->back().recipient.id.index + 1);
      }
      Soon(Duration(0));
    };
  });
}

void OrderSweeper::LookAtSlots() {
  if (slot_ == UINT32_MAX) return;
  const queue::Order& order = *errands_.front().order;
  slot_ = scheduler_.lanes().Visit(slot_, kSlots, [&](LaneHandle handle, const Lane& lane) {
    if (MayConcern(order, lane.key)) lanes_.push_back(handle);
  });
}

bool OrderSweeper::MayEnd() const {
  return slot_ == UINT32_MAX && lanes_.empty() && walking_ == 0 && asking_ == 0;
}

void OrderSweeper::Step() {
  if (errands_.empty() || !scheduler_.MaySend()) return;  // the next start goes on with it
  if (Busy()) return Soon(kPause);
  if (lanes_.size() < kSlots) LookAtSlots();
  while (!walks_.empty() && !Busy()) {
    const Walk walk = walks_.front();
    walks_.pop_front();
    ReadPage(walk);
  }
  // One that is being refilled comes again: each is looked at once a turn.
  for (size_t left = lanes_.size(); left > 0 && walking_ < kWalksMax && !Busy(); --left) {
    const LaneHandle handle = lanes_.front();
    lanes_.pop_front();
    Work(handle);
  }
  if (MayEnd()) return EndPass();
  if (slot_ != UINT32_MAX || !lanes_.empty() || !walks_.empty()) Soon(kPause);
}

void OrderSweeper::Work(LaneHandle handle) {
  Lanes& lanes = scheduler_.lanes();
  Lane* lane = lanes.Get(handle);
  if (lane == nullptr) return;
  const queue::Order& order = *errands_.front().order;
  if (!lanes.Hold(*lane)) {
    lanes_.push_back(handle);
    return;
  }
  ++walking_;
  if (order.kind == OrderKind::kRetry) {
    scheduler_.ProbeNow(*lane);
  } else {
    const auto meant = [&order](const Waiting& waiting) {
      return Concerns(order, waiting.message->message, waiting.recipient.address);
    };
    for (Waiting& waiting : scheduler_.TakeAll(*lane, handle, meant))
      Settle(handle, std::move(waiting));
  }
  ReadPage({handle, {}});
}

void OrderSweeper::ReadPage(const Walk& walk) {
  const std::shared_ptr<const queue::Order> order = errands_.front().order;
  const bool one_message = order->scope == OrderScope::kMessage;
  const MessageId message = one_message ? ParseMessageId(order->name).value_or(0) : 0;
  const size_t rows = one_message ? kPageOfKeys : kPage;
  const queue::LaneId id = scheduler_.lanes().Get(walk.lane)->id;
  ++asking_;
  links_.Ask([this, order, message, rows, id, walk, now = began_](queue::Queue& queue) -> Task {
    const auto meant = [&order, now](const queue::LoadedRecipient& row) {
      if (!Concerns(*order, row.message, row.recipient.address)) return false;
      if (order->kind == OrderKind::kCancel) return true;
      // What limits of ours or the sender's schedule hold back is not deferred.
      const bool held = ReleasedOf(row.message, row.recipient) > now;
      return !held && row.recipient.due > now && row.recipient.due != queue::kCapturedDue;
    };
    return
        [this, lane = walk.lane, page = queue.Walk(id, walk.from, rows, message, meant)]() mutable {
          --asking_;
          OnPage(lane, std::move(page));
        };
  });
}

void OrderSweeper::OnPage(LaneHandle handle, Result<queue::Queue::Search> page) {
  Lanes& lanes = scheduler_.lanes();
  Lane& lane = *lanes.Get(handle);  // it is held
  failed_ |= !page;
  Ref<const SharedMessage> last;
  if (page) {
    for (queue::LoadedRecipient& row : page->found) {
      const Lanes::Claimed claimed = lanes.Claim(lane, row.recipient.id);
      again_ |= claimed == Lanes::Claimed::kLeaving;
      if (claimed != Lanes::Claimed::kTaken) continue;
      if (!last || last->message.id != row.message.id)
        last = MakeRef<SharedMessage>(std::move(row.message));
      Settle(handle, {last, std::move(row.recipient), {}, true});
    }
  }
  lanes.PageDone(lane);
  if (page && page->next && scheduler_.MaySend()) {
    walks_.push_back({handle, *page->next});
  } else {
    --walking_;
    lanes.LetGo(lane, handle);
  }
  Soon(Busy() ? kPause : Duration(0));
}

void OrderSweeper::Settle(LaneHandle handle, Waiting waiting) {
  const Errand& errand = errands_.front();
  ++settled_;
  if (errand.order->kind == OrderKind::kCancel) {
    scheduler_.Cancel(handle, std::move(waiting), *errand.order);
  } else {
    scheduler_.MakeDue(handle, std::move(waiting));
  }
  if (settled_ - told_ < kTellEvery) return;
  errand.told(settled_ - told_, false);
  told_ = settled_;
}

void OrderSweeper::EndPass() {
  const bool cancel = errands_.front().order->kind == OrderKind::kCancel;
  const bool again = failed_ || (cancel && (settled_ > 0 || again_));
  const Errand errand = again ? errands_.front() : std::move(errands_.front());
  if (settled_ > told_ || !again) errand.told(settled_ - told_, !again);
  const bool failed = failed_;
  if (!again) errands_.pop_front();
  if (errands_.empty()) return;
  BeginPass();
  if (again && failed) Soon(kRetry);
}

}  // namespace sluice::engine
