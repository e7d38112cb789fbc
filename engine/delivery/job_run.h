// engine/delivery/job_run.h — the job that a delivery has in hand, over as many transactions as it
// takes.
//
// PURPOSE   Keeps which recipients are still to be answered, looks at what the receiver's
//           extensions allow (SIZE, SMTPUTF8, 8BITMIME, LIMITS), makes the envelope and the
//           content. What it converts, and what was signed too long ago or by a key that is gone,
//           is signed anew (design 12.10, protocol.md 18).
// NOT HERE  Connections; telling the owner.
// RULES     protocol.md 12, 14.

#ifndef SLUICE_ENGINE_DELIVERY_JOB_RUN_H_
#define SLUICE_ENGINE_DELIVERY_JOB_RUN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/delivery/job.h"
#include "engine/delivery/rendered_content.h"
#include "engine/shard/context.h"
#include "engine/signing/signing.h"
#include "smtp/client_session.h"

namespace sluice::engine {

class JobRun {
 public:
  // Larger messages that need conversion and are not in memory are refused instead: whole, they
  // would take more than a fair share of the memory for bodies.
  static constexpr uint32_t kConvertMax = 4 * 1024 * 1024;

  // The number of a question. Only the last one's answer counts: it may come when the host that it
  // was for is gone, and would be the wrong octets for the next one.
  using Question = uint64_t;
  using LoadFn = std::function<void(Question, uint32_t offset, uint32_t length)>;
  using SignFn = std::function<void(Question, SignTask)>;
  // What a job asks for while it is prepared or sent; answered by Loaded and Signed.
  struct Desk {
    const ShardContext& shard;
    LoadFn load;
    SignFn sign;
  };

  enum class Step : uint8_t {
    kGo,       // begin a transaction with envelope() and content() for batch()
    kRefused,  // refusal() holds for all of unanswered()
    kWait,     // the desk was asked; Prepare again after its answer
  };

  JobRun() = default;
  JobRun(const JobRun&) = delete;  // its content asks through it
  JobRun& operator=(const JobRun&) = delete;

  void Take(Job job);
  bool active() const { return job_.has_value(); }
  Job& job() { return *job_; }
  const queue::Message& message() const { return job_->message->message; }

  // Can what is to be sent go to a receiver with these extensions, and how?
  Step Prepare(const smtp::Capabilities& receiver, const Desk& desk);
  // The answer to a `load`, of a window or of the front. False: nobody waits for it any more.
  bool Loaded(Question question, Result<std::string> octets);
  // The answer to a `sign`; the same.
  bool Signed(Question question, Result<std::string> fields);
  // What a Prepare waited for is here.
  bool answered() const { return loaded_.has_value() || signed_.has_value(); }
  Fault refusal() const { return refusal_; }

  const smtp::Transaction& envelope() const { return envelope_; }
  RenderedContent& content() { return content_; }
  // Recipients of this transaction: places in job().recipients, in the order of the envelope.
  const std::vector<size_t>& batch() const { return batch_; }

  // Not answered yet, batch included.
  const std::vector<size_t>& unanswered() const { return unanswered_; }
  void Answered(size_t recipient);
  // The job is over: what was not answered is in `untried`.
  Job Release(std::vector<size_t>& untried);

 private:
  bool NeedsUtf8() const;
  bool HeaderIsAscii() const;
  Step Refuse(Fault fault);
  // What content_ holds at present, or shall hold.
  enum class Form : uint8_t { kNothing, kStored, kResigned, kSevenBit };
  Form FormFor(const smtp::Capabilities& receiver, const ShardContext& shard) const;
  bool SignatureIsStale(const ShardContext& shard) const;
  Step PrepareContent(Form wanted, const Desk& desk);
  // What came on the way to another form is of no use to this one.
  void StartOver(Form form);
  Step UseStored(Form as, const Desk& desk, std::optional<std::string> signatures);
  Step Resign(const Desk& desk);
  Step Convert(const Desk& desk);
  // What the open question is about.
  enum class Topic : uint8_t { kNothing, kFront, kSignature, kWindow };
  Question Ask(Topic topic);
  // Is this the answer to the open question? Then it is open no more.
  bool Settles(Topic topic, Question question);
  // Asks for the octets from the start of the stored body on, or takes them from memory; none:
  // wait.
  std::optional<Result<std::string>> Front(uint32_t length, const Desk& desk);
  // Who would sign what has this header now.
  std::vector<const SigningKey*> KeysFor(std::string_view header, const ShardContext& shard) const;
  void MakeEnvelope(const smtp::Capabilities& receiver);

  std::optional<Job> job_;
  std::vector<size_t> unanswered_;
  std::vector<size_t> batch_;
  Fault refusal_ = Fault::kNone;

  Form form_ = Form::kNothing;
  RenderedContent content_;
  Question question_ = 0;  // the last one
  Topic topic_ = Topic::kNothing;
  // On the way to a form that is converted or signed anew, and for no other: what has come so far.
  Form preparing_ = Form::kNothing;
  std::optional<Result<std::string>> loaded_;
  std::string converted_;  // waits for its signature
  std::optional<Result<std::string>> signed_;

  smtp::Transaction envelope_;
  std::vector<smtp::ClientRecipient> recipients_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_JOB_RUN_H_
