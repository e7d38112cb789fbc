// bench/queue_load.h — what the queue benchmarks share: a queue of their own, a load, a stopwatch,
// arguments.

#ifndef SLUICE_BENCH_QUEUE_LOAD_H_
#define SLUICE_BENCH_QUEUE_LOAD_H_

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "queue/queue.h"

namespace sluice::bench {

struct Usage {
  double wall;
  double user;
  double system;
  Usage operator-(const Usage& o) const {
    return {wall - o.wall, user - o.user, system - o.system};
  }
};

inline Usage UsageNow() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return {double(now.tv_sec) + double(now.tv_nsec) * 1e-9, seconds(usage.ru_utime),
          seconds(usage.ru_stime)};
}

class Arguments {
 public:
  Arguments(int argc, char** argv) : words_(argv + 1, argv + argc) {}
  std::string Text(std::string_view name, std::string_view otherwise) const {
    for (size_t i = 0; i + 1 < words_.size(); ++i)
      if (words_[i] == name) return words_[i + 1];
    return std::string(otherwise);
  }
  size_t Number(std::string_view name, size_t otherwise) const {
    const std::string text = Text(name, "");
    return text.empty() ? otherwise : size_t(std::strtoull(text.c_str(), nullptr, 10));
  }

 private:
  std::vector<std::string> words_;
};

// Of fdatasync after 4 KiB written over in place, in the folder of `path`.
inline double MedianSyncMicros(const std::string& path) {
  const std::string file = path + ".sync";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT, 0600);
  if (fd < 0) return -1;
  const std::string block(4096, 's');
  std::vector<double> took;
  for (int i = 0; i < 101; ++i) {
    if (::pwrite(fd, block.data(), block.size(), 0) < 0) break;
    const double begin = UsageNow().wall;
    ::fdatasync(fd);
    took.push_back((UsageNow().wall - begin) * 1e6);
  }
  ::close(fd);
  std::filesystem::remove(file);
  std::sort(took.begin(), took.end());
  return took.empty() ? -1 : took[took.size() / 2];
}

// A new queue in a folder that goes with it.
class QueueBed {
 public:
  explicit QueueBed(std::string path) {
    options_.path = std::move(path);
    options_.min_free_bytes = 0;
    std::filesystem::remove_all(options_.path);
    Open();
  }
  ~QueueBed() {
    queue_.reset();
    std::filesystem::remove_all(options_.path);
  }
  QueueBed(const QueueBed&) = delete;
  QueueBed& operator=(const QueueBed&) = delete;

  queue::Queue& queue() { return *queue_; }
  // Closes it, opens it again and says how long that took. No QueueLoad may hold it.
  void Reopen() {
    const Usage before = UsageNow();
    queue_.reset();
    Open();
    std::printf("reopened in %.1f ms\n", (UsageNow().wall - before.wall) * 1e3);
  }

 private:
  void Open() {
    auto opened = queue::Queue::Open(options_);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().what.c_str());
      std::exit(1);
    }
    queue_ = std::move(*opened);
  }

  queue::QueueOptions options_;
  std::unique_ptr<queue::Queue> queue_;
};

// Runs `work` on `messages`, prints its line and gives messages a second. `more` ends the line.
template <typename Work, typename More>
double Timed(const char* what, size_t messages, Work&& work, More&& more) {
  const Usage before = UsageNow();
  work();
  const Usage spent = UsageNow() - before;
  const double rate = double(messages) / spent.wall;
  std::printf("%-34s %8zu in %6.1f s  %8.0f/s  %s\n", what, messages, spent.wall, rate,
              more(spent).c_str());
  std::fflush(stdout);
  return rate;
}

class QueueLoad {
 public:
  QueueLoad(queue::Queue& queue, size_t lanes) : queue_(queue), lanes_(lanes) {
    next_ = queue.first_id();
    content_.assign(size_t(1) << 20, 'x');
    for (char& c : content_) c = char('a' + random_.Below(26));
  }

  void SetBodySizes(size_t least, size_t most) {
    least_ = least;
    most_ = most;
  }

  // `messages` through the queue in groups, each finished by the group after its own.
  void Steady(size_t messages, size_t group) {
    for (size_t done = 0; done < messages; done += group) {
      std::vector<queue::Transaction> batch = Inserts(std::min(group, messages - done));
      for (const queue::RecipientId& id : waiting_) batch.push_back(Finish(id));
      waiting_.clear();
      for (const queue::Transaction& t : batch)
        for (const queue::Insert& insert : t.inserts)
          waiting_.push_back(insert.recipients.front().id);
      Commit(batch);
      Export();
    }
  }

  // Keeps what it inserts; the ids are appended to `kept`.
  void Fill(size_t messages, size_t group, std::vector<queue::RecipientId>& kept) {
    for (size_t done = 0; done < messages; done += group) {
      std::vector<queue::Transaction> batch = Inserts(std::min(group, messages - done));
      for (const queue::Transaction& t : batch) kept.push_back(t.inserts[0].recipients[0].id);
      Commit(batch);
      Export();
    }
  }

  // Due at random within a day, in its lane.
  void Postpone(const std::vector<queue::RecipientId>& ids, size_t group) {
    for (size_t done = 0; done < ids.size(); done += group) {
      std::vector<queue::Transaction> batch;
      for (size_t i = done; i < std::min(ids.size(), done + group); ++i) {
        queue::Transaction t;
        queue::Recipient r = RecipientOf(ids[i]);
        r.attempts = 1;
        r.last_reply = "421 4.7.0 try again later";
        r.due = WallFromMicros(kStart + int64_t(random_.Below(uint64_t(86400) * 1000000)));
        t.postpones.push_back({std::move(r), {DomainOfId(ids[i].message), "crm", "spring-2026"}});
        batch.push_back(std::move(t));
      }
      Commit(batch);
      Export();
    }
  }

  void FinishAll(const std::vector<queue::RecipientId>& ids, size_t group) {
    for (size_t done = 0; done < ids.size(); done += group) {
      std::vector<queue::Transaction> batch;
      for (size_t i = done; i < std::min(ids.size(), done + group); ++i)
        batch.push_back(Finish(ids[i]));
      Commit(batch);
      Export();
    }
  }

  Random& random() { return random_; }

 private:
  static constexpr int64_t kStart = 1'790'000'000'000'000;

  std::string DomainOfId(MessageId id) const {
    return "d" + std::to_string((id * 0x9e3779b97f4a7c15u >> 32) % lanes_) + ".example";
  }
  std::string AddressOf(MessageId id) const {
    return "recipient" + std::to_string(id & 0xffffffff) + "@" + DomainOfId(id);
  }
  queue::Recipient RecipientOf(const queue::RecipientId& id) const {
    queue::Recipient r;
    r.id = id;
    r.address = AddressOf(id.message);
    r.due = WallFromMicros(kStart);
    return r;
  }
  queue::Event EventOf(queue::EventType type, MessageId id) const {
    queue::Event e;
    e.type = type;
    e.time = WallFromMicros(kStart);
    e.message = id;
    e.recipient = AddressOf(id);
    e.sender = "bounces@mailing.example.org";
    e.tenant = "crm";
    e.campaign = "spring-2026";
    e.size = most_;
    if (type == queue::EventType::kAccepted) {
      e.peer = "192.0.2.17";
      e.user = "crm";
      return e;
    }
    e.site = DomainOfId(id);
    e.host = "mx1." + e.site + " [192.0.2.1]:25";
    e.source = "mailing-1";
    e.text = "2.0.0 Ok: queued as 1KJH34K5JH34";
    e.code = 250;
    e.enhanced = "2.0.0";
    e.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
    e.attempt = 1;
    return e;
  }

  std::vector<queue::Transaction> Inserts(size_t count) {
    std::vector<queue::Transaction> batch;
    for (size_t i = 0; i < count; ++i) {
      const MessageId id = next_++;
      queue::Insert insert;
      queue::Message& m = insert.message;
      m.id = id;
      m.accepted = m.released = WallFromMicros(kStart);
      m.sender = "bounces@mailing.example.org";
      m.tenant = "crm";
      m.campaign = "spring-2026";
      m.user = "crm";
      m.recipients = 1;
      insert.recipients.push_back(RecipientOf({id, 0}));
      const size_t size = least_ + size_t(random_.Below(most_ - least_ + 1));
      Ref<Body> body = MakeRef<Body>(nullptr);
      body->Append(std::string_view(content_).substr(random_.Below(4096), size));
      insert.content = body;
      queue::Transaction t;
      t.inserts.push_back(std::move(insert));
      t.events.push_back(EventOf(queue::EventType::kAccepted, id));
      batch.push_back(std::move(t));
    }
    return batch;
  }

  queue::Transaction Finish(const queue::RecipientId& id) const {
    queue::Transaction t;
    t.finishes.push_back({id, {}});
    t.events.push_back(EventOf(queue::EventType::kDelivered, id.message));
    return t;
  }

  void Commit(std::vector<queue::Transaction>& batch) {
    for (const queue::Committed& committed : queue_.CommitAll(batch)) {
      if (committed.status) continue;
      std::fprintf(stderr, "%s\n", committed.status.error().what.c_str());
      std::exit(1);
    }
  }

  // As the exporter: reads every row once, frees it with the next commit.
  void Export() {
    auto rows = queue_.Outbox(commit_, part_, 100000);
    if (!rows || rows->empty()) return;
    commit_ = rows->back().commit;
    part_ = rows->back().part;
    queue_.FreeOutbox(commit_, part_);
  }

  queue::Queue& queue_;
  const size_t lanes_;
  Random random_{42};
  std::string content_;
  MessageId next_ = 0;
  size_t least_ = 10240;
  size_t most_ = 10240;
  std::vector<queue::RecipientId> waiting_;
  uint64_t commit_ = 0;
  uint32_t part_ = 0;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_QUEUE_LOAD_H_
