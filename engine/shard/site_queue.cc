#include "engine/shard/site_queue.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

uint64_t KeyOf(WallTime due) { return uint64_t(std::max<int64_t>(0, MicrosOf(due))); }

}  // namespace

void QueueNodes::Reweigh() {
  children.ForEach([this](uint32_t place) {
    QueueGroup& group = groups[place];
    const bool is_tenant = groups[group.parent].parent == kNoPlace;
    if (is_tenant) group.weight = WeightOf(names.Text(group.name));
  });
}

// ---- lanes -----------------------------------------------------------------------------------

QueuePlace SiteQueue::Add(Handle<Lane> lane, std::string_view tenant, std::string_view campaign,
                          WallTime due) {
  const queue::MailClass mail_class = queue::MailClassOf(campaign);
  uint32_t& root = roots_[size_t(mail_class)];
  if (root == kNoPlace) {
    root = nodes_.groups.Take();
    nodes_.groups[root].mail_class = mail_class;
  }
  const uint32_t parent = Child(Child(root, tenant), queue::CampaignOf(campaign));
  const QueuePlace place = nodes_.lanes.Take();
  QueuedLane& queued = nodes_.lanes[place];
  queued.key = KeyOf(due);
  queued.campaign = parent;
  queued.lane = lane;
  ++counts_[size_t(mail_class)];
  ++nodes_.groups[parent].below;
  LeftistHeap(nodes_.lanes).Push(nodes_.groups[parent].top, place);
  Link(parent);
  return place;
}

void SiteQueue::Move(QueuePlace place, WallTime due) {
  QueuedLane& queued = nodes_.lanes[place];
  if (queued.key == KeyOf(due)) return;
  uint32_t& top = nodes_.groups[queued.campaign].top;
  LeftistHeap heap(nodes_.lanes);
  if (!queued.parked) heap.Remove(top, place);
  queued.key = KeyOf(due);
  if (!queued.parked) heap.Push(top, place);
}

void SiteQueue::Park(QueuePlace place) {
  QueuedLane& queued = nodes_.lanes[place];
  if (std::exchange(queued.parked, true)) return;
  LeftistHeap(nodes_.lanes).Remove(nodes_.groups[queued.campaign].top, place);
  Unlink(queued.campaign);
}

void SiteQueue::Unpark(QueuePlace place) {
  QueuedLane& queued = nodes_.lanes[place];
  if (!std::exchange(queued.parked, false)) return;
  LeftistHeap(nodes_.lanes).Push(nodes_.groups[queued.campaign].top, place);
  Link(queued.campaign);
}

void SiteQueue::Remove(QueuePlace place) {
  const uint32_t campaign = nodes_.lanes[place].campaign;
  QueueGroup& group = nodes_.groups[campaign];
  const size_t mail_class = size_t(group.mail_class);
  if (!nodes_.lanes[place].parked) LeftistHeap(nodes_.lanes).Remove(group.top, place);
  nodes_.lanes.Free(place);
  CHECK(group.below > 0);
  --group.below;
  Unlink(campaign);
  if (group.below == 0) Leave(campaign);
  CHECK(counts_[mail_class] > 0);
  // With nobody to compare with, nobody has had more than a share.
  if (--counts_[mail_class] == 0) ForgetAll(mail_class);
}

// ---- turns -----------------------------------------------------------------------------------

queue::MailClass SiteQueue::NextClass() const {
  const bool bulk = MayGo(kBulk) && (!MayGo(kTransactional) || ahead_ + 1 >= kBulkOneIn);
  return bulk ? queue::MailClass::kBulk : queue::MailClass::kTransactional;
}

Handle<Lane> SiteQueue::Next() const {
  if (!CanGo()) return {};
  const Pool<QueueGroup>& groups = nodes_.groups;
  const uint32_t tenant = groups[roots_[size_t(NextClass())]].top;
  return nodes_.lanes[groups[groups[tenant].top].top].lane;
}

void SiteQueue::Took(QueuePlace place) {
  const uint32_t campaign = nodes_.lanes[place].campaign;
  if (nodes_.groups[campaign].mail_class == queue::MailClass::kBulk || !MayGo(kBulk)) {
    ahead_ = 0;
  } else {
    ++ahead_;
  }
  Charge(campaign, true);
  if (!indebted_.empty()) ForgetOne();
}

// One recipient of the campaign is on its way: it and its tenant come again later.
void SiteQueue::Charge(uint32_t campaign, bool in_turn) {
  LeftistHeap heap(nodes_.groups);
  for (uint32_t at = campaign; nodes_.groups[at].parent != kNoPlace;
       at = nodes_.groups[at].parent) {
    QueueGroup& group = nodes_.groups[at];
    QueueGroup& parent = nodes_.groups[group.parent];
    if (in_turn) parent.virtual_time = std::max(parent.virtual_time, group.key);
    const bool linked = group.rank > 0;
    if (linked) heap.Remove(parent.top, at);
    group.key += StepOf(group);
    if (linked) heap.Push(parent.top, at);
  }
}

void SiteQueue::GaveBack(QueuePlace place) {
  LeftistHeap heap(nodes_.groups);
  for (uint32_t at = nodes_.lanes[place].campaign; nodes_.groups[at].parent != kNoPlace;
       at = nodes_.groups[at].parent) {
    QueueGroup& group = nodes_.groups[at];
    const bool linked = group.rank > 0;
    uint32_t& top = nodes_.groups[group.parent].top;
    if (linked) heap.Remove(top, at);
    group.key -= std::min(group.key, StepOf(group));
    if (linked) heap.Push(top, at);
  }
}

// ---- groups ----------------------------------------------------------------------------------

uint32_t SiteQueue::FindChild(uint32_t parent, uint32_t name) const {
  if (parent == kNoPlace || name == kNoPlace) return kNoPlace;
  return nodes_.children.Find(GroupHash::Of(parent, name), [&](uint32_t place) {
    return nodes_.groups[place].parent == parent && nodes_.groups[place].name == name;
  });
}

uint32_t SiteQueue::Child(uint32_t parent, std::string_view name) {
  const uint32_t known = FindChild(parent, nodes_.names.Find(name));
  if (known != kNoPlace) return known;
  const uint32_t place = nodes_.groups.Take();
  QueueGroup& group = nodes_.groups[place];
  group.parent = parent;
  group.name = nodes_.names.Hold(name);
  group.mail_class = nodes_.groups[parent].mail_class;
  if (nodes_.groups[parent].parent == kNoPlace) group.weight = nodes_.WeightOf(name);
  nodes_.children.Add(place);
  ++nodes_.groups[parent].below;
  group.closed = IsClosed(place);
  return place;
}

bool SiteQueue::IsClosed(uint32_t place) const {
  if (nodes_.closings.empty() && !closings_) return false;
  const QueueGroup& group = nodes_.groups[place];
  const QueueGroup& parent = nodes_.groups[group.parent];
  MailOwner owner{.tenant = nodes_.names.Text(group.name)};
  if (parent.parent != kNoPlace)
    owner = {.tenant = nodes_.names.Text(parent.name), .campaign = nodes_.names.Text(group.name)};
  return nodes_.closings.Covers(group.mail_class, owner) ||
         (closings_ && closings_->Covers(group.mail_class, owner));
}

// Puts a group that may go into its parent's heap, and so on upwards.
void SiteQueue::Link(uint32_t place) {
  for (;;) {
    QueueGroup& group = nodes_.groups[place];
    const bool linked = group.rank > 0;
    if (group.parent == kNoPlace || linked || group.closed || group.top == kNoPlace) return;
    QueueGroup& parent = nodes_.groups[group.parent];
    const bool kept = std::exchange(group.kept, false);
    group.key = std::max(group.key, parent.virtual_time + (kept ? 0 : StepOf(group)));
    LeftistHeap(nodes_.groups).Push(parent.top, place);
    place = group.parent;
  }
}

// Takes a group that may go no more out of its parent's heap, and so on upwards.
void SiteQueue::Unlink(uint32_t place) {
  for (;;) {
    QueueGroup& group = nodes_.groups[place];
    const bool linked = group.rank > 0;
    if (!linked || (group.top != kNoPlace && !group.closed)) return;
    LeftistHeap(nodes_.groups).Remove(nodes_.groups[group.parent].top, place);
    group.kept = !group.closed && group.below > 0;
    place = group.parent;
  }
}

// Nothing is left below the group. Who has had more than the others is remembered until they have
// had as much: coming and going must not pay.
void SiteQueue::Leave(uint32_t place) {
  QueueGroup& group = nodes_.groups[place];
  group.kept = false;
  if (group.parent != kNoPlace &&
      group.key > nodes_.groups[group.parent].virtual_time + StepOf(group)) {
    if (!std::exchange(group.indebted, true)) indebted_.push_back(place);
    return;
  }
  if (!group.indebted) Forget(place);  // else it is in the list, which decides
}

void SiteQueue::Forget(uint32_t place) {
  const QueueGroup& group = nodes_.groups[place];
  const uint32_t parent = group.parent;
  if (parent == kNoPlace) {
    roots_[size_t(group.mail_class)] = kNoPlace;
    return nodes_.groups.Free(place);
  }
  nodes_.children.Remove(place);
  nodes_.names.Drop(group.name);
  nodes_.groups.Free(place);
  if (--nodes_.groups[parent].below == 0) Leave(parent);
}

// Looks at one of those that are remembered.
void SiteQueue::ForgetOne() {
  cursor_ = cursor_ + 1 < indebted_.size() ? cursor_ + 1 : 0;
  const uint32_t place = indebted_[cursor_];
  QueueGroup& group = nodes_.groups[place];
  const bool even = group.key <= nodes_.groups[group.parent].virtual_time + StepOf(group);
  if (group.below == 0 && !even) return;
  group.indebted = false;
  indebted_[cursor_] = indebted_.back();
  indebted_.pop_back();
  if (group.below == 0) Forget(place);
}

void SiteQueue::ForgetAll(size_t mail_class) {
  std::vector<uint32_t> others;
  std::vector<uint32_t> tenants;
  for (const uint32_t place : std::exchange(indebted_, {})) {
    const QueueGroup& group = nodes_.groups[place];
    if (size_t(group.mail_class) != mail_class) {
      others.push_back(place);
    } else if (nodes_.groups[group.parent].parent == kNoPlace) {
      tenants.push_back(place);
    } else {
      Forget(place);  // its tenant goes with it, or to a list
    }
  }
  std::ranges::move(std::exchange(indebted_, std::move(others)), std::back_inserter(tenants));
  for (const uint32_t place : tenants) Forget(place);
  cursor_ = 0;
}

// ---- closings --------------------------------------------------------------------------------

void SiteQueue::Refresh(const MailOwner& owner) {
  const uint32_t tenant_name = nodes_.names.Find(owner.tenant);
  const uint32_t campaign_name = owner.campaign ? nodes_.names.Find(*owner.campaign) : kNoPlace;
  for (const uint32_t root : roots_) {
    uint32_t place = FindChild(root, tenant_name);
    if (owner.campaign) place = FindChild(place, campaign_name);
    if (place == kNoPlace) continue;
    nodes_.groups[place].closed = IsClosed(place);
    Unlink(place);
    Link(place);
  }
}

void SiteQueue::Close(const Closing& closing, Instant until) {
  if (!closings_) closings_ = std::make_unique<Closings>();
  closings_->Set(closing, until);
  Refresh(closing.owner);
}

void SiteQueue::Open(const Closing& closing) {
  if (!closings_ || !closings_->Clear(closing)) return;
  if (closings_->empty()) closings_.reset();
  Refresh(closing.owner);
}

void SiteQueue::OpenDue(Instant now) {
  if (!closings_) return;
  const std::vector<MailOwner> owners = closings_->TakeDue(now);
  if (closings_->empty()) closings_.reset();
  for (const MailOwner& owner : owners) Refresh(owner);
}

}  // namespace sluice::engine
