// smtp/transfer_encoding.h — octets as 7-bit lines of at most 76 characters (RFC 2045, 6.7
// and 6.8).

#ifndef SLUICE_SMTP_TRANSFER_ENCODING_H_
#define SLUICE_SMTP_TRANSFER_ENCODING_H_

#include <string>
#include <string_view>

namespace sluice::smtp {

// CR LF in `text` is a line end; CR or LF alone is encoded as any other octet. A last line without
// its end stays so.
void AppendQuotedPrintable(std::string& out, std::string_view text);

// Lines are separated, not ended, by CR LF.
void AppendBase64Lines(std::string& out, std::string_view bytes);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_TRANSFER_ENCODING_H_
