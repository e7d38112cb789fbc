// engine/submission/content_spool.h — the way of one large message to disk while it arrives.
//
// PURPOSE   What a session has received over kPiece goes to the message's body file piece by piece,
//           on a worker thread; the session keeps what came since. So neither the size of messages
//           nor the number of clients that send large ones shows in memory.
// FLOW      Append(piece), again when not busy(), ... Finish(rest) -> Take. Drop at any time.
// THREADS   Confined to its session's loop; the file is touched by the worker only.
// LIMITS    SpoolRoom::kOpenMax messages a shard have files under way, until the worker has let go
//           of them, with kJobsMax jobs each; others stay in memory, under the budget of all
//           bodies, which counts the pieces that wait for the worker as well.

#ifndef SLUICE_ENGINE_SUBMISSION_CONTENT_SPOOL_H_
#define SLUICE_ENGINE_SUBMISSION_CONTENT_SPOOL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/body.h"
#include "engine/base/error.h"
#include "engine/base/message_id.h"
#include "engine/base/ref.h"
#include "engine/base/workers.h"
#include "engine/submission/intake.h"
#include "queue/body_file.h"

namespace sluice::engine {

// What the spools of a shard share; outlives them. One worker, which runs jobs in their order.
struct SpoolRoom {
  static constexpr uint32_t kOpenMax = 300;
  // Of one message that wait at a time: a piece, the rest, the end.
  static constexpr uint32_t kJobsMax = 3;

  Intake& intake;
  Workers& worker;
  uint32_t open = 0;
  uint32_t jobs = 0;  // with the worker now: memory that waiting will free
};

class ContentSpool {
 public:
  // Handed over at a time; as much again may gather behind it before the client must wait.
  static constexpr size_t kPiece = queue::kBodyBlock;

  using DoneFn = std::move_only_function<void()>;

  // `on_ended`: what ending() said is no longer so.
  ContentSpool(SpoolRoom& room, DoneFn on_ended) : room_(room), on_ended_(std::move(on_ended)) {}
  ~ContentSpool() { Drop(); }
  ContentSpool(const ContentSpool&) = delete;
  ContentSpool& operator=(const ContentSpool&) = delete;

  // True when the message has a file, or may have one now.
  bool available() const { return active() || (!ending_ && room_.open < SpoolRoom::kOpenMax); }
  // The worker has not yet let go of a message that was dropped: its owner should not begin more.
  bool ending() const { return ending_; }
  bool active() const { return state_ != nullptr; }
  // A piece is on its way to disk.
  bool busy() const { return active() && busy_; }

  // Only when not busy. `done` runs on the loop, unless Drop came first: status() tells then.
  void Append(MessageId id, Ref<const Body> piece, DoneFn done);
  // The rest, and what stands in front of all; the file is whole and synced when `done` runs. May
  // come while busy.
  void Finish(Ref<const Body> rest, std::string front, DoneFn done);
  // The first failure.
  const Status& status() const;
  // After a good Finish.
  Ref<queue::BodyFile> Take();
  void Drop();

 private:
  // Jobs hold it; written by the worker, read by the loop after `done`.
  struct State {
    Ref<queue::BodyFile> file;
    Status status;
  };
  void Run(std::move_only_function<void(State&)> job, DoneFn done);

  SpoolRoom& room_;
  DoneFn on_ended_;
  std::shared_ptr<State> state_;
  bool busy_ = false;
  bool ending_ = false;
  // Told by jobs whether they are still wanted.
  std::shared_ptr<ContentSpool*> self_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_CONTENT_SPOOL_H_
