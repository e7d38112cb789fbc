#include "dns/cares_transport.h"

#include <ares.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/time.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <unordered_set>
#include <utility>

#include "dns/message.h"
#include "engine/base/check.h"
#include "engine/base/slab.h"

namespace sluice::dns {
namespace {

// Each server is tried twice, the second time for twice as long (c-ares doubles): 3 units of time.
constexpr int kTries = 2;
constexpr int kUnitsPerServer = 3;
// c-ares rounds its own deadlines; asking it again sooner than this only burns turns of the loop.
constexpr Duration kTimerGranularity = std::chrono::milliseconds(2);

struct ChannelDeleter {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using Channel = std::unique_ptr<ares_channeldata, ChannelDeleter>;

std::string AresText(int status) { return ares_strerror(status); }

// Not from a seeded Random: a guessable id lets anybody answer in a server's place.
uint16_t SecretId() {
  uint16_t id = 0;
  // Two octets after boot: the call neither blocks nor fails nor returns less.
  CHECK(getrandom(&id, sizeof(id), 0) == ssize_t(sizeof(id)));
  return id;
}

class Transport final : public CaresTransport {
 public:
  Transport(const CaresOptions& options, io::SocketWatcher& watcher, TimerQueue& timers,
            const Clock& clock)
      : options_(options),
        watcher_(watcher),
        clock_(clock),
        cares_timer_(timers, [this] { OnCaresTimer(); }),
        ready_timer_(timers, [this] { HandOut(); }),
        deadline_timer_(timers, [this] { OnDeadline(); }) {}

  ~Transport() override {
    destroying_ = true;
    channel_.reset();  // calls back for everything outstanding, and closes its sockets
  }

  Status Open();
  void Ask(const Question& question, std::function<void(RawAnswer)> done) override;
  const CaresStats& stats() const override { return stats_; }

 private:
  using DoneFn = std::function<void(RawAnswer)>;
  struct Query {
    std::string packet;
    uint16_t id = 0;
    DoneFn done;  // null once answered (by the deadline): c-ares still holds the query
  };
  using QueryHandle = Handle<Query>;
  struct Due {
    Instant when;
    QueryHandle handle;
  };
  // What c-ares carries around for us: it must live until c-ares lets go of the query.
  struct Ticket {
    Transport* transport;
    QueryHandle handle;
  };

  static void OnAnswer(void* arg, int status, int timeouts, unsigned char* wire, int size);
  static void OnSocket(void* arg, ares_socket_t fd, int readable, int writable);
  void Answered(QueryHandle handle, int status, std::string wire);
  void SendFromLine();
  void Send(QueryHandle handle);
  void Process(ares_socket_t read_fd, ares_socket_t write_fd);
  void Finish(Query& query, RawAnswer answer);
  void OnCaresTimer() { Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }
  void SetCaresTimer();
  void OnDeadline();
  void SetDeadlineTimer();
  void HandOut();
  uint16_t FreeId();

  const CaresOptions options_;
  // Borrowed: outlive this.
  io::SocketWatcher& watcher_;
  const Clock& clock_;

  Slab<Query> queries_;
  // Both in ascending order of their deadlines; what was sent may have been answered since.
  std::deque<Due> line_;
  std::deque<Due> sent_;
  std::unordered_set<uint16_t> ids_;                 // outstanding
  std::vector<std::pair<DoneFn, RawAnswer>> ready_;  // to be handed out
  size_t outstanding_ = 0;
  bool destroying_ = false;
  CaresStats stats_;
  Timer cares_timer_;
  Timer ready_timer_;
  Timer deadline_timer_;
  Channel channel_;  // last: its end calls back into the rest
};

Status Transport::Open() {
  // No ares_library_init: it serves Windows alone and would not be safe on several threads.
  const size_t servers = std::clamp<size_t>(options_.servers.size(), 1, kServersMax);
  // A tenth less than we wait ourselves: then c-ares ends first and names the reason.
  const auto unit = std::chrono::duration_cast<std::chrono::milliseconds>(
      options_.ask_timeout * 9 / int64_t(10 * kUnitsPerServer * servers));
  ares_options raw{};
  // EDNS makes c-ares take UDP answers over 512 octets; the OPT record itself is in our packet.
  raw.flags = ARES_FLAG_EDNS;
  raw.ednspsz = kEdnsOctets;
  raw.timeout = std::max(int(unit.count()), 1);
  raw.tries = kTries;
  raw.sock_state_cb = &OnSocket;
  raw.sock_state_cb_data = this;
  const int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                   ARES_OPT_SOCK_STATE_CB;
  ares_channel channel = nullptr;
  if (const int status = ares_init_options(&channel, &raw, mask); status != ARES_SUCCESS)
    return Fail(ErrorCode::kIo, "c-ares: " + AresText(status));
  channel_.reset(channel);
  if (options_.servers.empty()) return {};
  std::string csv;
  for (size_t i = 0; i < servers; ++i)
    csv.append(csv.empty() ? "" : ",").append(options_.servers[i].ToString());
  if (const int status = ares_set_servers_ports_csv(channel, csv.c_str()); status != ARES_SUCCESS)
    return Fail(ErrorCode::kInvalid, "dns.servers: " + csv + ": " + AresText(status));
  return {};
}

void Transport::Ask(const Question& question, std::function<void(RawAnswer)> done) {
  CHECK(done != nullptr);
  ++stats_.asked;
  const uint16_t id = FreeId();
  auto packet = BuildQuery(question, id);
  if (!packet || line_.size() >= kWaitingMax) {
    if (packet) ++stats_.refused;
    RawAnswer answer{"", packet ? "too many DNS questions" : packet.error().what,
                     packet.has_value()};
    ready_.emplace_back(std::move(done), std::move(answer));
    ready_timer_.Set(clock_.Now());
    return;
  }
  const QueryHandle handle = queries_.Emplace();
  Query& query = *queries_.Get(handle);
  query.packet = std::move(*packet);
  query.id = id;
  query.done = std::move(done);
  line_.push_back({clock_.Now() + kLineTimeout, handle});
  SendFromLine();
  SetDeadlineTimer();
}

// An id that no question with c-ares has: two with one would get each other's answers. It is drawn
// again when the question is sent.
uint16_t Transport::FreeId() {
  while (true) {
    const uint16_t id = SecretId();
    if (!ids_.contains(id)) return id;
  }
}

void Transport::SendFromLine() {
  while (outstanding_ < kOutstandingMax && !line_.empty()) {
    const QueryHandle handle = line_.front().handle;
    line_.pop_front();
    Send(handle);
  }
  SetCaresTimer();
}

void Transport::Send(QueryHandle handle) {
  Query& query = *queries_.Get(handle);
  if (ids_.contains(query.id)) {
    query.id = FreeId();
    query.packet[0] = char(query.id >> 8);
    query.packet[1] = char(query.id & 0xff);
  }
  ids_.insert(query.id);
  sent_.push_back({clock_.Now() + options_.ask_timeout, handle});
  ++outstanding_;
  // Owned by c-ares until OnAnswer. c-ares copies the packet.
  auto ticket = std::make_unique<Ticket>(Ticket{this, handle});
  const std::string packet = std::move(query.packet);
  ares_send(channel_.get(), reinterpret_cast<const unsigned char*>(packet.data()),
            int(packet.size()), &OnAnswer, ticket.release());
}

void Transport::OnAnswer(void* arg, int status, int /*timeouts*/, unsigned char* wire, int size) {
  const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(arg));
  if (ticket->transport->destroying_) return;
  std::string octets;
  if (wire != nullptr && size > 0) octets.assign(reinterpret_cast<char*>(wire), size_t(size));
  ticket->transport->Answered(ticket->handle, status, std::move(octets));
}

void Transport::Answered(QueryHandle handle, int status, std::string wire) {
  Query* query = queries_.Get(handle);
  CHECK(query != nullptr);
  CHECK(outstanding_ > 0);
  --outstanding_;
  ids_.erase(query->id);
  // A wire is an answer whatever c-ares thinks of its rcode.
  RawAnswer answer;
  if (wire.empty()) {
    answer.error = AresText(status);
  } else {
    answer.wire = std::move(wire);
  }
  Finish(*query, std::move(answer));
  queries_.Erase(handle);
}

void Transport::Finish(Query& query, RawAnswer answer) {
  if (query.done == nullptr) return;
  ready_.emplace_back(std::exchange(query.done, nullptr), std::move(answer));
  // Never inside Ask, nor inside c-ares: a callback may ask again.
  ready_timer_.Set(clock_.Now());
}

void Transport::OnSocket(void* arg, ares_socket_t fd, int readable, int writable) {
  auto* self = static_cast<Transport*>(arg);
  if (readable == 0 && writable == 0) {
    self->watcher_.Unwatch(fd);
    return;
  }
  self->watcher_.Watch(fd, readable != 0, writable != 0, [self, fd](bool can_read, bool can_write) {
    self->Process(can_read ? fd : ARES_SOCKET_BAD, can_write ? fd : ARES_SOCKET_BAD);
  });
}

void Transport::Process(ares_socket_t read_fd, ares_socket_t write_fd) {
  ares_process_fd(channel_.get(), read_fd, write_fd);
  SendFromLine();
  SetDeadlineTimer();
}

void Transport::SetCaresTimer() {
  timeval left{};
  // Null when nothing waits for a time.
  if (ares_timeout(channel_.get(), nullptr, &left) == nullptr) {
    cares_timer_.Cancel();
    return;
  }
  const Duration in = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  cares_timer_.Set(clock_.Now() + std::max(in, kTimerGranularity));
}

void Transport::SetDeadlineTimer() {
  Instant next = kNever;
  if (!line_.empty()) next = line_.front().when;
  if (!sent_.empty()) next = std::min(next, sent_.front().when);
  // Earlier than needed is harmless, and moving the timer at every answer would not be free.
  if (next < deadline_timer_.when()) deadline_timer_.Set(next);
}

void Transport::OnDeadline() {
  const Instant now = clock_.Now();
  while (!line_.empty() && line_.front().when <= now) {
    const QueryHandle handle = line_.front().handle;
    line_.pop_front();
    ++stats_.timed_out;
    Finish(*queries_.Get(handle), {"", "timeout while waiting in line", true});
    queries_.Erase(handle);
  }
  while (!sent_.empty() && sent_.front().when <= now) {
    Query* query = queries_.Get(sent_.front().handle);
    sent_.pop_front();
    if (query == nullptr) continue;  // answered
    ++stats_.timed_out;
    // c-ares cannot take one question back: it stays, mute, until c-ares gives it up.
    Finish(*query, {"", "timeout", false});
  }
  SetDeadlineTimer();
}

void Transport::HandOut() {
  const std::vector<std::pair<DoneFn, RawAnswer>> batch = std::exchange(ready_, {});
  for (const auto& [done, answer] : batch) done(answer);
}

}  // namespace

Result<std::unique_ptr<CaresTransport>> MakeCaresTransport(const CaresOptions& options,
                                                           io::SocketWatcher& watcher,
                                                           TimerQueue& timers, const Clock& clock) {
  CHECK(options.ask_timeout > Duration::zero());
  auto transport = std::make_unique<Transport>(options, watcher, timers, clock);
  if (const Status status = transport->Open(); !status) return std::unexpected(status.error());
  return transport;
}

}  // namespace sluice::dns
