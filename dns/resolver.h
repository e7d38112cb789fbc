// dns/resolver.h — the cache between our questions and the DnsTransport.
//
// PURPOSE   Answers by (name, type), positive and negative, held for their TTL; one question on the
//           wire however many ask it at once; an old answer when the servers fail (RFC 8767).
// FLOW      Ask(name, type, fn): fn inside the call when the cache knows, else later from the loop.
// LIMITS    `entries` of the cache, the least recently used go first; those being asked do not
//           count: they are as many as the transport takes (it fails what is too much). Who waits
//           for one question is bounded by the callers: one per lane and attempt.
// LIFETIME  A callback may ask again; it must not destroy the resolver. When the resolver dies,
//           what still waits is dropped unanswered.
// THREADS   Confined to its shard.
// TESTS     tests/dns/resolver_test.cc

#ifndef SLUICE_DNS_RESOLVER_H_
#define SLUICE_DNS_RESOLVER_H_

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dns/message.h"
#include "dns/transport.h"
#include "engine/base/ref.h"
#include "engine/base/time.h"

namespace sluice::dns {

// TTLs are clamped. Below 5 s a busy domain would be asked all the time; beyond a day a changed MX
// would be overlooked for too long (RFC 8767 section 4 advises the same bound in spirit: days).
inline constexpr uint32_t kTtlMinSeconds = 5;
inline constexpr uint32_t kTtlMaxSeconds = 24 * 3600;
// A domain that did not exist may be registered; an hour bounds our ignorance (RFC 2308 section 5
// calls one to three hours good).
inline constexpr uint32_t kNegativeTtlMaxSeconds = 3600;
// "There is none" without an SOA says nothing about how long.
inline constexpr uint32_t kNegativeTtlUnknownSeconds = 60;
// SERVFAIL, REFUSED, timeouts: not asked again for that long (RFC 2308 section 7: at most 300 s;
// RFC 8767 section 5: 30 s is the recommended failure recheck).
inline constexpr uint32_t kFailureTtlSeconds = 30;
// How long past its TTL an answer with records may stand in for failing servers.
inline constexpr uint32_t kStaleMaxSeconds = 24 * 3600;

enum class AnswerKind : uint8_t {
  kRecords,   // at least one record of the type
  kNoData,    // the name exists, records of this type do not
  kNxDomain,  // the name does not exist
  kFailure,   // nobody knows: no server answered, or none sensibly
};

struct Answer : RefCounted<Answer> {
  AnswerKind kind = AnswerKind::kFailure;
  bool authentic = false;  // AD, of every answer on the way through CNAMEs
  bool stale = false;      // past its TTL, given because the servers fail now
  std::string canonical;   // the name after CNAMEs
  std::vector<Record> records;
  std::string detail;  // for the operator: "MX example.com: SERVFAIL"
  Instant expires{};
};

struct ResolverStats {
  uint64_t questions = 0;  // Ask calls
  uint64_t hits = 0;       // answered inside the call
  uint64_t merged = 0;     // joined a question already on its way
  uint64_t sent = 0;       // given to the transport
  uint64_t failures = 0;   // answers of kind kFailure from the transport
  uint64_t stale = 0;      // failures covered by an old answer
  uint64_t evicted = 0;
};

class Resolver {
 public:
  using AnswerFn = std::function<void(const Answer&)>;

  // `transport` and `clock` outlive the resolver.
  Resolver(DnsTransport& transport, const Clock& clock, uint32_t entries);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `name`: ASCII, lower case, no trailing dot. The answer is valid during the call.
  void Ask(std::string_view name, RecordType type, AnswerFn done);
  void SetEntries(uint32_t entries);

  const ResolverStats& stats() const { return stats_; }
  size_t cached() const { return recent_.size(); }

 private:
  struct Entry;
  using Entries = std::unordered_map<std::string, std::unique_ptr<Entry>>;
  struct Entry {
    const std::string* key = nullptr;  // of entries_
    Question question;
    Ref<const Answer> answer;  // the last one: fresh, stale or none
    Instant stale_until{};     // of `answer`
    std::vector<AnswerFn> waiting;
    bool asking = false;
    int cnames = 0;                     // followed so far by this question
    uint32_t ttl = 0;                   // the least TTL of those
    bool authentic = false;             // all of those answers had AD
    std::list<Entry*>::iterator place;  // in recent_ while not asking
  };

  void Send(Entry& entry, const std::string& name);
  void OnRaw(const std::string& key, const std::string& asked, const RawAnswer& raw);
  // Null: the chain of CNAMEs goes on and was asked for.
  Ref<Answer> Digest(Entry& entry, const std::string& asked, const RawAnswer& raw);
  void Settle(Entry& entry, Ref<Answer> answer);
  void Touch(Entry& entry);
  void Evict();

  // Borrowed: outlive this.
  DnsTransport& transport_;
  const Clock& clock_;

  size_t entries_max_;
  Entries entries_;
  std::list<Entry*> recent_;  // most recently used first; entries not being asked
  ResolverStats stats_;
  // The transport's callbacks hold it weakly: an answer after our end finds nobody.
  std::shared_ptr<Resolver*> self_;
};

}  // namespace sluice::dns

#endif  // SLUICE_DNS_RESOLVER_H_
