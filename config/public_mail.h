// config/public_mail.h — the maintained list of public mailbox providers' domains.
//
// PURPOSE   Nobody else can authenticate mail From gmail.com and the like: such a sending domain is
//           a mistake. The list is config/public_mail_domains.txt, built in.

#ifndef SLUICE_CONFIG_PUBLIC_MAIL_H_
#define SLUICE_CONFIG_PUBLIC_MAIL_H_

#include <span>
#include <string_view>

namespace sluice::config {

// Sorted, lower case.
std::span<const std::string_view> PublicMailDomains();

// Is `domain` (lower case) one of them, or below one?
bool IsPublicMailDomain(std::string_view domain);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_PUBLIC_MAIL_H_
