// dns/transport.h — the seam to DNS: a question out, a raw answer back.
//
// PURPOSE   c-ares below (cares_transport.h) or the simulator; our cache, TTLs and MX logic above.
// THREADS   Confined to its shard; the answer comes from the loop, never inside Ask.

#ifndef SLUICE_DNS_TRANSPORT_H_
#define SLUICE_DNS_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <string>

namespace sluice::dns {

enum class RecordType : uint16_t {
  kA = 1,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kTlsa = 52
};

struct Question {
  std::string name;  // ASCII, no trailing dot
  RecordType type;
};

struct RawAnswer {
  // Empty when no server answered: then `error` says why.
  std::string wire;  // the DNS message, RFC 1035 4.1, compression and all
  std::string error;
  // We were too busy to ask: `error` says nothing about the name and is not worth remembering.
  bool not_asked = false;
};

class DnsTransport {
 public:
  virtual ~DnsTransport() = default;
  // Asks once (the transport does its own retries over its servers, bounded to about 10 s).
  virtual void Ask(const Question& question, std::function<void(RawAnswer)> done) = 0;
};

}  // namespace sluice::dns

#endif  // SLUICE_DNS_TRANSPORT_H_
