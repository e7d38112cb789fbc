// engine/io/tlsa.h — a TLSA record as TLS needs it (RFC 6698, RFC 7672).

#ifndef SLUICE_ENGINE_IO_TLSA_H_
#define SLUICE_ENGINE_IO_TLSA_H_

#include <cstdint>
#include <string>

namespace sluice::io {

// The fields' numbers are those of the registry: usage 2 is DANE-TA, 3 DANE-EE.
struct TlsaRecord {
  uint8_t usage = 0;
  uint8_t selector = 0;  // 0 certificate, 1 public key
  uint8_t matching = 0;  // 0 as it is, 1 SHA-256, 2 SHA-512
  std::string data;

  friend auto operator<=>(const TlsaRecord&, const TlsaRecord&) = default;
};

// Can a mail client act on it? RFC 7672 3.1.3 leaves only usages 2 and 3; the rest must be known
// and well-formed: digests of their length, certificates and keys that parse.
bool IsUsable(const TlsaRecord& record);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLSA_H_
