// dns/cares_transport.h — the real DnsTransport: c-ares moves packets, nothing more.
//
// PURPOSE   Our own query (message.h) by ares_send, the raw answer back. c-ares does retries over
//           its servers, UDP and TCP sockets, and TCP after a truncated answer. Its cache, parsers
//           and host files are not used.
// FLOW      Ask -> waiting line -> ares_send; sockets by io::SocketWatcher, c-ares's own timeouts
//           by one Timer; answers are handed out from the loop, outside c-ares.
// LIMITS    kOutstandingMax questions with c-ares, kWaitingMax in line (more: an error answer);
//           kAskTimeout from the moment a question is sent, kLineTimeout in line before.
// THREADS   Confined to the loop of its watcher and timers.
// BUGS      c-ares 1.18 keeps one UDP socket per server while anything is outstanding, so the
//           source port protects less against forged answers than the id alone suggests: run a
//           validating resolver on this host (design.md, part 8).
// TESTS     tests/integration/dns_transport_test.cc (dnsmasq on loopback)

#ifndef SLUICE_DNS_CARES_TRANSPORT_H_
#define SLUICE_DNS_CARES_TRANSPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dns/transport.h"
#include "engine/base/error.h"
#include "engine/base/ip_address.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/socket_watcher.h"

namespace sluice::dns {

// Questions that c-ares holds. Local resolvers take hundreds at once; 16-bit ids stay sparse.
inline constexpr size_t kOutstandingMax = 256;
// Questions in line behind them: about 12 MB. A campaign to that many domains asks for all at once,
// and what is refused here is deferred for minutes; a resolver that answers in 30 ms takes 8,000 a
// second.
inline constexpr size_t kWaitingMax = 50'000;
// With servers that answer, the line is through long before; with dead ones nothing waits longer.
inline constexpr Duration kLineTimeout = std::chrono::seconds(60);
// However many servers and tries there are, the answer (or its absence) is known after this.
inline constexpr Duration kAskTimeout = std::chrono::seconds(10);
// More servers than that are not asked: the time is theirs to share.
inline constexpr size_t kServersMax = 4;

struct CaresOptions {
  std::vector<Endpoint> servers;       // none: the system's (resolv.conf)
  Duration ask_timeout = kAskTimeout;  // tests shorten it
};

struct CaresStats {
  uint64_t asked = 0;
  uint64_t timed_out = 0;  // sent or in line
  uint64_t refused = 0;    // the line was full
};

class CaresTransport : public DnsTransport {
 public:
  virtual const CaresStats& stats() const = 0;
};

// `watcher`, `timers` and `clock` outlive the transport. When it dies, what is outstanding is
// dropped unanswered.
Result<std::unique_ptr<CaresTransport>> MakeCaresTransport(const CaresOptions& options,
                                                           io::SocketWatcher& watcher,
                                                           TimerQueue& timers, const Clock& clock);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_CARES_TRANSPORT_H_
