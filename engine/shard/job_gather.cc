// engine/shard/job_gather.cc — the part of the Scheduler that puts recipients of one message into
// one job.

#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {

void Scheduler::AddRecipient(JobState& state, LaneHandle handle, Waiting waiting) {
  if (state.lanes.empty()) {
    state.job.message = waiting.message;
    state.job.content = waiting.content;
    state.source = waiting.recipient.source;
  }
  state.job.recipients.push_back(std::move(waiting.recipient));
  state.lanes.push_back(handle);
  state.indexed.push_back(waiting.indexed);
}

// A transaction goes over one connection, made under one TLS policy and for one shape.
bool Scheduler::MayJoin(const JobState& state, const Lane& lane) {
  const std::string_view first = DomainOf(state.job.recipients.front().address);
  if (!shapes_.Alike(first, lane.key.domain)) return false;
  return shared_.policies == nullptr || shared_.policies->Alike(first, lane.key.domain);
}

// Adds the recipients of the same message that head other lanes of the site, or follow in the same
// lane: one transaction carries them all.
void Scheduler::Gather(Site& site, JobState& state) {
  const MessageId message = state.job.message->message.id;
  if (state.job.message->message.recipients == 1) return;
  static constexpr size_t kLanesLooked = 64;
  const std::string_view domain = DomainOf(state.job.recipients.front().address);
  size_t most = RecipientsOf(site, domain);
  if (warmup_.any()) most = std::min<size_t>(most, config::kWarmupLeast);
  for (size_t i = 0; i < std::min(kLanesLooked, site.lanes.size()); ++i) {
    const LaneHandle handle = site.lanes[i];
    Lane& lane = *lanes_.Get(handle);
    const auto heads = [&lane, &state, message] {
      if (lane.ready() == 0 || lane.window->queued == kNoPlace) return false;
      const Waiting& first = lane.window->ready.front();
      return first.message->message.id == message && first.recipient.source == state.source;
    };
    if (!heads() || !MayJoin(state, lane)) continue;
    while (state.lanes.size() < most && heads()) {
      site.queue.Joined(lane.window->queued);
      AddRecipient(state, handle, lanes_.Take(lane));
    }
    Requeue(lane, handle);
  }
}

}  // namespace sluice::engine
