// engine/delivery/job_run.cc — see job_run.h.

#include "engine/delivery/job_run.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "smtp/downgrade.h"

namespace sluice::engine {
namespace {

static_assert(int(queue::kNotifyNever) == int(smtp::kTellNever));
static_assert(int(queue::kNotifySuccess) == int(smtp::kTellSuccess));
static_assert(int(queue::kNotifyFailure) == int(smtp::kTellFailure));
static_assert(int(queue::kNotifyDelay) == int(smtp::kTellDelay));

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return uint8_t(c) < 0x80; });
}

smtp::DsnReturn ReturnOf(queue::DsnRet ret) {
  switch (ret) {
    case queue::DsnRet::kFull:
      return smtp::DsnReturn::kFull;
    case queue::DsnRet::kHeaders:
      return smtp::DsnReturn::kHeaders;
    case queue::DsnRet::kUnset:
      break;
  }
  return smtp::DsnReturn::kUnset;
}

std::string WithoutCuts(const std::string& stored, const std::vector<queue::Cut>& cuts) {
  std::string out;
  size_t from = 0;
  for (const queue::Cut& cut : cuts) {
    out.append(stored, from, cut.offset - from);
    from = size_t(cut.offset) + cut.length;
  }
  return out.append(stored, from);
}

}  // namespace

void JobRun::Take(Job job) {
  CHECK(!job_.has_value());
  CHECK(!job.recipients.empty());
  CHECK(job.message.get() != nullptr);
  job_ = std::move(job);
  unanswered_.resize(job_->recipients.size());
  for (size_t i = 0; i < unanswered_.size(); ++i) unanswered_[i] = i;
  batch_.clear();
  form_ = Form::kNothing;
  loading_all_ = false;
  loaded_all_.reset();
}

void JobRun::Answered(size_t recipient) {
  const auto at = std::find(unanswered_.begin(), unanswered_.end(), recipient);
  CHECK(at != unanswered_.end());
  unanswered_.erase(at);
}

Job JobRun::Release(std::vector<size_t>& untried) {
  CHECK(job_.has_value());
  untried = std::move(unanswered_);
  unanswered_.clear();
  Job job = std::move(*job_);
  job_.reset();
  return job;
}

JobRun::Step JobRun::Refuse(Fault fault) {
  refusal_ = fault;
  return Step::kRefused;
}

JobRun::Step JobRun::Prepare(const smtp::Capabilities& receiver, const LoadFn& load) {
  CHECK(job_.has_value());
  CHECK(!unanswered_.empty());
  if (NeedsUtf8() && !receiver.utf8) return Refuse(Fault::kNoUtf8);
  const Step step = PrepareContent(receiver, load);
  if (step != Step::kGo) return step;
  if (receiver.size_max != 0 && content_.size() > receiver.size_max)
    return Refuse(Fault::kTooLarge);
  MakeEnvelope(receiver);
  return Step::kGo;
}

JobRun::Step JobRun::PrepareContent(const smtp::Capabilities& receiver, const LoadFn& load) {
  const bool convert = (message().flags & queue::kFlag8Bit) != 0 && !receiver.eight_bit;
  if (convert && form_ == Form::kSevenBit) return Step::kGo;
  if (!convert && form_ == Form::kStored) return Step::kGo;
  if (convert && (message().flags & queue::kFlagSigned) != 0) return Refuse(Fault::kNo8Bit);
  if (loaded_all_.has_value()) {
    Result<std::string> all = std::move(*loaded_all_);
    loaded_all_.reset();
    loading_all_ = false;
    if (!all.has_value() || all->size() != message().body.length)
      return Refuse(Fault::kContentUnreadable);
    return Convert(WithoutCuts(*all, message().cuts));
  }
  const bool fits = job_->content ? content_.UseBody(job_->content, message())
                                  : content_.UseWindows(message(), load);
  if (!fits) return Refuse(Fault::kContentUnreadable);
  form_ = Form::kStored;
  if (!convert) return Step::kGo;
  if (content_.in_memory()) return Convert(content_.ToString());
  if (message().body.length > kConvertMax) return Refuse(Fault::kNo8Bit);
  loading_all_ = true;
  load(0, message().body.length);
  return Step::kWait;
}

JobRun::Step JobRun::Convert(const std::string& text) {
  std::optional<std::string> converted = smtp::ConvertTo7Bit(text);
  if (!converted.has_value()) return Refuse(Fault::kNo8Bit);
  content_.UseText(std::move(*converted));
  form_ = Form::kSevenBit;
  return Step::kGo;
}

void JobRun::Loaded(Result<std::string> octets) {
  if (loading_all_) {
    loaded_all_ = std::move(octets);
  } else {
    content_.Loaded(std::move(octets));
  }
}

// The client said SMTPUTF8; some always do. It is needed where an address or the header has more
// than ASCII (RFC 6531, 3.6).
bool JobRun::NeedsUtf8() const {
  if ((message().flags & queue::kFlagSmtpUtf8) == 0) return false;
  if (!IsAscii(message().sender)) return true;
  for (const size_t i : unanswered_) {
    if (!IsAscii(job_->recipients[i].address)) return true;
  }
  return !HeaderIsAscii();
}

bool JobRun::HeaderIsAscii() const {
  if ((message().flags & queue::kFlag8Bit) == 0) return true;
  if (!job_->content) return false;  // not at hand: believe the client
  bool ascii = true;
  const size_t header = std::min<size_t>(message().header_length, job_->content->size());
  job_->content->ForEachPiece(0, header,
                              [&](std::string_view piece) { ascii = ascii && IsAscii(piece); });
  return ascii;
}

void JobRun::MakeEnvelope(const smtp::Capabilities& receiver) {
  size_t count = unanswered_.size();
  if (receiver.rcpt_max != 0) count = std::min<size_t>(count, receiver.rcpt_max);
  batch_.assign(unanswered_.begin(), unanswered_.begin() + ptrdiff_t(count));
  recipients_.clear();
  for (const size_t i : batch_) {
    const queue::Recipient& recipient = job_->recipients[i];
    recipients_.push_back({recipient.address, recipient.orcpt, recipient.notify});
  }
  const queue::Message& head = message();
  envelope_.sender = head.sender;
  envelope_.envid = head.envid;
  envelope_.ret = ReturnOf(head.ret);
  envelope_.eight_bit = (head.flags & queue::kFlag8Bit) != 0 && form_ == Form::kStored;
  envelope_.utf8 = NeedsUtf8();
  envelope_.recipients = recipients_;
}

}  // namespace sluice::engine
