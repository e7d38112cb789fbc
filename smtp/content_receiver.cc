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

namespace {

// What one walk over plain content has seen.
struct Walk {
  int64_t line_start;  // where the line began that the next octet belongs to; may lie before 0
  uint64_t lines = 0;
  uint64_t longest = 0;  // octets of the longest line that ended
  bool high = false;
  bool after_cr = false;
  bool after_lf = false;
};

// Counts the line ends `lf` of the block at `at`.
void CountLines(Walk& walk, size_t at, uint64_t lf) {
  if (lf == 0) return;
  walk.lines += uint64_t(std::popcount(lf));
  // Lines within one block are short; only the one that ends first here may have begun before.
  const int64_t first = int64_t(at) + std::countr_zero(lf);
  walk.longest = std::max(walk.longest, uint64_t(first - 1 - walk.line_start));
  walk.line_start = int64_t(at) + 64 - std::countl_zero(lf);
}

// Is there a dot behind one of the line ends `lf`, or at the start when `after_lf`?
bool DotAfter(const char* block, uint64_t lf, bool after_lf) {
  for (uint64_t starts = lf << 1 | uint64_t(after_lf); starts != 0; starts &= starts - 1)
    if (block[std::countr_zero(starts)] == '.') return true;
  return false;
}

// Whole blocks, as long as all in them is plain; returns where it stopped.
template <bool kDots>
size_t WalkBlocks(std::string_view bytes, size_t at, Walk& walk) {
  for (; bytes.size() - at >= kBlockOctets; at += kBlockOctets) {
    const char* block = bytes.data() + at;
    const Glance glance = GlanceAt(block);
    const bool plain = glance.lf == (glance.cr << 1 | uint64_t(walk.after_cr)) && !glance.nul;
    if (!plain || (kDots && DotAfter(block, glance.lf, walk.after_lf))) return at;
    walk.high |= glance.high;
    CountLines(walk, at, glance.lf);
    walk.after_cr = glance.cr >> 63 != 0;
    walk.after_lf = glance.lf >> 63 != 0;
  }
  return at;
}

// The block that WalkBlocks stopped at, or the rest: up to what is not plain.
template <bool kDots>
size_t WalkToOdd(std::string_view bytes, size_t at, Walk& walk) {
  size_t stop = std::min(bytes.size() - at, kBlockOctets);
  if (stop == 0) return at;
  const OctetBlock block = LoadBlock(bytes.data() + at, stop);
  uint64_t odd = block.nul | (block.lf ^ (block.cr << 1 | uint64_t(walk.after_cr)));
  if (kDots) odd |= block.dot & (block.lf << 1 | uint64_t(walk.after_lf));
  if (odd != 0) stop = std::min(stop, size_t(std::countr_zero(odd)));
  const uint64_t keep = stop < kBlockOctets ? (uint64_t{1} << stop) - 1 : ~uint64_t{0};
  walk.high |= (block.high & keep) != 0;
  CountLines(walk, at, block.lf & keep);
  return at + stop;
}

}  // namespace

// From `from`, in state kText or kLineStart: how far the input is plain, i.e. whole CR LF pairs, no
// NUL, no dot after a CR LF. Counts and passes on what it skips. A CR at its end is left to
// TakeOctet.
template <bool kDots>
size_t ContentReceiver::SkipPlain(std::string_view bytes, size_t from) {
  Walk walk{.line_start = int64_t(from) - int64_t(line_octets_)};
  walk.after_lf = state_ == State::kLineStart;
  size_t end = WalkToOdd<kDots>(bytes, WalkBlocks<kDots>(bytes, from, walk), walk);
  if (end > from && bytes[end - 1] == '\r') --end;
  if (end == from) return from;
  facts_.eight_bit |= walk.high;
  facts_.lines += walk.lines;
  facts_.received += end - from;
  line_octets_ = uint64_t(int64_t(end) - walk.line_start);
  if (std::max(walk.longest, line_octets_) > kTextLineMax) {
    facts_.long_lines = true;
    if (rules_.refuse_long_lines) Fault(ContentFault::kLongLine);
  }
  const std::string_view piece = bytes.substr(from, end - from);
  if (at_output_line_start_ && piece[0] == '.') facts_.dots = true;
  // In DATA the walk stops at every dot behind a line end; BDAT content is looked through for them.
  if (!kDots && !facts_.dots) facts_.dots = piece.contains("\n.");
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
