// engine/submission/local_submission.h — mail of local users, handed over on the control socket.
//
// PURPOSE   `sluice sendmail` brings sender, recipients and a message with bare LF line ends; this
//           makes of it what a submission session would have made: same content rules, same scan.
// NOT HERE  The socket, the peer's uid, reading recipients from the header (-t).

#ifndef SLUICE_ENGINE_SUBMISSION_LOCAL_SUBMISSION_H_
#define SLUICE_ENGINE_SUBMISSION_LOCAL_SUBMISSION_H_

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shard/context.h"
#include "engine/submission/intake.h"
#include "smtp/answer.h"

namespace sluice::engine {

struct LocalMessage {
  std::string sender;  // "user@host"; without a domain: @hostname; empty: null sender
  std::vector<std::string> recipients;  // likewise
  // RFC 3461, as its parameters have them; empty: not given.
  std::string notify = {};
  std::string ret = {};
  std::string envid = {};
  std::string_view text;  // LF or CR LF line ends
  std::string tenant = "default";
  std::string user = {};  // whose configuration applies, when there is one; else empty
  uint32_t uid = 0;       // of the peer, for Received and the event
};

class LocalSubmission {
 public:
  LocalSubmission(ShardContext& context, Intake& intake) : context_(context), intake_(intake) {}

  // Ready for Intake::Submit, or the reply that an SMTP client would have got: 4xx means exit 75
  // (try again), 5xx exit 64 (never right).
  std::expected<Accepted, smtp::Answer> Build(const LocalMessage& local);

 private:
  ShardContext& context_;
  Intake& intake_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_LOCAL_SUBMISSION_H_
