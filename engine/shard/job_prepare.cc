// engine/shard/job_prepare.cc — the part of the Scheduler that takes jobs out of the queue of a site
// and has their content read ahead.

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {

// Is there more to take out of the queue before a connection can be given the right job?
bool Scheduler::MustPrepare(const Site& site) const {
  if (!site.queue.CanGo()) return false;
  if (site.queue.NextClass() == queue::MailClass::kBulk)
    return site.prepared.empty() && site.preparing < site.read_ahead;
  // It goes ahead of the bulk that is prepared.
  const bool is_first = !site.prepared.empty() && jobs_.at(site.prepared.front()).mail_class ==
                                                      queue::MailClass::kTransactional;
  return !is_first && site.preparing < 2 * kPrepareMax;
}

bool Scheduler::Prepare(Site& site) {
  while (MustPrepare(site)) {
    auto next = TakeNext(site);
    if (!next) break;
    const uint64_t id = next_job_++;
    JobState& state = jobs_[id];
    state.site = &site;
    state.job.id = id;
    state.mail_class = queue::MailClassOf(lanes_.Get(next->first)->key.campaign);
    AddRecipient(state, next->first, std::move(next->second));
    Gather(site, state);
    state.unanswered = state.lanes.size();
    if (state.job.content || state.job.message->message.body.length > kWindowBytes) {
      AddPrepared(site, id);
    } else {
      if (site.preparing == 0) PaceReading(site);
      ++site.preparing;
      ReadContent(id);
    }
  }
  return !site.prepared.empty();
}

void Scheduler::AddPrepared(Site& site, uint64_t id) {
  auto at = site.prepared.end();
  if (jobs_.at(id).mail_class == queue::MailClass::kTransactional)
    at = std::ranges::find_if(site.prepared, [this](uint64_t other) {
      return jobs_.at(other).mail_class == queue::MailClass::kBulk;
    });
  site.prepared.insert(at, id);
}

// Reading begins anew: what was read last time has left.
void Scheduler::PaceReading(Site& site) {
  const Instant now = shard_.clock.Now();
  const Duration took = now - site.read_at;
  site.read_at = now;
  if (took < kReadAhead / 2) {
    site.read_ahead = std::min(kPrepareMax, site.read_ahead * 2);
  } else if (took > kReadAhead * 2) {
    site.read_ahead = uint32_t(std::max<int64_t>(1, site.read_ahead * kReadAhead / took));
  }
}

void Scheduler::ReadContent(uint64_t id) {
  const queue::BodyLocation body = jobs_.at(id).job.message->message.body;
  links_.Ask([this, id, body](queue::Queue& queue) -> Task {
    return [this, id, content = queue.ReadBody(body, 0, body.length)]() mutable {
      OnContent(id, std::move(content));
    };
  });
}

void Scheduler::OnContent(uint64_t id, Result<std::string> content) {
  JobState& state = jobs_.at(id);
  Site& site = *state.site;
  CHECK(site.preparing > 0);
  --site.preparing;
  if (content) {
    auto body = MakeRef<Body>(&shard_.bodies);
    body->Append(*content);
    state.job.content = std::move(body);
  }
  const Lane& lane = *lanes_.Get(state.lanes.front());
  if (!content) {
    // Perhaps it was moved while we read: look the message up again, with the next try.
    Reload(id);
  } else if (lane.site != &site || shard_.clock.Now() < site.suspended_until || !MaySend()) {
    ReturnPrepared(id);
  } else {
    AddPrepared(site, id);
    Pump(site);
  }
  Touch(site);
}

void Scheduler::Reload(uint64_t id) {
  JobState& state = jobs_.at(id);
  const queue::RecipientId first = state.job.recipients.front().id;
  const queue::BodyLocation body = state.job.message->message.body;
  ++state.site->preparing;
  links_.Ask([this, id, first, body](queue::Queue& queue) -> Task {
    Result<queue::LoadedRecipient> loaded = queue.Load(first);
    const bool moved = loaded && !(loaded->message.body == body);
    Result<std::string> content =
        moved ? queue.ReadBody(loaded->message.body, 0, loaded->message.body.length)
              : Result<std::string>(Fail(ErrorCode::kCorrupt, "the stored body cannot be read"));
    return [this, id, loaded = std::move(loaded), content = std::move(content)]() mutable {
      JobState& again = jobs_.at(id);
      if (content) {
        again.job.message = MakeRef<SharedMessage>(std::move(loaded->message));
        return OnContent(id, std::move(content));
      }
      --again.site->preparing;
      Unreadable(id, content.error().what);
    };
  });
}

// The stored body is damaged: every recipient of the job hears so, by the schedule.
void Scheduler::Unreadable(uint64_t id, const std::string& why) {
  JobState state = std::move(jobs_.at(id));
  jobs_.erase(id);
  AttemptResult result;
  result.stage = Stage::kLocal;
  result.fault = Fault::kContentUnreadable;
  result.text = why;
  for (size_t i = 0; i < state.lanes.size(); ++i)
    RecordAttempt(state, state.job, i, result, state.site->name, "");
  Touch(*state.site);
}

void Scheduler::ReturnPrepared(uint64_t id) {
  JobState state = std::move(jobs_.at(id));
  jobs_.erase(id);
  for (size_t i = state.lanes.size(); i-- > 0;)
    PutBack(state.lanes[i], {state.job.message, std::move(state.job.recipients[i]),
                             state.job.content, state.indexed[i]});
}

}  // namespace sluice::engine
