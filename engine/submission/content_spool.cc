#include "engine/submission/content_spool.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {

void ContentSpool::Run(std::move_only_function<void(State&)> job, DoneFn done) {
  CHECK(active());
  busy_ = true;
  ++room_.jobs;
  room_.worker.Run([state = state_, job = std::move(job)]() mutable { job(*state); },
                   [self = std::weak_ptr(self_), &room = room_, done = std::move(done)]() mutable {
                     --room.jobs;
                     const auto alive = self.lock();
                     if (!alive) return;
                     (*alive)->busy_ = false;
                     done();
                   });
}

void ContentSpool::Append(MessageId id, Ref<const Body> piece, DoneFn done) {
  CHECK(!busy());
  if (!active()) {
    CHECK(available());
    ++room_.open;
    state_ = std::make_shared<State>();
    self_ = std::make_shared<ContentSpool*>(this);
  }
  Run(
      [id, piece = std::move(piece), &intake = room_.intake](State& state) mutable {
        if (!state.status) return;
        if (!state.file) {
          auto file = intake.CreateBodyFile(id);
          if (!file) {
            state.status = std::unexpected(file.error());
            return;
          }
          state.file = std::move(*file);
        }
        state.status = state.file->Append(*piece);
        piece = {};  // its memory is free before the loop hears of it
      },
      std::move(done));
}

void ContentSpool::Finish(Ref<const Body> rest, std::string front, DoneFn done) {
  Run(
      [rest = std::move(rest), front = std::move(front)](State& state) mutable {
        if (state.status && rest && rest->size() > 0) state.status = state.file->Append(*rest);
        if (state.status) state.status = state.file->Finish(front);
        rest = {};
      },
      std::move(done));
}

const Status& ContentSpool::status() const {
  CHECK(active() && !busy());
  return state_->status;
}

Ref<queue::BodyFile> ContentSpool::Take() {
  CHECK(status().has_value());
  Ref<queue::BodyFile> file = std::move(state_->file);
  Drop();
  return file;
}

void ContentSpool::Drop() {
  if (!active()) return;
  const bool all_done = !busy_ && !state_->file;
  busy_ = false;
  self_ = std::make_shared<ContentSpool*>(this);  // jobs under way are told of no more
  if (all_done) {
    --room_.open;
    state_ = {};
    return;
  }
  ending_ = true;
  ++room_.jobs;
  // The worker lets go of the file last: removing it may wait for the disk. Until then the message
  // counts as under way, or dropping and beginning anew would fill the worker's ring.
  room_.worker.Run([state = std::move(state_)]() mutable { state = {}; },
                   [self = std::weak_ptr(self_), &room = room_] {
                     --room.jobs;
                     --room.open;
                     const auto alive = self.lock();
                     if (!alive) return;
                     (*alive)->ending_ = false;
                     (*alive)->on_ended_();
                   });
  state_ = {};
}

}  // namespace sluice::engine
