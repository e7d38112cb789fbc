#include "engine/shard/recorder.h"

#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/log/log.h"
#include "engine/shard/rotation.h"
#include "engine/signing/signing.h"
#include "smtp/mime_fields.h"

namespace sluice::engine {
namespace {

queue::EventType TypeOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDelivered:
      return queue::EventType::kDelivered;
    case Outcome::kDeferred:
      return queue::EventType::kDeferred;
    case Outcome::kBounced:
      return queue::EventType::kBounced;
    case Outcome::kExpired:
      return queue::EventType::kExpired;
    case Outcome::kCancelled:
      return queue::EventType::kCancelled;
  }
  CHECK(false);
}

// What is shown as the last word on a waiting recipient: "421 4.7.0 text".
std::string LastReply(const Verdict& verdict) {
  std::string out;
  if (verdict.code != 0) out = std::to_string(verdict.code) + " ";
  if (!verdict.enhanced.empty()) out += verdict.enhanced + " ";
  out += verdict.text;
  if (out.size() > queue::kMaxReplyText) out.resize(queue::kMaxReplyText);
  return out;
}

queue::Event EventOf(const queue::Message& message, const queue::Recipient& recipient) {
  queue::Event event;
  event.message = message.id;
  event.recipient_index = recipient.id.index;
  event.recipient = recipient.address;
  event.sender = message.sender;
  event.tenant = message.tenant;
  event.campaign = message.campaign;
  return event;
}

queue::Event NoReport(const queue::Insert& report, const Error& why, WallTime now) {
  queue::Event event;
  event.type = queue::EventType::kAlert;
  event.time = now;
  event.reason = "no_report";
  event.recipient = report.recipients.front().address;
  event.text = "a delivery report to this sender could not be queued, none is sent: " + why.what;
  return event;
}

// Another thread may have moved the body since the message was read: then it is where the record
// says now.
Result<std::string> ReadOriginal(queue::Queue& queue, const queue::RecipientId& id,
                                 const queue::BodyLocation& body, uint32_t length) {
  Result<std::string> original = queue.ReadBody(body, 0, length);
  if (original) return original;
  const Result<queue::LoadedRecipient> loaded = queue.Load(id);
  return loaded ? queue.ReadBody(loaded->message.body, 0, length) : original;
}

}  // namespace

queue::Event AcceptedEvent(const queue::Message& message, const queue::Recipient& recipient,
                           uint64_t size, const std::string& peer) {
  queue::Event event = EventOf(message, recipient);
  event.type = queue::EventType::kAccepted;
  event.time = message.accepted;
  event.size = size;
  event.user = message.user;
  event.peer = peer;
  return event;
}

queue::Event Recorder::MakeEvent(const Waiting& waiting, const Verdict& verdict,
                                 const AttemptPlace& place) const {
  const queue::Message& message = waiting.message->message;
  queue::Event event = EventOf(message, waiting.recipient);
  event.type = TypeOf(verdict.outcome);
  event.time = shard_.clock.Wall();
  event.size = message.body.length;
  event.site = place.site;
  event.source = place.source;
  if (place.result != nullptr) {
    event.host = place.result->host;
    event.tls = place.result->tls;
    event.tls_policy = place.result->tls_policy;
  }
  event.code = verdict.code;
  event.enhanced = verdict.enhanced;
  event.text = verdict.text;
  event.reason = std::string(verdict.reason);
  event.attempt = waiting.recipient.attempts;
  event.queue_ms = (event.time - message.accepted).count() / 1'000;
  if (verdict.outcome == Outcome::kDeferred) event.next_due = verdict.next_due;
  return event;
}

void Recorder::Count(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDelivered:
      ++counts_.delivered;
      return;
    case Outcome::kDeferred:
      ++counts_.deferred;
      return;
    case Outcome::kBounced:
      ++counts_.bounced;
      return;
    case Outcome::kExpired:
      ++counts_.expired;
      return;
    case Outcome::kCancelled:
      ++counts_.cancelled;
      return;
  }
}

void Recorder::Record(LaneHandle lane, Waiting waiting, const Verdict& verdict,
                      const AttemptPlace& place) {
  if (verdict.outcome == Outcome::kDeferred) {
    const queue::Order* order =
        orders_.CancelOf(waiting.message->message, waiting.recipient.address);
    if (order != nullptr) {
      Verdict cancelled = JudgeCancelled(*order);
      cancelled.counts = verdict.counts;
      return Record(lane, std::move(waiting), cancelled, place);
    }
  }
  lanes_.Committing(*lanes_.Get(lane));
  Count(verdict.outcome);
  campaigns_.Ended(waiting.message->message, verdict.outcome, shard_.clock.Wall());
  if (verdict.counts && waiting.recipient.attempts < UINT16_MAX) ++waiting.recipient.attempts;
  queue::Event event = MakeEvent(waiting, verdict, place);
  Change change{lane, std::move(waiting), verdict, std::move(event)};
  const queue::Message& message = change.waiting.message->message;
  const queue::Recipient& recipient = change.waiting.recipient;
  switch (verdict.outcome) {
    case Outcome::kBounced:
    case Outcome::kExpired:
      if (WantsReport(ReportKind::kFailed, message, recipient))
        return WithReport(ReportKind::kFailed, std::move(change));
      break;
    case Outcome::kDeferred: {
      const auto& notice = shard_.config->retry.delay_notice;
      if (notice && change.event.time - ReleasedOf(message, recipient) >= *notice &&
          WantsReport(ReportKind::kDelayed, message, recipient))
        return WithReport(ReportKind::kDelayed, std::move(change));
      break;
    }
    case Outcome::kDelivered:
      if (place.result != nullptr && !place.result->dsn_passed_on &&
          WantsReport(ReportKind::kRelayed, message, recipient))
        return WithReport(ReportKind::kRelayed, std::move(change));
      break;
    case Outcome::kCancelled:
      break;
  }
  Commit(std::move(change), std::nullopt);
}

void Recorder::MakeDue(LaneHandle handle, Waiting waiting, WallTime due) {
  Lane& lane = *lanes_.Get(handle);
  lanes_.Committing(lane);
  const queue::RecipientId id = waiting.recipient.id;
  waiting.recipient.due = due;
  queue::Transaction transaction;
  transaction.postpones.push_back({std::move(waiting.recipient), lane.key.ToKey()});
  Submit(std::move(transaction),
         {handle, id, waiting.indexed, true, due, std::nullopt, std::nullopt});
}

void Recorder::WithReport(ReportKind kind, Change change) {
  const queue::Message& message = change.waiting.message->message;
  const uint32_t length = ReportOriginalLength(kind, message);
  auto build = [this, kind](Change ready, std::string original) {
    const queue::Message& about = ready.waiting.message->message;
    ReportRequest request{.kind = kind,
                          .hostname = shard_.config->hostname,
                          .id = owner_.NewMessageId(),
                          .now = shard_.clock.Wall(),
                          .will_retry_until = ready.verdict.tried_until,
                          .original = std::move(original),
                          .budget = &shard_.bodies};
    queue::Insert report =
        BuildReport(std::move(request), about, ready.waiting.recipient, ready.event);
    ready.waiting.recipient.delay_told |= kind == ReportKind::kDelayed;
    SignReport(std::move(ready), std::move(report));
  };
  if (change.waiting.content) {
    std::string original;
    change.waiting.content->ForEachPiece(0, length, [&](std::string_view p) { original += p; });
    return build(std::move(change), std::move(original));
  }
  links_.Ask([build = std::move(build), change = std::move(change), body = message.body,
              length](queue::Queue& queue) mutable -> Task {
    Result<std::string> original = ReadOriginal(queue, change.waiting.recipient.id, body, length);
    return [build = std::move(build), change = std::move(change),
            original = original.value_or("")]() mutable {
      build(std::move(change), std::move(original));
    };
  });
}

// Design 12.8. What cannot be signed goes without: the sender must hear of it all the same.
void Recorder::SignReport(Change change, queue::Insert report) {
  const auto& keyring = shard_.keyring;
  if (keyring == nullptr || keyring->reporters().keys.empty())
    return Commit(std::move(change), std::move(report));
  const std::string text = report.content->ToString();
  const smtp::MimeSplit split = smtp::SplitPart(text);
  smtp::DkimBodyHash hash(keyring->body_form());
  hash.Update(split.body);
  SignTask task{.keyring = keyring,
                .keys = keyring->reporters().keys,
                .header = std::string(split.header),
                .body_form = keyring->body_form(),
                .body_hash = hash.Finish(),
                .now = report.message.accepted};
  queue::Signature signature = SignatureOf(task);
  shard_.signing->Sign(
      std::move(task), [this, signature = std::move(signature), change = std::move(change),
                        report = std::move(report)](Result<std::string> fields) mutable {
        if (fields) {
          auto body = MakeRef<Body>(&shard_.bodies);
          body->Append(*fields);
          report.content->ForEachPiece(0, report.content->size(),
                                       [&](std::string_view piece) { body->Append(piece); });
          report.content = std::move(body);
          PutSignature(std::move(signature), fields->size(), report.message);
        }
        Commit(std::move(change), std::move(report));
      });
}

void Recorder::Commit(Change change, std::optional<queue::Insert> report) {
  queue::Transaction transaction;
  const queue::RecipientId id = change.waiting.recipient.id;
  const bool indexed = change.waiting.indexed;
  const bool deferred = change.verdict.outcome == Outcome::kDeferred;
  const WallTime due = change.verdict.next_due;
  const Lane& lane = *lanes_.Get(change.lane);
  if (deferred) {
    change.waiting.recipient.due = due;
    change.waiting.recipient.last_reply = LastReply(change.verdict);
    const bool come_back = change.verdict.reason == reason::kGreylisted;
    change.waiting.recipient.source = come_back ? SourceMark(change.event.source) : 0;
    transaction.postpones.push_back({std::move(change.waiting.recipient), lane.key.ToKey()});
  } else {
    transaction.finishes.push_back({id, lane.id});
  }
  transaction.events.push_back(std::move(change.event));
  Durable written{change.lane, id, indexed, deferred, due, std::nullopt, std::nullopt};
  if (report) {
    written.alone = transaction;
    for (const queue::Recipient& recipient : report->recipients)
      transaction.events.push_back(
          AcceptedEvent(report->message, recipient, report->content->size(), ""));
    written.report = {report->message, report->recipients, {}};
    transaction.inserts.push_back(std::move(*report));
  }
  Submit(std::move(transaction), std::move(written));
}

void Recorder::Submit(queue::Transaction transaction, Durable written) {
  links_.Submit(std::move(transaction), false,
                [this, written = std::move(written)](queue::Committed committed) mutable {
                  if (!committed.status)
                    return Failed(std::move(written), committed.status.error());
                  if (written.report) {
                    written.report->message.body = committed.bodies.front();
                    owner_.OnReportQueued(std::move(written.report->message),
                                          std::move(written.report->recipients));
                  }
                  if (written.deferred)
                    return lanes_.Postponed(written.lane, written.id, written.indexed, written.due);
                  lanes_.Finished(written.lane, written.id, written.indexed);
                });
}

void Recorder::Failed(Durable written, const Error& why) {
  // What has happened is written down also where its report cannot be.
  if (written.alone && !links_.writer().broken()) {
    queue::Transaction alone = std::move(*written.alone);
    alone.events.push_back(NoReport(*written.report, why, shard_.clock.Wall()));
    written.alone.reset();
    written.report.reset();
    return Submit(std::move(alone), std::move(written));
  }
  // The writer is broken, which it has said itself, or the record damaged: on disk the recipient
  // still waits, and the next start takes it up. In memory it is done with.
  ++counts_.commit_failures;
  if (!links_.writer().broken())
    LogError("queue", "what became of a recipient of " + FormatMessageId(written.id.message) +
                          " could not be written down; it waits until the next start: " + why.what);
  lanes_.Abandon(written.lane);
}

}  // namespace sluice::engine
