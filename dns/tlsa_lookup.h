// dns/tlsa_lookup.h — what DNS promises of a mail host's certificate: its TLSA records (RFC 7672).
//
// PURPOSE   Decides by which name the records are looked up, asks, and says in one word what
//           follows.
// RULES     RFC 7672 2.1 to 2.2.3. A host whose address records are insecure has no TLSA records as
//           far as we are concerned: they are not even asked for (2.2.2). Behind a secure alias the
//           records of its target come first, then its own. A lookup that fails is never "none".
// FLOW      Find -> address records -> (CNAME) -> TLSA at one or two names -> HostDane. Inside the
//           call when the cache knows everything.
// LIMITS    kTlsaMax records are looked at.
// LIFETIME  Answers that come after its end find nobody.
// THREADS   Confined to its shard.
// TESTS     tests/dns/tlsa_lookup_test.cc, tests/fuzz/fuzz_tlsa_record.cc

#ifndef SLUICE_DNS_TLSA_LOOKUP_H_
#define SLUICE_DNS_TLSA_LOOKUP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/resolver.h"
#include "engine/io/tlsa.h"

namespace sluice::dns {

// Of one host. Real sets have under 10.
inline constexpr size_t kTlsaMax = 64;

enum class DaneState : uint8_t {
  kInsecure,  // DNS vouches for nothing: DANE does not apply
  kNone,      // vouched for: there are no TLSA records
  kUsable,    // the certificate must match `records`
  kUnusable,  // records, but none that a mail client can act on: encryption without proof (2.2)
  kFailed,    // nobody knows: the host must not be used now (2.1.2)
};

struct HostDane {
  DaneState state = DaneState::kInsecure;
  std::string detail;                   // for the operator
  std::string base;                     // the TLSA base domain: SNI and first reference identifier
  std::vector<std::string> names;       // reference identifiers of the host, `base` first (3.2.2)
  std::vector<io::TlsaRecord> records;  // usable ones
};

class TlsaLookup {
 public:
  using DaneFn = std::function<void(const HostDane&)>;

  // `resolver` outlives this. Its servers' AD bit is believed: ask only where it may be.
  explicit TlsaLookup(Resolver& resolver);
  TlsaLookup(const TlsaLookup&) = delete;
  TlsaLookup& operator=(const TlsaLookup&) = delete;

  // `host`: lower case, no trailing dot, a name.
  void Find(std::string_view host, uint16_t port, DaneFn done);

 private:
  struct Search;

  void AskAddress(const std::shared_ptr<Search>& search, RecordType type);
  void OnAddress(const std::shared_ptr<Search>& search, const Answer& answer);
  void AskAlias(const std::shared_ptr<Search>& search);
  void AskNext(const std::shared_ptr<Search>& search);
  void OnRecords(const std::shared_ptr<Search>& search, const Answer& answer);
  // `step` unless this is gone by then.
  Resolver::AnswerFn Guarded(std::function<void(const Answer&)> step);

  Resolver& resolver_;
  std::shared_ptr<TlsaLookup*> self_;
};

// The rdata of a TLSA record; none when it is too short to be one.
std::optional<io::TlsaRecord> ParseTlsa(std::string_view rdata);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_TLSA_LOOKUP_H_
