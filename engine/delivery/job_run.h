// engine/delivery/job_run.h — the job that a delivery has in hand, over as many transactions as it
// takes.
//
// PURPOSE   Keeps which recipients are still to be answered, looks at what the receiver's
// extensions
//           allow (SIZE, SMTPUTF8, 8BITMIME, LIMITS), makes the envelope and the content.
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
#include "smtp/client_session.h"

namespace sluice::engine {

class JobRun {
 public:
  // Larger messages that need conversion and are not in memory are refused instead: whole, they
  // would take more than a fair share of the memory for bodies.
  static constexpr uint32_t kConvertMax = 4 * 1024 * 1024;

  using LoadFn = RenderedContent::LoadFn;

  enum class Step : uint8_t {
    kGo,       // begin a transaction with envelope() and content() for batch()
    kRefused,  // refusal() holds for all of unanswered()
    kWait,     // `load` was asked; Prepare again after Loaded
  };

  void Take(Job job);
  bool active() const { return job_.has_value(); }
  Job& job() { return *job_; }
  const queue::Message& message() const { return job_->message->message; }

  // Can what is to be sent go to a receiver with these extensions, and how?
  Step Prepare(const smtp::Capabilities& receiver, const LoadFn& load);
  // The answer to a `load`, of a window or of all.
  void Loaded(Result<std::string> octets);
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
  Step PrepareContent(const smtp::Capabilities& receiver, const LoadFn& load);
  Step Convert(const std::string& text);
  void MakeEnvelope(const smtp::Capabilities& receiver);

  std::optional<Job> job_;
  std::vector<size_t> unanswered_;
  std::vector<size_t> batch_;
  Fault refusal_ = Fault::kNone;

  // What content_ holds at present.
  enum class Form : uint8_t { kNothing, kStored, kSevenBit };
  Form form_ = Form::kNothing;
  RenderedContent content_;
  bool loading_all_ = false;  // for conversion
  std::optional<Result<std::string>> loaded_all_;

  smtp::Transaction envelope_;
  std::vector<smtp::ClientRecipient> recipients_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_JOB_RUN_H_
