// tools/sink/sink.h — `sluice sink`: a scriptable SMTP receiver for tests, demos and benchmarks.
//
// PURPOSE   Takes mail and does with it what its rules say: accept, refuse, greylist, wait, drop.
//           Counts everything, records what was asked for, and is never the bottleneck.
// NOT HERE  Command line parsing (tools/main.cc), the SMTP conversation (sink_session.h).
// OUTPUT    One JSON line {"listening":[...]} on standard output when ready; one JSON summary line
//           at the end.

#ifndef SLUICE_TOOLS_SINK_SINK_H_
#define SLUICE_TOOLS_SINK_SINK_H_

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::tools {

struct SinkOptions {
  std::vector<std::string> listen;     // --listen ADDR:PORT, repeated; default 127.0.0.1:0
  int threads = 1;                     // --threads: loops, each with its own listening sockets
  std::string hostname = "sink.test";  // --hostname: in greeting and EHLO

  // --reply 'STAGE[@SUBSTRING]:PERCENT:CODE TEXT', repeated; the first that applies answers.
  // Stages: connect, ehlo, mail, rcpt, data, dot. SUBSTRING is looked for in the recipient (rcpt,
  // data, dot), the sender (mail), the EHLO name (ehlo) or the peer's address (connect). Which
  // PERCENT of them is decided by a hash, so that reruns agree.
  std::vector<std::string> replies;
  // --greylist SECONDS: 451 at RCPT until this long after the first try of (sender, recipient);
  // 0 is off.
  double greylist_s = 0;
  // --greylist-match TEXT, repeated: only recipients holding one of these; empty means all.
  std::vector<std::string> greylist_match;
  int latency_ms = 0;          // --latency: before each reply
  double drop_after_data = 0;  // --drop-after-data PERCENT: closed after the dot without a reply
  int max_connections = 0;     // --max-connections: 421 in place of the greeting; 0 no limit
  int max_per_source = 0;      // --max-per-source: the same, per peer address
  int max_messages_per_connection = 0;  // --max-messages-per-connection: then 421 at MAIL
  int max_recipients = 0;               // --max-recipients: 452 4.5.3 at RCPT; 0 no limit
  int64_t max_size = 52428800;          // --max-size: announced as SIZE and kept

  std::string tls_cert;          // --starttls CERT KEY (two values)
  std::string tls_key;           //
  bool tls_self_signed = false;  // --starttls-self-signed

  bool no_pipelining = false;  // --no-pipelining
  bool no_8bitmime = false;    // --no-8bitmime
  bool no_chunking = false;    // --no-chunking
  bool no_size = false;        // --no-size
  bool no_smtputf8 = false;    // --no-smtputf8
  bool no_dsn = false;         // --no-dsn
  bool ehlo_off = false;       // --ehlo-off: EHLO answered 502, HELO works

  // Default is to discard. Recorded before the 250 is sent, so that kill tests can rely on it.
  std::string capture;  // --capture FILE: a JSON line per message
  std::string maildir;  // --maildir DIR: a file per message in DIR/new
  double count_s = 0;   // --count SECONDS: a statistics line each

  int64_t stop_after = 0;  // --stop-after N messages; 0 no limit
  double duration_s = 0;   // --duration SECONDS; 0 no limit
};

// Runs until SIGTERM, SIGINT or a bound. Returns the exit status: 0, or 2 for wrong options.
int RunSink(const SinkOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SINK_SINK_H_
