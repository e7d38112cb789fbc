// smtp/downgrade.h — an 8-bit MIME message in a 7-bit form, for receivers without 8BITMIME.
//
// PURPOSE   Walks the MIME structure, re-encodes the 8-bit leaves as quoted-printable or base64 and
//           puts their Content-Transfer-Encoding right. Everything else stays octet by octet.
// NOT HERE  Whether it may be done at all (never to a signed message): engine/delivery.
// RULES     protocol.md 14. 8-bit octets in a header cannot be converted (RFC 6532 needs SMTPUTF8).
// LIMITS    kMimeDepthMax levels; deeper parts that are 8-bit make it impossible.
// TESTS     tests/smtp/downgrade_test.cc, tests/fuzz/fuzz_smtp_downgrade.cc

#ifndef SLUICE_SMTP_DOWNGRADE_H_
#define SLUICE_SMTP_DOWNGRADE_H_

#include <optional>
#include <string>
#include <string_view>

namespace sluice::smtp {

// Parts within parts. Real mail has under ten.
inline constexpr int kMimeDepthMax = 30;

// `message` has CR LF line ends. None: it cannot be made 7-bit without loss.
std::optional<std::string> ConvertTo7Bit(std::string_view message);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_DOWNGRADE_H_
