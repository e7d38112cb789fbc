// engine/delivery/rendered_content.cc — see rendered_content.h.

#include "engine/delivery/rendered_content.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/delivery/job.h"

namespace sluice::engine {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kDot = ".\r\n";
constexpr std::string_view kLineEndAndDot = "\r\n.\r\n";
// Slices given at a time when dots are stuffed: one gathered write of the system takes 1,024.
constexpr size_t kSlicesMax = 512;

}  // namespace

bool RenderedContent::UseBody(Ref<const Body> body, const queue::Message& message,
                              std::optional<std::string> signatures) {
  source_ = Source::kBody;
  body_ = std::move(body);
  scan_ = (message.flags & queue::kFlagDots) != 0;
  if (!SetRanges(body_->size(), message, std::move(signatures))) return false;
  MeasureEnd();
  return true;
}

bool RenderedContent::UseWindows(const queue::Message& message, LoadFn load,
                                 std::optional<std::string> signatures) {
  source_ = Source::kWindows;
  load_ = std::move(load);
  scan_ = true;  // the end is not known before it is read: the encoder sees to it
  return SetRanges(message.body.length, message, std::move(signatures));
}

void RenderedContent::UseText(std::string text) {
  source_ = Source::kText;
  text_ = std::move(text);
  front_.clear();
  scan_ = true;
  ranges_.assign(1, {0, uint32_t(text_.size())});
  size_ = text_.size();
  MeasureEnd();
}

bool RenderedContent::SetRanges(uint64_t stored, const queue::Message& message,
                                std::optional<std::string> signatures) {
  ranges_.clear();
  window_.clear();
  uint64_t from = signatures ? message.signature.length : 0;
  front_ = std::move(signatures).value_or("");
  size_ = front_.size();
  if (from > stored) return false;
  for (const queue::Cut& cut : message.cuts) {
    if (cut.offset < from || uint64_t(cut.offset) + cut.length > stored) return false;
    if (cut.offset > from) ranges_.push_back({uint32_t(from), uint32_t(cut.offset - from)});
    from = uint64_t(cut.offset) + cut.length;
  }
  if (stored > UINT32_MAX) return false;
  if (stored > from) ranges_.push_back({uint32_t(from), uint32_t(stored - from)});
  for (const Range& range : ranges_) size_ += range.length;
  ends_line_ = true;
  return true;
}

// Does what leaves end with CR LF? If not, one is added, and counts.
void RenderedContent::MeasureEnd() {
  ends_line_ = size_ == 0;
  if (ranges_.empty() || ranges_.back().length < 2) {
    // A last range of one octet: no real message, so the added line end does no harm.
  } else if (source_ == Source::kText) {
    ends_line_ = text_.ends_with(kLineEnd);
  } else {
    char last[2] = {};
    size_t n = 0;
    const Range& range = ranges_.back();
    body_->ForEachPiece(range.offset + range.length - 2, 2, [&](std::string_view piece) {
      for (const char c : piece) last[n++] = c;
    });
    ends_line_ = std::string_view(last, 2) == kLineEnd;
  }
  if (!ends_line_) size_ += kLineEnd.size();
}

void RenderedContent::Start(Framing framing) {
  CHECK(source_ != Source::kNothing);
  framing_ = framing;
  range_ = 0;
  within_ = 0;
  front_sent_ = 0;
  loading_ = false;
  failed_ = false;
  encoder_ = {};
}

smtp::ContentSource::State RenderedContent::Next(std::vector<std::string_view>& out) {
  if (source_ != Source::kWindows && (framing_ == Framing::kRaw || !scan_)) return NextWhole(out);
  CHECK(framing_ == Framing::kDots);
  if (failed_) return State::kFailed;
  while (front_sent_ < front_.size()) {
    const size_t taken =
        encoder_.Encode(std::string_view(front_).substr(front_sent_), kSlicesMax, out);
    if (taken == 0) return State::kMore;
    front_sent_ += taken;
  }
  while (range_ < ranges_.size()) {
    const std::string_view piece = Piece();
    if (piece.empty()) {
      if (!out.empty()) return State::kMore;  // these first: they point into the window
      AskForWindow();
      return State::kWait;
    }
    const size_t taken = encoder_.Encode(piece, kSlicesMax, out);
    if (taken == 0) return State::kMore;
    Advance(taken);
  }
  encoder_.Finish(out);
  return State::kEnd;
}

smtp::ContentSource::State RenderedContent::NextWhole(std::vector<std::string_view>& out) {
  if (!front_.empty()) out.push_back(front_);
  if (source_ == Source::kText) {
    out.push_back(text_);
  } else {
    for (const Range& range : ranges_)
      body_->ForEachPiece(range.offset, range.length,
                          [&](std::string_view piece) { out.push_back(piece); });
  }
  if (framing_ == Framing::kDots) {
    out.push_back(ends_line_ ? kDot : kLineEndAndDot);
  } else if (!ends_line_) {
    out.push_back(kLineEnd);
  }
  return State::kEnd;
}

// A part of the current range, from the next octet on; empty when its window is not here.
std::string_view RenderedContent::Piece() {
  const Range& range = ranges_[range_];
  const uint32_t at = range.offset + within_;
  const uint32_t left = range.length - within_;
  if (source_ == Source::kText) return std::string_view(text_).substr(at, left);
  if (source_ == Source::kWindows) {
    if (at < window_offset_ || at >= window_offset_ + window_.size()) return {};
    return std::string_view(window_).substr(at - window_offset_, left);
  }
  std::string_view first;
  body_->ForEachPiece(at, std::min<size_t>(left, Body::kBlockMax), [&](std::string_view piece) {
    if (first.empty()) first = piece;
  });
  return first;
}

void RenderedContent::Advance(size_t octets) {
  within_ += uint32_t(octets);
  if (within_ < ranges_[range_].length) return;
  ++range_;
  within_ = 0;
}

void RenderedContent::AskForWindow() {
  if (loading_) return;
  loading_ = true;
  const Range& last = ranges_.back();
  const uint32_t at = ranges_[range_].offset + within_;
  window_offset_ = at;
  window_.clear();
  window_max_ = std::min(kWindowBytes, last.offset + last.length - at);
  load_(at, window_max_);
}

void RenderedContent::Loaded(Result<std::string> window) {
  if (!loading_) return;  // a transaction that is over
  loading_ = false;
  failed_ = !window.has_value() || window->empty() || window->size() > window_max_;
  if (!failed_) window_ = std::move(*window);
}

std::string RenderedContent::ToString() const {
  CHECK(source_ == Source::kBody || source_ == Source::kText);
  if (source_ == Source::kText) return text_;
  std::string out = front_;
  out.reserve(size_);
  for (const Range& range : ranges_)
    body_->ForEachPiece(range.offset, range.length,
                        [&](std::string_view piece) { out.append(piece); });
  return out;
}

}  // namespace sluice::engine
