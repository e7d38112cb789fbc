// smtp/downgrade.cc — see downgrade.h.

#include "smtp/downgrade.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/base/text.h"
#include "smtp/mime_fields.h"
#include "smtp/transfer_encoding.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kEncodingField = "Content-Transfer-Encoding";

enum class Encoding : uint8_t { kSevenBit, kQuotedPrintable, kBase64 };

std::string_view NameOf(Encoding encoding) {
  switch (encoding) {
    case Encoding::kSevenBit:
      return "7bit";
    case Encoding::kQuotedPrintable:
      return "quoted-printable";
    case Encoding::kBase64:
      break;
  }
  return "base64";
}

// Quoted-printable keeps text readable; beyond a quarter of 8-bit octets base64 is shorter.
Encoding EncodingFor(std::string_view body, bool text) {
  const auto high =
      std::count_if(body.begin(), body.end(), [](char c) { return uint8_t(c) > 0x7e; });
  return text && size_t(high) * 4 <= body.size() ? Encoding::kQuotedPrintable : Encoding::kBase64;
}

class Converter {
 public:
  bool Part(std::string_view part, bool top, int depth) {
    if (depth > kMimeDepthMax) return false;
    const MimeSplit split = SplitPart(part);
    if (!IsAscii(split.header)) return false;
    const auto encoding_field = FindField(split.header, kEncodingField);
    const std::string encoding = encoding_field ? LowerToken(encoding_field->value) : "7bit";
    const bool identity = encoding == "7bit" || encoding == "8bit" || encoding == "binary";
    if (IsAscii(split.body)) {
      // Only the label may be wrong now.
      Header(split, Encoding::kSevenBit, identity && encoding != "7bit");
      out_.append(split.blank).append(split.body);
      return true;
    }
    if (!identity) return false;  // says that it is encoded, and is not: nobody knows what it is
    const auto type_field = FindField(split.header, "Content-Type");
    ContentType type;
    if (type_field) type = ParseContentType(type_field->value);
    if (type.type.starts_with("multipart/"))
      return Multipart(split, encoding_field.has_value(), type, depth);
    if (type.type.starts_with("message/")) {
      if (type.type != "message/rfc822") return false;  // may not be encoded, or needs SMTPUTF8
      Header(split, Encoding::kSevenBit, encoding_field.has_value());
      out_.append(split.blank);
      return Part(split.body, true, depth + 1);
    }
    Leaf(split, top, type_field ? type.type : "text/plain", type_field.has_value());
    return true;
  }

  std::string Take() { return std::move(out_); }

 private:
  // The header with its Content-Transfer-Encoding replaced or added, when `change` says so.
  void Header(const MimeSplit& split, Encoding encoding, bool change) {
    // A header without a body may lack its last line end.
    if (!change || !split.header.ends_with("\r\n")) {
      out_.append(split.header);
      return;
    }
    // All of them: a second label would contradict ours.
    std::string_view rest = split.header;
    while (const auto field = FindField(rest, kEncodingField)) {
      const auto before = size_t(field->whole.data() - rest.data());
      out_.append(rest.substr(0, before));
      rest.remove_prefix(before + field->whole.size());
    }
    out_.append(rest);
    out_.append(kEncodingField).append(": ").append(NameOf(encoding)).append("\r\n");
  }

  void Leaf(const MimeSplit& split, bool top, std::string_view type, bool typed) {
    const Encoding encoding = EncodingFor(split.body, type.starts_with("text/"));
    Header(split, encoding, true);
    if (top && !FindField(split.header, "MIME-Version")) out_.append("MIME-Version: 1.0\r\n");
    // RFC 1428: 8-bit text of which nothing is known.
    if (!typed) out_.append("Content-Type: text/plain; charset=unknown-8bit\r\n");
    out_.append(split.blank);
    if (encoding == Encoding::kQuotedPrintable) {
      AppendQuotedPrintable(out_, split.body);
    } else {
      AppendBase64Lines(out_, split.body);
    }
  }

  bool Multipart(const MimeSplit& split, bool labelled, const ContentType& type, int depth) {
    // What is signed inside must not change either.
    if (type.type == "multipart/signed" || type.boundary.empty()) return false;
    Header(split, Encoding::kSevenBit, labelled);
    out_.append(split.blank);
    const std::string delimiter = "--" + type.boundary;
    std::string_view rest = split.body;
    bool outside = true;  // preamble, epilogue
    while (true) {
      const Delimiter next = Find(rest, delimiter);
      const std::string_view content = rest.substr(0, next.begin);
      if (outside) {
        if (!IsAscii(content)) return false;
        out_.append(content);
      } else if (!Part(content, false, depth + 1)) {
        return false;
      }
      if (next.end == 0) return true;
      out_.append(rest.substr(next.begin, next.end - next.begin));
      outside = next.closes;
      rest.remove_prefix(next.end);
    }
  }

  struct Delimiter {
    size_t begin = std::string_view::npos;  // with the line end before it
    size_t end = 0;                         // 0: there is none
    bool closes = false;
  };

  // The next delimiter line. Its own line end belongs to it; the one before it as well.
  static Delimiter Find(std::string_view text, std::string_view delimiter) {
    for (size_t at = text.find(delimiter); at != std::string_view::npos;
         at = text.find(delimiter, at + 1)) {
      const bool line_start = at == 0 || (at >= 2 && text.substr(at - 2, 2) == "\r\n");
      if (!line_start) continue;
      std::string_view tail = text.substr(at + delimiter.size());
      const bool closes = tail.starts_with("--");
      if (closes) tail.remove_prefix(2);
      const size_t eol = tail.find("\r\n");
      const std::string_view blank = tail.substr(0, eol);
      if (blank.find_first_not_of(" \t") != std::string_view::npos) continue;
      Delimiter found;
      found.begin = at >= 2 ? at - 2 : 0;
      found.end =
          eol == std::string_view::npos ? text.size() : size_t(tail.data() - text.data()) + eol + 2;
      found.closes = closes;
      return found;
    }
    return {};
  }

  std::string out_;
};

}  // namespace

std::optional<std::string> ConvertTo7Bit(std::string_view message) {
  Converter converter;
  if (!converter.Part(message, true, 0)) return std::nullopt;
  return converter.Take();
}

}  // namespace sluice::smtp
