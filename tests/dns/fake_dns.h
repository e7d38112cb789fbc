// tests/dns/fake_dns.h — a scripted DNS: zones, faults and latency, answering in true wire format.
//
// PURPOSE   The DnsTransport of unit tests and of the simulator. Same calls, same seed: the same
//           answers at the same virtual times.
// FLOW      Add...() and SetFailure() at any time; Ask() answers from a Timer, never inside the
//           call. A name that nothing was said of does not exist (NXDOMAIN with an SOA); one that
//           has other records answers "no such records" with an SOA. CNAMEs are followed within
//           the zones.
// THREADS   Confined to one thread.

#ifndef SLUICE_TESTS_DNS_FAKE_DNS_H_
#define SLUICE_TESTS_DNS_FAKE_DNS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/message.h"
#include "dns/transport.h"
#include "engine/base/random.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"

namespace sluice::dns {

enum class FakeFailure : uint8_t {
  kNone,      // as the zones say again
  kNxDomain,  // whatever records there are
  kServFail,
  kRefused,
  kTimeout,    // no wire, the transport's error after kFakeTimeout
  kGarbage,    // octets that are no DNS message
  kTruncated,  // a header with TC and nothing behind it
  kTooBusy,    // the transport did not ask
  kWrongName,  // an answer to a question nobody asked
};

inline constexpr Duration kFakeTimeout = std::chrono::seconds(10);

class FakeDns final : public DnsTransport {
 public:
  static constexpr uint32_t kTtl = 300;

  FakeDns(TimerQueue& timers, const Clock& clock, uint64_t seed = 1);

  // The whole MX set of a domain; {{0, "."}} is the null MX. Replaces what was there.
  void AddMx(std::string_view domain, std::vector<std::pair<uint16_t, std::string>> hosts,
             uint32_t ttl = kTtl);
  void AddNullMx(std::string_view domain) { AddMx(domain, {{0, "."}}); }
  void AddA(std::string_view host, std::string_view address, uint32_t ttl = kTtl);
  void AddAaaa(std::string_view host, std::string_view address, uint32_t ttl = kTtl);
  void AddCname(std::string_view alias, std::string_view target, uint32_t ttl = kTtl);
  void AddTxt(std::string_view name, std::string_view text, uint32_t ttl = kTtl);
  void AddPtr(std::string_view name, std::string_view target, uint32_t ttl = kTtl);
  void AddTlsa(std::string_view name, std::string_view rdata, uint32_t ttl = kTtl);
  void Remove(std::string_view name);  // everything said of it

  // For every question about the name; kNone ends it.
  void SetFailure(std::string_view name, FakeFailure failure);
  // For every question at all: the resolver itself is down.
  void SetFailureOfAll(FakeFailure failure) { failure_of_all_ = failure; }
  // Each answer comes after a time drawn from [least, most].
  void SetLatency(Duration least, Duration most);
  // Answers hold the alias only, as of a server that does not recurse.
  void SetFollowsCnames(bool follows) { follows_cnames_ = follows; }
  // A resolver that validates: everything is signed but what lies in an unsigned zone.
  void SetAuthentic(bool authentic) { authentic_ = authentic; }
  void SetUnsigned(std::string_view zone) { unsigned_.emplace_back(zone); }
  void SetNegativeTtl(uint32_t ttl) { negative_ttl_ = ttl; }

  void Ask(const Question& question, std::function<void(RawAnswer)> done) override;

  // What Ask would answer now.
  RawAnswer AnswerTo(const Question& question);

  // Questions that came, in order: "MX example.com".
  const std::vector<std::string>& asked() const { return asked_; }
  size_t CountAsked(std::string_view question) const;
  size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    Question question;
    std::function<void(RawAnswer)> done;
  };

  FakeFailure FailureOf(const std::string& name) const;
  bool IsSigned(std::string_view name) const;
  void Fire();
  std::vector<Record> Select(const Question& question, bool& exists) const;

  const Clock& clock_;
  Random random_;
  std::map<std::string, std::vector<Record>, std::less<>> zones_;
  std::map<std::string, FakeFailure, std::less<>> failures_;
  FakeFailure failure_of_all_ = FakeFailure::kNone;
  Duration latency_least_ = std::chrono::milliseconds(1);
  Duration latency_most_ = std::chrono::milliseconds(1);
  bool follows_cnames_ = true;
  bool authentic_ = false;
  std::vector<std::string> unsigned_;
  uint32_t negative_ttl_ = 60;
  std::vector<std::string> asked_;
  std::multimap<Instant, Pending> pending_;  // those of one moment in the order they came
  Timer timer_;
};

// A DNS message with these records, names compressed as servers do. Of use to tests of the parser.
std::string EncodeAnswer(const Question& question, Rcode rcode, const std::vector<Record>& answers,
                         uint32_t negative_ttl, bool authentic);

}  // namespace sluice::dns

#endif  // SLUICE_TESTS_DNS_FAKE_DNS_H_
