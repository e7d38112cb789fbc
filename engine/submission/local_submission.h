// engine/submission/local_submission.h — mail of local users, handed over on the control socket.
//
// PURPOSE   `sluice sendmail` brings sender, recipients and a message with bare LF line ends; this
//           makes of it what a submission session would have made: same content rules, same scan.
// FLOW      Begin -> Receive -> Finish; Receive takes time, and may run on a worker.
// NOT HERE  The socket, the peer's uid, reading recipients from the header (-t).

#ifndef SLUICE_ENGINE_SUBMISSION_LOCAL_SUBMISSION_H_
#define SLUICE_ENGINE_SUBMISSION_LOCAL_SUBMISSION_H_

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shard/context.h"
#include "engine/submission/intake.h"
#include "engine/submission/message_builder.h"
#include "smtp/answer.h"
#include "smtp/command.h"
#include "smtp/content_receiver.h"

namespace sluice::engine {

struct LocalMessage {
  std::string sender;  // "user@host"; without a domain: @hostname; empty: null sender
  std::vector<std::string> recipients;  // likewise
  // RFC 3461, as its parameters have them; empty: not given.
  std::string notify = {};
  std::string ret = {};
  std::string envid = {};
  std::string tenant = "default";
  std::string user = {};  // whose configuration applies, when there is one; else empty
  uint32_t uid = 0;       // of the peer, for Received and the event
};

class LocalSubmission {
 public:
  // Both outlive this.
  LocalSubmission(ShardContext& context, Intake& intake)
      : context_(context), intake_(intake), config_(context.config) {}
  LocalSubmission(const LocalSubmission&) = delete;
  LocalSubmission& operator=(const LocalSubmission&) = delete;

  // The reply that an SMTP client would have got when it cannot be taken, else empty: 4xx means
  // exit 75 (try again), 5xx exit 64 (never right).
  smtp::Answer Begin(LocalMessage local);
  // The content, with LF or CR LF line ends. Touches nothing but this and the budget of bodies: any
  // thread may run it.
  void Receive(std::string_view text);
  // Ready for Intake::Submit, or the reply as above.
  std::expected<Accepted, smtp::Answer> Finish();

 private:
  smtp::Answer TakeEnvelope();
  smtp::Answer ContentRefusal();

  ShardContext& context_;
  Intake& intake_;
  const std::shared_ptr<const config::Config> config_;  // one from begin to end
  LocalMessage local_;
  const config::User* user_ = nullptr;
  smtp::MailCommand mail_;
  std::vector<queue::Recipient> recipients_;
  MessageBuilder builder_;
  smtp::ContentReceiver receiver_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_LOCAL_SUBMISSION_H_
