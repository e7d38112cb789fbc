// engine/base/saslprep.h — user names and passwords in the form that both ends compare (RFC 4013).
//
// PURPOSE   Clients differ in how they write "é" or a wide blank; SASL compares what SASLprep makes
//           of it. ASCII stays as it is, so nothing is paid for it.
// RULES     Unicode 3.2, as RFC 3454 says: what came later is "unassigned". It may be asked for
//           (a query), but not be stored.

#ifndef SLUICE_ENGINE_BASE_SASLPREP_H_
#define SLUICE_ENGINE_BASE_SASLPREP_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace sluice {

enum class SaslUse : uint8_t { kQuery, kStored };

// kInvalid says what forbids it: no UTF-8, control characters, mixed directions, or nothing left.
Result<std::string> SaslPrep(std::string_view text, SaslUse use);

// A name in the form that names are compared in; what SASLprep forbids stays as it is.
std::string SaslName(std::string_view name);

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_SASLPREP_H_
