// smtp/transfer_encoding.cc — see transfer_encoding.h.

#include "smtp/transfer_encoding.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr size_t kLineMax = 76;
constexpr size_t kBase64Octets = 57;  // make 76 characters

// One line, its end not included.
void AppendQuotedLine(std::string& out, std::string_view line) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  size_t column = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const auto octet = uint8_t(line[i]);
    const bool last = i + 1 == line.size();
    const bool blank = octet == ' ' || octet == '\t';
    bool plain = blank ? !last : octet > ' ' && octet < 0x7f && octet != '=';
    // A soft line end takes one column itself.
    if (column + (plain ? 1 : 3) > kLineMax - (last ? 0 : 1)) {
      out.append("=\r\n");
      column = 0;
      // Programs that grep reports line by line must not take the rest of a line for one.
      plain = false;
    }
    const size_t width = plain ? 1 : 3;
    if (plain) {
      out.push_back(line[i]);
    } else {
      out.append({'=', kHex[octet >> 4], kHex[octet & 15]});
    }
    column += width;
  }
}

}  // namespace

void AppendQuotedPrintable(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find("\r\n");
    AppendQuotedLine(out, text.substr(0, end));
    if (end == std::string_view::npos) return;
    out.append("\r\n");
    text.remove_prefix(end + 2);
  }
}

void AppendBase64Lines(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kBase64Octets);
    out.append(Base64Encode(bytes.substr(0, n)));
    bytes.remove_prefix(n);
    if (!bytes.empty()) out.append("\r\n");
  }
}

}  // namespace sluice::smtp
