// engine/submission/submission_counters.h — what a listener counts, for status and metrics.

#ifndef SLUICE_ENGINE_SUBMISSION_SUBMISSION_COUNTERS_H_
#define SLUICE_ENGINE_SUBMISSION_SUBMISSION_COUNTERS_H_

#include <cstdint>

namespace sluice::engine {

struct SubmissionCounters {
  uint64_t connections = 0;
  uint64_t connections_refused = 0;  // 421: over a limit, or stopping
  uint64_t tls = 0;                  // handshakes done
  uint64_t tls_failed = 0;
  uint64_t clear_greetings = 0;  // old clients on a TLS-only port (design 12.14)
  uint64_t logins = 0;
  uint64_t certificate_logins = 0;  // of those: by a client certificate
  uint64_t logins_failed = 0;
  uint64_t messages = 0;  // answered 250
  uint64_t recipients = 0;
  uint64_t content_bytes = 0;
  uint64_t messages_refused = 0;  // 4xx or 5xx after the content
  uint64_t message_faults = 0;    // of those and at MAIL: faults of the message itself
  uint64_t sender_refusals = 0;   // of those: From is not the sender's, not verified, or unsigned
  uint64_t recipients_refused = 0;
  uint64_t messages_paced = 0;  // the reply to MAIL was delayed
  uint64_t bare_line_ends = 0;  // normalised within accepted content
  uint64_t bare_commands = 0;   // commands that ended in a bare LF
  uint64_t memory_pauses = 0;   // a session stopped reading for the body budget
  uint64_t timeouts = 0;
  uint64_t errors_closed = 0;   // 421 for too many errors
  uint64_t unread_replies = 0;  // closed: the client did not read
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_SUBMISSION_COUNTERS_H_
