// engine/delivery/job_run.cc — see job_run.h.

#include "engine/delivery/job_run.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/tls_report/session.h"
#include "smtp/dkim_signature.h"
#include "smtp/downgrade.h"
#include "smtp/header_scan.h"
#include "smtp/mime_fields.h"

namespace sluice::engine {
namespace {

static_assert(int(queue::kNotifyNever) == int(smtp::kTellNever));
static_assert(int(queue::kNotifySuccess) == int(smtp::kTellSuccess));
static_assert(int(queue::kNotifyFailure) == int(smtp::kTellFailure));
static_assert(int(queue::kNotifyDelay) == int(smtp::kTellDelay));

// A message released later than this after it was signed is signed anew.
constexpr Duration kFreshFor = std::chrono::hours(24);

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

// Do the signature and the cuts lie within what is stored?
bool CutsFit(std::string_view stored, const queue::Message& message) {
  uint64_t from = message.signature.length;
  for (const queue::Cut& cut : message.cuts) {
    if (cut.offset < from) return false;
    from = uint64_t(cut.offset) + cut.length;
  }
  return from <= stored.size();
}

// What is stored without our signatures and without what never leaves.
std::string WithoutCuts(std::string_view stored, const queue::Message& message) {
  std::string out;
  size_t from = message.signature.length;
  for (const queue::Cut& cut : message.cuts) {
    out.append(stored.substr(from, cut.offset - from));
    from = size_t(cut.offset) + cut.length;
  }
  return out.append(stored.substr(from));
}

// `front` is the stored header, blank line included. None: the record is damaged.
std::optional<std::string> LeavingHeader(std::string_view front, const queue::Message& message) {
  constexpr std::string_view kBlankLine = "\r\n";
  if (!front.ends_with(kBlankLine) || !CutsFit(front, message)) return std::nullopt;
  std::string header = WithoutCuts(front, message);
  header.resize(header.size() - kBlankLine.size());
  if (!header.empty() && !header.ends_with(kBlankLine)) return std::nullopt;
  return header;
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
  topic_ = Topic::kNothing;
  StartOver(Form::kNothing);
}

void JobRun::StartOver(Form form) {
  preparing_ = form;
  loaded_.reset();
  converted_ = {};
  signed_.reset();
}

JobRun::Question JobRun::Ask(Topic topic) {
  topic_ = topic;
  return ++question_;
}

bool JobRun::Settles(Topic topic, Question question) {
  if (question != question_ || topic != topic_) return false;
  topic_ = Topic::kNothing;
  return true;
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

JobRun::Step JobRun::Prepare(const smtp::Capabilities& receiver, const Desk& desk) {
  CHECK(job_.has_value());
  CHECK(!unanswered_.empty());
  topic_ = Topic::kNothing;  // what is still open was asked for another host
  if (NeedsUtf8() && !receiver.utf8) return Refuse(Fault::kNoUtf8);
  const Step step = PrepareContent(FormFor(receiver, desk.shard), desk);
  if (step != Step::kGo) return step;
  if (receiver.size_max != 0 && content_.size() > receiver.size_max)
    return Refuse(Fault::kTooLarge);
  MakeEnvelope(receiver);
  return Step::kGo;
}

JobRun::Form JobRun::FormFor(const smtp::Capabilities& receiver, const ShardContext& shard) const {
  if ((message().flags & queue::kFlag8Bit) != 0 && !receiver.eight_bit) return Form::kSevenBit;
  return SignatureIsStale(shard) ? Form::kResigned : Form::kStored;
}

// Design 12.10: held for over a day, or by a selector that is no longer ours to publish.
bool JobRun::SignatureIsStale(const ShardContext& shard) const {
  const queue::Message& head = message();
  if (head.signature.length == 0 || shard.keyring == nullptr) return false;
  // Captured mail is released recipient by recipient, which its head does not tell.
  const bool captured = (head.flags & queue::kFlagCaptured) != 0;
  const WallTime released = captured ? shard.clock.Wall() : head.released;
  if (released - head.accepted > kFreshFor) return true;
  return !std::ranges::all_of(head.signature.selectors,
                              [&](uint64_t mark) { return shard.keyring->Knows(mark); });
}

JobRun::Step JobRun::PrepareContent(Form wanted, const Desk& desk) {
  if (form_ == wanted) return Step::kGo;
  if (preparing_ != wanted) StartOver(wanted);
  switch (wanted) {
    case Form::kSevenBit:
      return Convert(desk);
    case Form::kResigned:
      return Resign(desk);
    default:
      return UseStored(Form::kStored, desk, std::nullopt);
  }
}

JobRun::Step JobRun::UseStored(Form as, const Desk& desk, std::optional<std::string> signatures) {
  const auto load = [this, ask = desk.load](uint32_t offset, uint32_t length) {
    ask(Ask(Topic::kWindow), offset, length);
  };
  const bool fits = job_->content
                        ? content_.UseBody(job_->content, message(), std::move(signatures))
                        : content_.UseWindows(message(), load, std::move(signatures));
  if (!fits) return Refuse(Fault::kContentUnreadable);
  form_ = as;
  return Step::kGo;
}

std::optional<Result<std::string>> JobRun::Front(uint32_t length, const Desk& desk) {
  if (loaded_.has_value()) {
    Result<std::string> front = *std::exchange(loaded_, std::nullopt);
    if (front && front->size() != length) front = Fail(ErrorCode::kCorrupt, "too short");
    return front;
  }
  if (job_->content) {
    std::string front;
    if (length > job_->content->size()) return Fail(ErrorCode::kCorrupt, "too short");
    job_->content->ForEachPiece(0, length, [&](std::string_view piece) { front += piece; });
    return front;
  }
  desk.load(Ask(Topic::kFront), 0, length);
  return std::nullopt;
}

std::vector<const SigningKey*> JobRun::KeysFor(std::string_view header,
                                               const ShardContext& shard) const {
  const bool report = (message().flags & queue::kFlagReport) != 0;
  // A TLS report is signed by the domain it is From.
  if (report && !IsTlsReport(message())) return shard.keyring->reporters().keys;
  return shard.keyring->SignersOf(message().tenant, smtp::ScanHeader(header).from_domain).keys;
}

JobRun::Step JobRun::Resign(const Desk& desk) {
  if (signed_.has_value()) {
    Result<std::string> fields = *std::exchange(signed_, std::nullopt);
    if (!fields) return Refuse(Fault::kContentUnreadable);
    return UseStored(Form::kResigned, desk, *std::move(fields));
  }
  const auto front = Front(message().header_length, desk);
  if (!front) return Step::kWait;
  const auto header = *front ? LeavingHeader(**front, message()) : std::nullopt;
  if (!header) return Refuse(Fault::kContentUnreadable);
  SignTask task{.keyring = desk.shard.keyring,
                .keys = KeysFor(*header, desk.shard),
                .header = *header,
                .body_form = smtp::Canonical(message().signature.body_form),
                .body_hash = message().signature.body_hash,
                .now = desk.shard.clock.Wall()};
  // The domain is gone from the configuration: the old signature is the best there is.
  if (task.keys.empty()) return UseStored(Form::kResigned, desk, std::nullopt);
  desk.sign(Ask(Topic::kSignature), std::move(task));
  return Step::kWait;
}

JobRun::Step JobRun::Convert(const Desk& desk) {
  if (signed_.has_value()) {
    Result<std::string> fields = *std::exchange(signed_, std::nullopt);
    if (!fields) return Refuse(Fault::kContentUnreadable);
    content_.UseText(*fields + std::exchange(converted_, {}));
    form_ = Form::kSevenBit;
    return Step::kGo;
  }
  if ((message().flags & queue::kFlagSigned) != 0) return Refuse(Fault::kNo8Bit);
  if (!job_->content && message().body.length > kConvertMax) return Refuse(Fault::kNo8Bit);
  const uint32_t length = job_->content ? uint32_t(job_->content->size()) : message().body.length;
  const auto stored = Front(length, desk);
  if (!stored) return Step::kWait;
  if (!*stored || !CutsFit(**stored, message())) return Refuse(Fault::kContentUnreadable);
  std::optional<std::string> converted = smtp::ConvertTo7Bit(WithoutCuts(**stored, message()));
  if (!converted.has_value()) return Refuse(Fault::kNo8Bit);
  if (message().signature.length == 0) {
    content_.UseText(std::move(*converted));
    form_ = Form::kSevenBit;
    return Step::kGo;
  }
  if (desk.shard.keyring == nullptr) return Refuse(Fault::kNo8Bit);
  converted_ = std::move(*converted);
  const smtp::MimeSplit split = smtp::SplitPart(converted_);
  smtp::DkimBodyHash hash(desk.shard.keyring->body_form());
  hash.Update(split.body);
  SignTask task{.keyring = desk.shard.keyring,
                .keys = KeysFor(split.header, desk.shard),
                .header = std::string(split.header),
                .body_form = desk.shard.keyring->body_form(),
                .body_hash = hash.Finish(),
                .now = desk.shard.clock.Wall()};
  // Converted, the old signature is broken, and nobody can make another.
  if (task.keys.empty()) return Refuse(Fault::kNo8Bit);
  desk.sign(Ask(Topic::kSignature), std::move(task));
  return Step::kWait;
}

bool JobRun::Loaded(Question question, Result<std::string> octets) {
  if (Settles(Topic::kFront, question)) {
    loaded_ = std::move(octets);
    return true;
  }
  if (!Settles(Topic::kWindow, question)) return false;
  content_.Loaded(std::move(octets));
  return true;
}

bool JobRun::Signed(Question question, Result<std::string> fields) {
  if (!Settles(Topic::kSignature, question)) return false;
  signed_ = std::move(fields);
  return true;
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
  envelope_.eight_bit = (head.flags & queue::kFlag8Bit) != 0 && form_ != Form::kSevenBit;
  envelope_.utf8 = NeedsUtf8();
  envelope_.recipients = recipients_;
}

}  // namespace sluice::engine
