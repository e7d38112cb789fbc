// smtp/content_encoder.cc — see content_encoder.h.

#include "smtp/content_encoder.h"

#include <algorithm>

namespace sluice::smtp {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

void Add(std::string_view slice, std::vector<std::string_view>& out) {
  if (slice.empty()) return;
  // Lines that follow each other in memory leave as one slice.
  if (!out.empty() && out.back().data() + out.back().size() == slice.data()) {
    out.back() = {out.back().data(), out.back().size() + slice.size()};
    return;
  }
  out.push_back(slice);
}

}  // namespace

size_t ContentEncoder::Encode(std::string_view piece, size_t slices_max,
                              std::vector<std::string_view>& out) {
  size_t done = 0;
  // One line adds at most three slices.
  while (done < piece.size() && out.size() + 3 <= slices_max)
    done += EncodeLine(piece.substr(done), out);
  return done;
}

// Takes `rest` up to and with its first CR, LF or NUL, or a dot that begins the line.
size_t ContentEncoder::EncodeLine(std::string_view rest, std::vector<std::string_view>& out) {
  if (after_cr_) {
    after_cr_ = false;
    line_start_ = true;
    Add(kLineEnd, out);
    if (rest[0] == '\n') return 1;
  }
  if (line_start_ && rest[0] == '.') {
    line_start_ = false;
    Add(rest.substr(0, 1), out);
    // Not merged: this slice must begin with the same dot again.
    out.push_back(rest.substr(0, 1));
    return 1;
  }
  const size_t lf = rest.find('\n');
  const std::string_view line = rest.substr(0, lf == std::string_view::npos ? rest.size() : lf + 1);
  const size_t odd = std::min({line.find('\r'), line.find('\0'), lf});
  if (odd == std::string_view::npos) {
    line_start_ = false;
    Add(line, out);
    return line.size();
  }
  if (odd + 2 == line.size() && line.ends_with(kLineEnd)) {
    line_start_ = true;
    Add(line, out);
    return line.size();
  }
  Add(line.substr(0, odd), out);
  if (odd > 0) line_start_ = false;
  switch (line[odd]) {
    case '\r':
      after_cr_ = true;  // what follows decides
      break;
    case '\n':
      Add(kLineEnd, out);
      line_start_ = true;
      break;
    default:  // NUL: dropped
      break;
  }
  return odd + 1;
}

void ContentEncoder::Finish(std::vector<std::string_view>& out) {
  out.push_back(line_start_ && !after_cr_ ? ".\r\n" : "\r\n.\r\n");
  line_start_ = true;
  after_cr_ = false;
}

}  // namespace sluice::smtp
