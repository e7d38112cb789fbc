// tests/sim/receivers.h — simulated SMTP receivers, from well-behaved to hostile.
//
// PURPOSE   A Receiver is one host with an address in a SimFabric; its Manners say how it treats
//           who connects. What it takes goes to the Mailroom, and so does every rule of SMTP that
//           the sender breaks: receivers are referees too.
// FLOW      One ReceiverSession a connection (receiver_session.h).
// LIFETIME  Fabric and mailroom outlive it. When it dies its connections are reset.
// TESTS     tests/sim/receivers_test.cc

#ifndef SLUICE_TESTS_SIM_RECEIVERS_H_
#define SLUICE_TESTS_SIM_RECEIVERS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/ip_address.h"
#include "engine/base/random.h"
#include "tests/sim/connection_watch.h"
#include "tests/sim/mailroom.h"
#include "tests/sim/sim_net.h"

namespace sluice::sim {

class ReceiverSession;

// How a receiver behaves. The default takes everything. Chances are in [0, 1].
struct Manners {
  // What EHLO offers. `esmtp` false: EHLO is refused with 500, HELO works.
  bool esmtp = true;
  bool pipelining = true;
  bool size = true;
  bool eight_bit = true;
  bool smtputf8 = true;
  bool chunking = true;
  bool dsn = true;
  bool enhanced = true;
  bool starttls = true;
  uint64_t size_limit = 50'000'000;

  // Limits.
  uint32_t recipients = 1000;  // per transaction; then 452 4.5.3
  uint32_t messages = 0;       // per connection; then 421; 0: any number
  uint32_t connections = 0;    // at once; then 421 instead of a greeting; 0: any number
  double rate = 0;             // messages a second, 20 at once; then 421; 0: any number
  Duration penalty{};          // who was over it gets nothing for so long, and longer when pushing
  Duration greylist{};         // a (sender, recipient) is deferred until it is that old

  // Time: each reply comes after a time drawn from here.
  Duration reply_min{};
  Duration reply_max = std::chrono::milliseconds(20);

  // Refusals.
  double greeting_4xx = 0;
  double greeting_5xx = 0;
  double mail_4xx = 0;
  double rcpt_4xx = 0;
  double rcpt_5xx = 0;
  double data_4xx = 0;
  double dot_4xx = 0;
  double dot_5xx = 0;
  double any_421 = 0;  // per command: 421 and the end

  // Faults.
  double drop_after_dot = 0;       // the connection breaks before the reply; half of them took it
  double close_after_message = 0;  // a silent close after the 250
  double garbage = 0;              // per reply: something that is no reply
  double loses_pipelined = 0;      // per command: offers PIPELINING, but forgets what came along
  double hangs = 0;                // per command: never says anything again
  double starttls_refused = 0;     // 454
  bool waits_for_close = false;    // after 221 and 421 it leaves the closing to the sender

  // Whatever the chances say: local parts that begin with "unknown" are 550 5.1.1, with "full"
  // 452 4.2.2.

  static Manners WellBehaved() { return {}; }
  static Manners Greylister();
  static Manners TooBusy();  // 421 after a few messages and at random
  static Manners Tarpit();   // seconds per reply
  static Manners DropsAfterDot();
  static Manners PipeliningLiar();
  static Manners GarbageTalker();
  static Manners Moody();  // 4xx and 5xx at every stage
  static Manners FewRecipients();
  static Manners ClosesBetween();
  static Manners OldServer();  // HELO only
  static Manners Waits();      // never closes first
};

class Receiver {
 public:
  Receiver(SimFabric& fabric, Mailroom& mailroom, std::string host, const IpAddress& address,
           const Manners& manners, uint16_t port = 25);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  const std::string& host() const { return host_; }
  const IpAddress& address() const { return address_; }
  // Connections that stand keep what they offered in EHLO.
  void SetManners(const Manners& manners) { manners_ = manners; }
  const Manners& manners() const { return manners_; }
  // Counts what comes from now on in `watch` too.
  void CountIn(ConnectionWatch& watch) { watch_ = &watch; }

  // For the checkers of limits.
  uint64_t connections() const { return next_session_ - 1; }
  uint32_t open() const { return uint32_t(sessions_.size()); }
  uint32_t most_open() const { return most_open_; }
  uint32_t most_messages() const { return most_messages_; }  // on one connection, taken
  uint64_t transactions() const { return transactions_; }    // MAILs taken
  uint64_t throttled() const { return throttled_; }          // MAILs over the rate

 private:
  friend class ReceiverSession;

  io::StreamEvents* Accept(io::Stream* stream);
  void Retire(uint64_t session);
  // Runs `what` on the session unless it has gone by then.
  void Later(uint64_t session, Duration in, void (ReceiverSession::*what)());
  bool IsOverRate();
  bool IsGreylisted(const std::string& sender, const std::string& recipient);
  bool Roll(double chance) { return chance > 0 && random_.Unit() < chance; }
  Duration ReplyDelay();

  SimFabric& fabric_;
  SimWorld& world_;
  Mailroom& mailroom_;
  const std::string host_;
  const IpAddress address_;
  Manners manners_;
  Random random_;
  SimNet net_;
  std::shared_ptr<io::TlsServerContext> tls_;
  std::unique_ptr<io::Listener> listener_;
  std::map<uint64_t, std::unique_ptr<ReceiverSession>> sessions_;
  uint64_t next_session_ = 1;
  uint32_t most_open_ = 0;
  uint32_t most_messages_ = 0;
  uint64_t transactions_ = 0;
  uint64_t throttled_ = 0;
  double tokens_ = 20;
  Instant boxed_until_{};
  Instant counted_{};
  ConnectionWatch* watch_ = nullptr;
  std::map<std::pair<std::string, std::string>, Instant> first_seen_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // scheduled work holds it weakly
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_RECEIVERS_H_
