// smtp/mime_fields.h — the few header fields that say how a MIME part is built.
//
// PURPOSE   Splits header from body, finds Content-Type and Content-Transfer-Encoding, reads type
//           and boundary. Borrowed views, no copies.
// NOT HERE  Parsing returned mail (that takes a whole MIME library).

#ifndef SLUICE_SMTP_MIME_FIELDS_H_
#define SLUICE_SMTP_MIME_FIELDS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::smtp {

struct MimeSplit {
  std::string_view header;  // with the CR LF of its last field, without the blank line
  std::string_view blank;   // CR LF, or empty when there is no body
  std::string_view body;
};

// `part` has CR LF line ends. A part that begins with CR LF has an empty header.
MimeSplit SplitPart(std::string_view part);

struct HeaderField {
  std::string_view whole;  // name, value and line ends, continuation lines included
  std::string_view value;  // behind the colon
};

// The first field of that name, without regard to case.
std::optional<HeaderField> FindField(std::string_view header, std::string_view name);

struct ContentType {
  std::string type;  // lower case, "multipart/mixed"; empty when it could not be read
  std::string boundary;
};

ContentType ParseContentType(std::string_view value);

// A value that is one token, in lower case, without comments: "Quoted-Printable (x)" ->
// "quoted-printable".
std::string LowerToken(std::string_view value);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_MIME_FIELDS_H_
