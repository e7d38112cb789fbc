// tools/blast/blast.h — `sluice blast`: a bounded SMTP load source.
//
// PURPOSE   Hands a known number of numbered messages to a server, in lock-step or pipelined, and
//           tells what became of each: accepted (with the server's id), refused, or unknown.
// NOT HERE  Command line parsing (tools/main.cc), the SMTP conversation (blast_session.h).

#ifndef SLUICE_TOOLS_BLAST_BLAST_H_
#define SLUICE_TOOLS_BLAST_BLAST_H_

#include <cstdint>
#include <map>
#include <string>

namespace sluice::tools {

struct BlastOptions {
  std::string to;              // --to ADDR:PORT, required
  int connections = 1;         // --connections
  int64_t messages = 1;        // --messages: in all
  double rate = 0;             // --rate: messages per second in all; 0 as fast as it goes
  int64_t per_connection = 0;  // --per-connection: messages before QUIT and a new one; 0 all
  int64_t size = 10240;        // --size: octets of a message, header included
  int recipients = 1;          // --recipients-per-message
  std::string domains;         // --domains 'a.test=5,b.test=1': weighted
  int domain_count = 0;        // --domains-count N: d0.test … when --domains is empty; 0 means 1
  bool zipf = false;           // --zipf: the domains of --domains-count weigh 1/rank
  std::string from = "sender@blast.test";  // --from
  std::string helo = "blast.test";         // --helo
  std::string tls = "none";                // --tls none|starttls|implicit (no verification)
  std::string user;                        // --auth USER
  std::string password_file;  // --password-file; else the environment's SLUICE_BLAST_PASSWORD
  std::string password;       // set by callers in this process; the command line has no flag
  bool pipelining = false;    // --pipelining: the next envelope goes with the content
  bool bdat = false;          // --bdat: BDAT where the server offers CHUNKING
  bool dots = false;          // --dots: body lines that begin with dots
  bool eight_bit = false;     // --8bit: body with UTF-8, BODY=8BITMIME
  std::string campaign;       // --campaign: an X-Campaign field
  std::string run_id;         // --run-id: part of Message-ID; default the time
  double duration_s = 0;      // --duration: no new message after that many seconds; 0 no bound
  double timeout_s = 60;      // --timeout: without any reply for so long, a connection is lost
  bool retry = false;         // --retry: reconnect after a lost connection and go on
  double retry_for_s = 30;    // --retry-for: give up after so long without any connection
  std::string log;            // --log FILE: a JSON line per message whose fate is known
  bool json = false;          // --json: the summary as JSON
  bool quiet = false;  // --quiet: no progress, no summary in text (with --json still as JSON)
};

struct BlastReport {
  bool ok = false;             // every message was accepted
  bool wrong_options = false;  // an option cannot be right: nothing was tried
  std::string error;           // why nothing could be started, or the first fault seen
  int64_t accepted = 0;        // 250 after the content
  int64_t refused = 0;         // 4xx or 5xx at MAIL, at every RCPT, at DATA or after the content
  int64_t unknown = 0;         // connection lost after the content was begun: may have arrived
  int64_t not_sent = 0;        // never begun, or lost before the content
  int64_t recipients_accepted = 0;
  int64_t recipients_refused = 0;
  int64_t connections = 0;  // that were made
  int64_t reconnects = 0;   // after a loss
  double seconds = 0;       // first MAIL to last reply
  double rate = 0;          // accepted per second
  double cpu_us = 0;        // of this process per accepted message
  double p50_ms = 0;        // latency: last octet of the content written → its reply
  double p90_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  double max_ms = 0;
  std::map<std::string, int64_t> replies;  // refusals by reply text (bounded number of kinds)
};

// Runs to the end, prints progress on a terminal, and no summary: see PrintBlastReport.
BlastReport RunBlast(const BlastOptions& options);
// The summary on standard output, as text or JSON.
void PrintBlastReport(const BlastReport& report, bool json);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_BLAST_BLAST_H_
