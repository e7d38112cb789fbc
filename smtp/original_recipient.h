// smtp/original_recipient.h — an ORCPT value for a receiver that is not spoken to in SMTPUTF8.
//
// RULES     RFC 6533 3: of the type utf-8, what is not ASCII is written as \x{HEX}. Raw, the
//           command would be a syntax error there, and the recipient would bounce.
// TESTS     tests/smtp/original_recipient_test.cc

#ifndef SLUICE_SMTP_ORIGINAL_RECIPIENT_H_
#define SLUICE_SMTP_ORIGINAL_RECIPIENT_H_

#include <string>
#include <string_view>

namespace sluice::smtp {

// RFC 3461 4.2: octets of the value.
inline constexpr size_t kOrcptMax = 500;

// `orcpt`: "type;address", as it was accepted. Empty: it has no form in ASCII, or one that is too
// long; the parameter is left out then.
std::string AsciiOrcpt(std::string_view orcpt);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_ORIGINAL_RECIPIENT_H_
