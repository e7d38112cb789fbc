#include "engine/events/exporter.h"

#include <string>
#include <vector>

#include "engine/events/event_log.h"
#include "engine/log/log.h"

namespace sluice::engine {

Result<std::unique_ptr<Exporter>> Exporter::Open(const config::Events& options, queue::Queue& queue,
                                                 const Clock& clock, FreeFn free) {
  auto log = EventLog::Open(options, clock);
  if (!log) return std::unexpected(log.error());
  return std::make_unique<Exporter>(queue, std::move(*log), std::move(free));
}

bool Exporter::Step() {
  bool more = false;
  const Status status = Export(more);
  SetHealth(status);
  return status && more;
}

Status Exporter::Export(bool& more) {
  const Result<std::vector<queue::OutboxRow>> rows = queue_.Outbox(commit_, part_, kRowsPerStep);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return {};
  for (const queue::OutboxRow& row : *rows)
    for (const queue::OutboxRow::Item& item : row.items) sink_->Append(item.id, item.event);
  if (Status status = sink_->Flush(); !status) return status;
  commit_ = rows->back().commit;
  part_ = rows->back().part;
  free_(commit_, part_);
  more = rows->size() == kRowsPerStep;
  return {};
}

void Exporter::SetHealth(const Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (health_.has_value() == status.has_value()) return;  // told when it changed
    health_ = status;
  }
  if (status)
    LogInfo("events", "events are written again");
  else
    LogError("events", "events stay in the queue until this is put right: " + status.error().what);
}

Status Exporter::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

}  // namespace sluice::engine
