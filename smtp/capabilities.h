// smtp/capabilities.h — what a server's EHLO reply offers that we make use of.

#ifndef SLUICE_SMTP_CAPABILITIES_H_
#define SLUICE_SMTP_CAPABILITIES_H_

#include <cstdint>
#include <string_view>

namespace sluice::smtp {

struct Capabilities {
  bool pipelining = false;
  bool eight_bit = false;  // 8BITMIME
  bool utf8 = false;       // SMTPUTF8
  bool dsn = false;
  bool chunking = false;
  bool starttls = false;
  bool size = false;
  uint64_t size_max = 0;  // 0: none told
  // RFC 9422 LIMITS; 0: none told.
  uint32_t mail_max = 0;  // transactions of one connection
  uint32_t rcpt_max = 0;  // recipients of one transaction
};

// `text` is that of the reply: lines joined by LF, the first one being the greeting. Unknown
// keywords and malformed parameters are passed over; the old "AUTH=" spelling of "KEYWORD=value" is
// understood everywhere.
Capabilities ParseCapabilities(std::string_view text);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_CAPABILITIES_H_
