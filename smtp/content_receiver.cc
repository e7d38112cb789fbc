#include "smtp/content_receiver.h"

#include <algorithm>
#include <bit>

#include "engine/base/check.h"
#include "smtp/octet_block.h"

namespace sluice::smtp {

void ContentReceiver::Begin(const ContentRules& rules, ContentSink* sink) {
  CHECK(sink != nullptr);
  rules_ = rules;
  sink_ = sink;
  facts_ = {};
  state_ = State::kLineStart;
  at_output_line_start_ = true;
  done_ = false;
  line_octets_ = 0;
}

void ContentReceiver::Fault(ContentFault fault) {
  if (facts_.fault == ContentFault::kNone) facts_.fault = fault;
}

void ContentReceiver::Emit(std::string_view piece) {
  if (facts_.received > rules_.size_max) Fault(ContentFault::kTooLarge);
  if (facts_.fault == ContentFault::kNone && !piece.empty()) sink_->OnContent(piece);
}

// The octets of a line end are counted where they are read.
void ContentReceiver::EndLine(bool bare) {
  ++facts_.lines;
  line_octets_ = 0;
  at_output_line_start_ = true;
  if (bare) {
    ++facts_.bare_line_ends;
    if (rules_.refuse_bare_line_ends) Fault(ContentFault::kBareLineEnd);
  }
  Emit("\r\n");
}

// An octet that is no part of a line end.
void ContentReceiver::TakeText(char c) {
  state_ = State::kText;
  if (c == '\0') Fault(ContentFault::kNul);
  if (c < 0) facts_.eight_bit = true;
  if (at_output_line_start_ && c == '.') facts_.dots = true;
  at_output_line_start_ = false;
  if (++line_octets_ > kTextLineMax) {
    facts_.long_lines = true;
    if (rules_.refuse_long_lines) Fault(ContentFault::kLongLine);
  }
  Emit(std::string_view(&c, 1));
}

template <bool kDots>
bool ContentReceiver::TakeOctet(char c) {
  switch (state_) {
    case State::kDot:
      // Held back: not counted yet, since a stuffed or final dot is not content.
      if (c == '\r') {
        state_ = State::kDotCr;
        return false;
      }
      state_ = State::kText;
      break;
    case State::kDotCr:
      if (c == '\n') return true;
      // The dot was a stuffed one before a bare CR.
      ++facts_.received;
      state_ = State::kCr;
      break;
    case State::kLineStart:
      if (kDots && c == '.') {
        state_ = State::kDot;
        return false;
      }
      break;
    case State::kLfStart:
      state_ = c == '.' ? State::kLfDot : State::kText;
      if (c == '.') return false;
      break;
    case State::kLfDot:
      if (c != '.') {
        ++facts_.received;
        TakeText('.');
      }
      state_ = State::kText;
      break;
    case State::kText:
    case State::kCr:
      break;
  }
  ++facts_.received;
  if (state_ == State::kCr) {
    state_ = State::kText;
    EndLine(/*bare=*/c != '\n');
    if (c == '\n') {
      state_ = State::kLineStart;
      return false;
    }
  }
  if (c == '\r') {
    state_ = State::kCr;
  } else if (c == '\n') {
    state_ = kDots ? State::kLfStart : State::kText;
    EndLine(/*bare=*/true);
  } else {
    TakeText(c);
  }
  return false;
}

// From `from`, in state kText or kLineStart: how far the input is plain, i.e. whole CR LF pairs, no
// NUL, no dot after a CR LF. Counts and passes on what it skips. A CR at the end of the input is
// not plain.
template <bool kDots>
size_t ContentReceiver::SkipPlain(std::string_view bytes, size_t from) {
  uint64_t after_cr = 0;  // bit 0: the octet before the block is a CR
  uint64_t after_lf = state_ == State::kLineStart ? 1 : 0;
  uint64_t high = 0;
  uint64_t lines = 0;
  uint64_t longest = 0;
  // Where the line began that the next octet belongs to; before `from` when it is under way.
  int64_t line_start = int64_t(from) - int64_t(line_octets_);
  size_t at = from;
  size_t end = bytes.size();
  while (at < bytes.size()) {
    const OctetBlock block = LoadBlock(bytes.data() + at, bytes.size() - at);
    uint64_t odd = block.nul | (block.lf ^ (block.cr << 1 | after_cr));
    if (kDots) odd |= block.dot & (block.lf << 1 | after_lf);
    uint64_t keep = ~uint64_t{0};
    size_t stop = std::min(bytes.size() - at, kBlockOctets);
    if (odd != 0 && size_t(std::countr_zero(odd)) < stop) {
      stop = size_t(std::countr_zero(odd));
      end = at + stop;
    }
    if (stop < kBlockOctets) keep = (uint64_t{1} << stop) - 1;
    high |= block.high & keep;
    const uint64_t lf = block.lf & keep;
    if (lf != 0) {
      lines += uint64_t(std::popcount(lf));
      // Lines within one block are short; only the one that ends first here may have begun before.
      const int64_t first = int64_t(at) + std::countr_zero(lf);
      longest = std::max(longest, uint64_t(first - 1 - line_start));
      line_start = int64_t(at) + 64 - std::countl_zero(lf);
    }
    at += stop;
    if (end == at) break;
    after_cr = block.cr >> 63;
    after_lf = block.lf >> 63;
  }
  // A CR without its LF yet is left to TakeOctet.
  if (end > from && bytes[end - 1] == '\r') --end;
  if (end == from) return from;
  facts_.eight_bit |= high != 0;
  facts_.lines += lines;
  facts_.received += end - from;
  line_octets_ = uint64_t(int64_t(end) - line_start);
  longest = std::max(longest, line_octets_);
  if (longest > kTextLineMax) {
    facts_.long_lines = true;
    if (rules_.refuse_long_lines) Fault(ContentFault::kLongLine);
  }
  // Without dot stuffing a line may begin with a dot here: BDAT content is looked through for them.
  const std::string_view piece = bytes.substr(from, end - from);
  if (!kDots && !facts_.dots)
    facts_.dots = (at_output_line_start_ && piece[0] == '.') || piece.contains("\n.");
  else if (at_output_line_start_ && piece[0] == '.')
    facts_.dots = true;
  const bool ends_line = bytes[end - 1] == '\n';
  state_ = ends_line ? State::kLineStart : State::kText;
  at_output_line_start_ = ends_line;
  Emit(piece);
  return end;
}

template <bool kDots>
size_t ContentReceiver::Run(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    if (state_ == State::kText || state_ == State::kLineStart) {
      at = SkipPlain<kDots>(bytes, at);
      if (at == bytes.size()) break;
    }
    // What stopped the skip: at least one octet, then on until the state is plain again.
    do {
      if (TakeOctet<kDots>(bytes[at++])) {
        done_ = true;
        return at;
      }
    } while (at < bytes.size() && state_ != State::kText && state_ != State::kLineStart);
  }
  return at;
}

size_t ContentReceiver::Data(std::string_view bytes) {
  CHECK(!done_);
  return Run<true>(bytes);
}

void ContentReceiver::Chunk(std::string_view bytes) {
  CHECK(!done_);
  const size_t taken = Run<false>(bytes);
  CHECK(taken == bytes.size());
}

void ContentReceiver::Finish() {
  CHECK(!done_);
  done_ = true;
  if (state_ == State::kCr)
    EndLine(/*bare=*/true);
  else if (!at_output_line_start_)
    Emit("\r\n");
  if (facts_.received > rules_.size_max) Fault(ContentFault::kTooLarge);
}

}  // namespace sluice::smtp
