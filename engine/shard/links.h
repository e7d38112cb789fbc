// engine/shard/links.h — a shard's lines to the writer and the readers.
//
// PURPOSE   Commit() and Ask() gather over a turn of the loop; Flush() hands them over once.
// THREADS   Confined to the shard; answers run on its loop.
// LIMITS    What cannot be handed over (a full ring) stays, in order, for the next Flush. The
//           amount is bounded by the sessions and deliveries that are open, each of which has one
//           change under way, and by what lanes spill (lanes.h), which goes many to a change.

#ifndef SLUICE_ENGINE_SHARD_LINKS_H_
#define SLUICE_ENGINE_SHARD_LINKS_H_

#include <deque>
#include <utility>
#include <vector>

#include "engine/shard/mailbox.h"
#include "engine/shard/reader.h"
#include "engine/shard/writer.h"

namespace sluice::engine {

class Links {
 public:
  // All outlive this.
  Links(uint32_t shard, Mailbox& mailbox, Writer& writer, Reader& reader)
      : shard_(shard), mailbox_(mailbox), writer_(writer), reader_(reader) {}

  using CommittedFn = std::move_only_function<void(queue::Committed)>;

  // `urgent`: a client waits for it.
  void Submit(queue::Transaction transaction, bool urgent, CommittedFn done) {
    ++open_;
    commits_.push_back({shard_, urgent, std::move(transaction),
                        [this, done = std::move(done)](queue::Committed committed) mutable {
                          --open_;
                          if (done) done(std::move(committed));
                        }});
  }

  // `question` runs on a reader thread; what it returns runs here.
  void Ask(Question question) {
    ++open_;
    questions_.push_back([this, question = std::move(question)](queue::Queue& queue) mutable {
      return [this, answer = question(queue)]() mutable {
        --open_;
        answer();
      };
    });
  }

  // False when something had to stay: call again soon.
  bool Flush() {
    const bool submitted = commits_.empty() || writer_.Submit(commits_);
    while (!questions_.empty() && reader_.Ask(mailbox_, questions_.front())) questions_.pop_front();
    return submitted && questions_.empty();
  }

  // Commits and questions whose answer has not come.
  size_t open() const { return open_; }

  Writer& writer() { return writer_; }

 private:
  const uint32_t shard_;
  Mailbox& mailbox_;
  Writer& writer_;
  Reader& reader_;
  std::vector<Commit> commits_;
  std::deque<Question> questions_;
  size_t open_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_LINKS_H_
