#include "engine/submission/message_builder.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeaderEnd = "\r\n\r\n";

// Where the blank line begins: the length of the header's lines. npos: not there yet. `seen` octets
// were searched before.
size_t FindBlankLine(std::string_view text, size_t seen) {
  if (text.starts_with("\r\n")) return 0;
  const size_t from = seen < kHeaderEnd.size() ? 0 : seen - (kHeaderEnd.size() - 1);
  const size_t at = text.find(kHeaderEnd, from);
  return at == std::string_view::npos ? at : at + 2;
}

}  // namespace

void MessageBuilder::Begin(Origin origin, BodyBudget* budget) {
  Reset();
  origin_ = std::move(origin);
  budget_ = budget;
  body_ = MakeRef<Body>(budget);
}

void MessageBuilder::Reset() {
  body_ = {};
  held_ = {};
  header_done_ = false;
  facts_ = {};
  generated_ = header_length_ = 0;
  leaving_header_ = {};
  body_hash_.reset();
  refusal_ = {};
}

void MessageBuilder::Refuse(uint16_t code, const char* enhanced, std::string text) {
  refusal_ = {code, enhanced, std::move(text)};
  held_ = {};
  body_ = {};  // what still comes has nowhere to go
}

void MessageBuilder::OnContent(std::string_view piece) {
  if (!body_) return;  // refused, or discarded
  if (header_done_) {
    body_->Append(piece);
    if (body_hash_) body_hash_->Update(piece);
    return;
  }
  // Nearly always the header is whole in the first piece, and need not be copied.
  const size_t before = held_.size();
  if (before > 0) held_ += piece;
  const std::string_view text = before > 0 ? std::string_view(held_) : piece;
  const size_t end = FindBlankLine(text, before);
  const size_t header = end == std::string_view::npos ? text.size() : end;
  if (header > kHeaderMax) {
    Refuse(552, "5.3.4", "Header over " + std::to_string(kHeaderMax) + " octets");
  } else if (end == std::string_view::npos) {
    if (before == 0) held_ = piece;
  } else {
    const std::string kept = std::move(held_);
    held_ = {};
    const std::string_view whole = before > 0 ? std::string_view(kept) : piece;
    TakeHeader(whole.substr(0, end));
    if (!refusal_.empty()) return;
    body_->Append(whole.substr(end));
    if (body_hash_) body_hash_->Update(whole.substr(end + kLineEnd.size()));
  }
}

// `header` is whole lines; what follows in the body is the blank line.
void MessageBuilder::TakeHeader(std::string_view header) {
  header_done_ = true;
  facts_ = smtp::ScanHeader(header);
  const std::string line = std::to_string(facts_.fault_line);
  if (facts_.fault == smtp::HeaderFault::kNotAField) {
    Refuse(550, "5.6.0", "Line " + line + " of the header is neither a field nor a continuation");
  } else if (facts_.fault == smtp::HeaderFault::kTwoFrom) {
    Refuse(550, "5.6.0", "Line " + line + " of the header is a second From");
  } else if (facts_.received > origin_.hops_max) {
    Refuse(554, "5.4.6", "Too many hops: " + std::to_string(facts_.received) + " Received fields");
  } else if (facts_.cuts.size() > queue::kMaxCuts) {
    Refuse(550, "5.6.0", "Too many control fields");
  } else {
    const std::string generated = GeneratedFields();
    if (generated.ends_with(origin_.unsubscribe) && !origin_.unsubscribe.empty())
      facts_.unsubscribe = facts_.unsubscribe_https = facts_.one_click = true;
    generated_ = generated.size();
    body_->Append(generated);
    body_->Append(header);
    header_length_ = body_->size() + kLineEnd.size();
    if (origin_.hash_body) KeepLeavingHeader(generated, header);
  }
}

// What is signed is what leaves: without what is cut out.
void MessageBuilder::KeepLeavingHeader(std::string_view generated, std::string_view header) {
  leaving_header_ = generated;
  size_t from = 0;
  for (const smtp::HeaderCut& cut : facts_.cuts) {
    leaving_header_ += header.substr(from, cut.offset - from);
    from = cut.offset + cut.length;
  }
  leaving_header_ += header.substr(from);
  body_hash_.emplace(*origin_.hash_body);
}

std::string MessageBuilder::GeneratedFields() const {
  const std::string id = FormatMessageId(origin_.id);
  const std::string date = FormatRfc5322(origin_.now);
  std::string out = "Received: from " + origin_.from + "\r\n\tby " + origin_.hostname + " with " +
                    origin_.with + " id " + id;
  if (!origin_.tls.empty()) out += "\r\n\t(" + origin_.tls + ")";
  if (!origin_.recipient.empty()) out += "\r\n\tfor <" + origin_.recipient + ">";
  out += ";\r\n\t" + date + "\r\n";
  if (!facts_.date) out += "Date: " + date + "\r\n";
  if (!facts_.message_id) out += "Message-ID: <" + id + "@" + origin_.hostname + ">\r\n";
  if (origin_.bulk.value_or(facts_.bulk()) && !facts_.unsubscribe) out += origin_.unsubscribe;
  return out;
}

smtp::Answer MessageBuilder::Finish() {
  if (!body_) return refusal_;
  if (!header_done_) {
    // A message of header fields only: it gets its blank line.
    const std::string header = std::move(held_);
    held_ = {};
    CHECK(header.empty() || header.ends_with("\r\n"));
    TakeHeader(header);
    if (refusal_.empty()) body_->Append(kLineEnd);
  }
  return refusal_;
}

Ref<const Body> MessageBuilder::TakePiece() {
  CHECK(header_done_);
  CHECK(body_);
  return std::exchange(body_, MakeRef<Body>(budget_));
}

void MessageBuilder::Discard() {
  held_ = {};
  body_ = {};
}

Ref<Body> MessageBuilder::TakeBody() {
  CHECK(header_done_);
  CHECK(refusal_.empty());
  return std::exchange(body_, {});
}

std::vector<queue::Cut> MessageBuilder::cuts() const {
  std::vector<queue::Cut> cuts;
  cuts.reserve(facts_.cuts.size());
  for (const smtp::HeaderCut& cut : facts_.cuts)
    cuts.push_back({uint32_t(generated_ + cut.offset), uint32_t(cut.length)});
  return cuts;
}

}  // namespace sluice::engine
