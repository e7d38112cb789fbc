// kill -9 at any moment: everything that was answered is there, and opens at once.
// Method: a child process commits in a loop (inserts, finishes, postpones, tidying) and tells each
// answer through a pipe; the parent kills it, opens the queue and compares. Only the last, untold
// commit may be either there or not.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

enum class Did : uint8_t { kInserted = 1, kFinished, kPostponed };

struct Report {
  Did did;
  uint32_t size;
  MessageId message;
  uint64_t event;  // the number in the event's text
};

class QueueKill : public QueueTest {
 protected:
  // Never returns: commits until it is killed.
  [[noreturn]] void Child(int pipe, uint64_t seed) {
    Random dice(seed);
    Result<std::unique_ptr<Queue>> opened = Queue::Open(options_);
    if (!opened) ::_exit(3);
    queue_ = std::move(*opened);
    MessageId next = queue_->first_id();
    std::vector<std::pair<MessageId, uint32_t>> open;
    for (uint64_t n = 0;; ++n) {
      std::vector<Transaction> batch;
      std::vector<Report> reports;
      std::set<MessageId> used;
      for (uint64_t i = 1 + dice.Below(5); i > 0; --i) {
        Transaction t;
        Report report{};
        report.event = n;
        if (open.size() < 20 || dice.Below(2) == 0) {
          report = {Did::kInserted, uint32_t(dice.Below(9000)), next++, n};
          t.inserts.push_back(MakeInsert(report.message, {"a@example.com"}, report.size));
        } else {
          const auto [id, size] = open[dice.Below(open.size())];
          if (!used.insert(id).second) continue;
          report = {dice.Below(2) ? Did::kFinished : Did::kPostponed, size, id, n};
          if (report.did == Did::kFinished) {
            t.finishes.push_back({{id, 0}, {}});
          } else {
            Recipient r;
            r.id = {id, 0};
            r.address = "a@example.com";
            r.due = After(int64_t(n % 1000) + 1);
            t.postpones.push_back({r, {"example.com", "crm", "spring"}});
          }
        }
        Event event = MakeEvent(EventType::kDelivered, {report.message, 0});
        event.text = std::to_string(n);
        t.events.push_back(event);
        batch.push_back(std::move(t));
        reports.push_back(report);
      }
      const std::vector<Committed> committed = queue_->CommitAll(batch);
      for (size_t i = 0; i < batch.size(); ++i) {
        if (!committed[i].status) ::_exit(4);
        const Report& r = reports[i];
        if (r.did == Did::kInserted) open.emplace_back(r.message, r.size);
        if (r.did == Did::kFinished) std::erase(open, std::pair(r.message, r.size));
      }
      const size_t bytes = reports.size() * sizeof(Report);
      if (::write(pipe, reports.data(), bytes) != ssize_t(bytes)) ::_exit(5);
      if (dice.Below(8) == 0) queue_->Tidy();
    }
  }
};

TEST_F(QueueKill, LosesNothingThatWasAnsweredOverManyKills) {
  options_.map_size = uint64_t(256) << 20;
  std::map<MessageId, Report> must;  // told to be there
  std::set<MessageId> gone;          // told to be finished
  Random dice(5);
  for (int round = 0; round < 12; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      Child(ends[1], uint64_t(round) + 1);
    }
    ::close(ends[1]);
    // Killed after some number of answers, in the middle of the work for the next.
    const uint64_t answers = 20 + dice.Below(400);
    uint64_t got = 0;
    Report report;
    while (::read(ends[0], &report, sizeof report) == ssize_t(sizeof report)) {
      if (report.did == Did::kInserted) must[report.message] = report;
      if (report.did == Did::kPostponed) must[report.message].did = Did::kPostponed;
      if (report.did == Did::kFinished) {
        must.erase(report.message);
        gone.insert(report.message);
      }
      if (++got == answers) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit status " << WEXITSTATUS(status);
    ASSERT_GE(got, answers);

    Open();
    // What was under way and not told: at most one group of 5.
    size_t missing = 0;
    for (const auto& [id, told] : must) {
      const Result<LoadedRecipient> loaded = queue_->Load({id, 0});
      if (!loaded) {
        missing += 1;
        continue;
      }
      EXPECT_EQ(BodyOf({id, 0}), ContentOf(id, told.size));
    }
    EXPECT_LE(missing, 5u);
    for (const MessageId id : gone) EXPECT_FALSE(queue_->Load({id, 0}));
    EXPECT_LE(queue_->totals().messages, must.size() + 5);
    // The next round's child knows only its own messages: end these.
    uint64_t ended = 0;
    for (const LaneRow& lane : AllLanes()) {
      const auto due = queue_->Due(lane.id, After(100'000), 1'000'000, nullptr);
      ASSERT_TRUE(due);
      for (const LoadedRecipient& waiting : *due) {
        Finish(waiting.recipient.id);
        ended += 1;
      }
    }
    for (const RecipientId& id : AllOrphans(100)) {
      Finish(id);
      ended += 1;
    }
    EXPECT_GE(ended + missing, must.size());
    EXPECT_EQ(queue_->totals().messages, 0u);
    EXPECT_EQ(queue_->totals().body_bytes, 0u);
    must.clear();
    gone.clear();
    Close();
  }
  // Event ids: ascending and unique over all the lives of the queue.
  Open();
  uint64_t last = 0;
  for (const OutboxRow& row : AllOutbox(1000))
    for (const OutboxRow::Item& item : row.items) {
      ASSERT_GT(item.id, last);
      last = item.id;
    }
}

}  // namespace
}  // namespace sluice::queue
