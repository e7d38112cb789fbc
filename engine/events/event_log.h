// engine/events/event_log.h — the event log: a file of JSON lines with rotation.
//
// FLOW      Append gathers lines in memory; Flush writes and syncs them, then rotates when the file
//           is large or old: it is renamed to <name>-YYYYMMDDTHHMMSS-N<.ext> beside itself, a new
//           one is begun, and the oldest beyond keep_files go.
// PROMISE   The file holds whole lines only. A line cut short by a crash or a full disk is taken
//           back, at the failure or at the next start; its event comes again. A file that somebody
//           moved away is begun anew.
// THREADS   Confined to one thread.
// LIMITS    The gathered lines are what one Flush is given.

#ifndef SLUICE_ENGINE_EVENTS_EVENT_LOG_H_
#define SLUICE_ENGINE_EVENTS_EVENT_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "engine/base/error.h"
#include "engine/base/time.h"
#include "engine/events/event_json.h"
#include "engine/events/event_sink.h"

namespace sluice::engine {

class EventLog final : public EventSink {
 public:
  // Makes the folder and the file where they are missing. `clock` outlives this.
  static Result<std::unique_ptr<EventLog>> Open(const config::Events& options, const Clock& clock);
  ~EventLog() override;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void Append(uint64_t id, const queue::Event& event) override;
  Status Flush() override;

 private:
  struct RotatedFile {
    std::pair<std::string, uint64_t> order;  // stamp and N
    std::string path;
  };

  EventLog(config::Events options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  Status OpenFile();
  void CloseFile();
  // Takes back a last line without an end.
  Status TrimTornLine();
  // Cuts the file back to what was durable before a failure.
  Status TakeBack();
  Status FollowMovedFile();
  Status RotateIfDue();
  std::vector<RotatedFile> RotatedFiles() const;
  std::string NameForRotation() const;
  Status SyncFolder() const;
  void DropOldFiles() const;
  std::unexpected<Error> Failed(const char* what) const;

  // Constant after construction.
  const config::Events options_;
  const Clock& clock_;

  EventJson json_;
  std::string lines_;  // appended, not yet flushed
  int fd_ = -1;
  bool torn_ = false;  // a write failed: the file may be longer than size_
  uint64_t size_ = 0;  // of what is durable
  WallTime begun_{};   // of the file's first line; counts its age
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_EVENTS_EVENT_LOG_H_
