// tools/sink/content_scanner.cc — see content_scanner.h.

#include "tools/sink/content_scanner.h"

#include <cstring>

namespace sluice::tools {

void ContentScanner::Reset() { *this = ContentScanner(); }

size_t ContentScanner::Feed(std::string_view in, std::string* keep) {
  size_t used = 0;
  while (used < in.size() && place_ != Place::kEnd) {
    const std::string_view rest = in.substr(used);
    switch (place_) {
      case Place::kLineStart:
        if (rest[0] == '.') {
          place_ = Place::kDot;
          used += 1;
          break;
        }
        [[fallthrough]];
      case Place::kInLine:
      case Place::kAfterCr:
        used += TakeLine(rest, keep);
        break;
      case Place::kDot:
      case Place::kDotCr:
        used += TakeAfterDot(rest[0], keep);
        break;
      case Place::kEnd:
        break;
    }
  }
  return used;
}

// Lines that begin without a dot, as many as there are: the loop that all content goes through.
size_t ContentScanner::TakeLine(std::string_view in, std::string* keep) {
  size_t at = 0;
  while (true) {
    const void* found = std::memchr(in.data() + at, '\n', in.size() - at);
    if (found == nullptr) {
      place_ = in.back() == '\r' ? Place::kAfterCr : Place::kInLine;
      Keep(in, keep);
      return in.size();
    }
    const size_t lf = size_t(static_cast<const char*>(found) - in.data());
    const bool after_cr = lf > 0 ? in[lf - 1] == '\r' : place_ == Place::kAfterCr;
    at = lf + 1;
    if (!after_cr) ++bare_lf_;
    place_ = after_cr ? Place::kLineStart : Place::kInLine;
    if (at == in.size() || (after_cr && in[at] == '.')) {
      Keep(in.substr(0, at), keep);
      return at;
    }
  }
}

// What follows a dot at the start of a line. The dot itself is dropped in any case.
size_t ContentScanner::TakeAfterDot(char c, std::string* keep) {
  if (place_ == Place::kDot) {
    if (c != '\r') {
      place_ = Place::kInLine;
      return 0;
    }
    place_ = Place::kDotCr;
    return 1;
  }
  if (c == '\n') {
    place_ = Place::kEnd;
    return 1;
  }
  Keep("\r", keep);
  place_ = Place::kAfterCr;
  return 0;
}

}  // namespace sluice::tools
