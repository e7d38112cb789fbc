#include "smtp/dkim_canonical.h"

#include <algorithm>
#include <array>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr bool IsSpace(char c) { return c == ' ' || c == '\t'; }

// Octets that end a run of plain ones in a relaxed body.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> special{};
  for (const char c : {' ', '\t', '\r'}) special[size_t(c)] = true;
  return special;
}();

// A blank line's worth of line ends, handed on at once.
constexpr std::string_view kLineEnds = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

void AppendRelaxed(std::string_view field, std::string& out) {
  const size_t colon = field.find(':');
  std::string_view name = field.substr(0, colon);
  while (!name.empty() && IsSpace(name.back())) name.remove_suffix(1);
  for (const char c : name) out += LowerChar(c);
  out += ':';
  if (colon == std::string_view::npos) return;
  const size_t start = out.size();
  bool space = false;
  for (const char c : field.substr(colon + 1)) {
    if (c == '\r' || c == '\n') continue;
    if (IsSpace(c)) {
      space = true;
      continue;
    }
    if (space && out.size() > start) out += ' ';
    space = false;
    out += c;
  }
}

}  // namespace

std::string_view NameOf(Canonical form) {
  return form == Canonical::kSimple ? "simple" : "relaxed";
}

void AppendCanonicalField(Canonical form, std::string_view field, std::string& out) {
  if (form == Canonical::kRelaxed) return AppendRelaxed(field, out);
  if (field.ends_with(kLineEnd)) field.remove_suffix(kLineEnd.size());
  out += field;
}

void CanonicalBody::Update(std::string_view piece) {
  if (piece.empty()) return;
  if (form_ == Canonical::kSimple)
    UpdateSimple(piece);
  else
    UpdateRelaxed(piece);
}

void CanonicalBody::Emit(std::string_view octets) {
  if (octets.empty()) return;
  FlushLineEnds();
  sink_.OnContent(octets);
  any_ = true;
}

void CanonicalBody::FlushLineEnds() {
  uint64_t left = line_ends_ * kLineEnd.size();
  line_ends_ = 0;
  while (left > 0) {
    const size_t n = size_t(std::min<uint64_t>(left, kLineEnds.size()));
    sink_.OnContent(kLineEnds.substr(0, n));
    left -= n;
  }
}

// With a CR held back: is the next octet its LF?
void CanonicalBody::TakeCr(std::string_view& piece) {
  cr_ = false;
  if (piece.front() != '\n') {
    if (space_) Emit(" ");
    space_ = false;
    Emit("\r");
    return;
  }
  piece.remove_prefix(1);
  space_ = false;
  ++line_ends_;
}

// All but the line ends at the end of the piece goes through as it is.
void CanonicalBody::UpdateSimple(std::string_view piece) {
  if (cr_) TakeCr(piece);
  bool cr = false;
  if (piece.ends_with('\r')) {
    piece.remove_suffix(1);
    cr = true;
  }
  uint64_t ends = 0;
  while (piece.ends_with(kLineEnd)) {
    piece.remove_suffix(kLineEnd.size());
    ++ends;
  }
  Emit(piece);
  line_ends_ += ends;
  cr_ = cr;
}

// Where the octets that stay as they are end: single spaces between words and single line ends
// between lines are such octets, too. Nearly all of a message is one run.
size_t CanonicalBody::RunEnd(std::string_view piece, size_t at) const {
  while (true) {
    while (at < piece.size() && !kSpecial[uint8_t(piece[at])]) ++at;
    if (at + 1 >= piece.size()) return at;
    if (piece[at] == ' ' && !kSpecial[uint8_t(piece[at + 1])]) {
      at += 2;
    } else if (piece[at] == '\r' && piece[at + 1] == '\n' && at + 2 < piece.size() &&
               !kSpecial[uint8_t(piece[at + 2])]) {
      at += 3;
    } else {
      return at;
    }
  }
}

void CanonicalBody::UpdateRelaxed(std::string_view piece) {
  while (!piece.empty()) {
    if (cr_) {
      TakeCr(piece);
      continue;
    }
    if (IsSpace(piece.front())) {
      space_ = true;
      piece.remove_prefix(1);
      continue;
    }
    if (piece.front() == '\r') {
      cr_ = true;
      piece.remove_prefix(1);
      continue;
    }
    const size_t end = RunEnd(piece, 0);
    if (space_) Emit(" ");
    space_ = false;
    Emit(piece.substr(0, end));
    piece.remove_prefix(end);
  }
}

void CanonicalBody::Finish() {
  if (cr_) {
    if (space_) Emit(" ");
    Emit("\r");
  }
  cr_ = space_ = false;
  // A body without an end of its last line leaves with one. Empty: simple has one line end, relaxed
  // nothing.
  if (any_ || form_ == Canonical::kSimple) sink_.OnContent(kLineEnd);
  line_ends_ = 0;
}

}  // namespace sluice::smtp
