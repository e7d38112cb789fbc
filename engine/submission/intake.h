// engine/submission/intake.h — the door from submission sessions into the queue.
//
// PURPOSE   A session that has read a whole message hands it over and hears when it is durable.
//           Implemented by engine/shard/shard.cc; tests use a fake.

#ifndef SLUICE_ENGINE_SUBMISSION_INTAKE_H_
#define SLUICE_ENGINE_SUBMISSION_INTAKE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/body.h"
#include "engine/base/error.h"
#include "engine/base/ref.h"
#include "engine/signing/signing.h"
#include "engine/submission/bulk_faults.h"
#include "queue/body_file.h"
#include "queue/records.h"
#include "smtp/answer.h"

namespace sluice::engine {

// One message after its end of data, complete but for message.body (the queue's business).
// message.id was taken from Intake::NewId. The content is generated fields + what was received.
struct Accepted {
  queue::Message message;
  std::vector<queue::Recipient> recipients;
  Ref<Body> content;
  Ref<queue::BodyFile> file = {};  // a large message's, instead of `content`
  // To be signed before it is committed; with `file`, that has been done.
  std::optional<SignTask> sign = {};
  // The operator is to hear, now and then, that mail of this domain goes out unsigned.
  std::optional<std::string> unsigned_domain = {};
  // Likewise: what receivers of bulk mail will miss in it. None: nobody looked.
  std::optional<BulkFaultSet> bulk_faults = {};
  // Asked last before the commit, when what comes before it took time: false when the client has
  // gone and would send the message again. Empty: it is wanted.
  std::function<bool()> wanted = {};
  std::string peer;      // the client's address, for the event
  bool capture = false;  // user with deliver = "capture": kept, never sent

  uint64_t size() const { return file ? file->location().length : content->size(); }
};

class Intake {
 public:
  virtual ~Intake() = default;
  virtual MessageId NewId() = 0;
  // queue::Queue::CreateBodyFile: from a worker thread, not the loop.
  virtual Result<Ref<queue::BodyFile>> CreateBodyFile(MessageId id) = 0;
  // Is there room for one more message? Else 452 4.3.1 at MAIL (design 12.7).
  virtual Status Ready() const = 0;
  // May mail From this domain (lower case; empty: none) go out? The refusal; empty: it may. What
  // the operator should know of it is told.
  virtual smtp::Answer Admit(std::string_view from_domain) = 0;
  // May this user (empty: none) begin a message? The refusal; empty: he may.
  virtual smtp::Answer AdmitUser(const std::string&) { return {}; }
  // Commits; `done` runs from the shard's loop when the message is durable or refused (kFull, kIo;
  // kClosed: not wanted any more), never inside this call. 250 may be sent only then. `done` may
  // outlive the session: capture handles, not pointers.
  virtual void Submit(Accepted&& accepted, std::function<void(Status)> done) = 0;
  // An `alert` event for the operator. Nobody waits for it.
  virtual void Alert(std::string reason, std::string text) = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_INTAKE_H_
