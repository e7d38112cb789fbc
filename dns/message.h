// dns/message.h — the DNS message format: queries out, answers in, as pure functions over bytes.
//
// PURPOSE   BuildQuery makes the one packet that we send (EDNS with 1232 octets, AD bit set).
//           ParseMessage reads whatever came back, bounds-checked, into records with their TTLs.
// NOT HERE  libresolv: its parser lies in a library that no sanitizer of ours watches, and the
//           subset that mail needs is short. Sockets (cares_transport.h), caching (resolver.h).
// LIMITS    kRecordsMax records of the answer section are kept, kChainMax CNAMEs followed.
// TESTS     tests/dns/message_test.cc, tests/fuzz/fuzz_dns_message.cc

#ifndef SLUICE_DNS_MESSAGE_H_
#define SLUICE_DNS_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/transport.h"
#include "engine/base/error.h"
#include "engine/base/ip_address.h"

namespace sluice::dns {

// What we say we can take over UDP: fits every path without fragments (DNS flag day 2020).
inline constexpr uint16_t kEdnsOctets = 1232;
// Of one answer. A real MX or address set has under 50; a message of 64 KiB could hold 4,000.
inline constexpr size_t kRecordsMax = 512;
// CNAMEs followed from the question to the answer, over all messages. Real chains have under 6.
inline constexpr int kChainMax = 12;
// RFC 1035 2.3.4: 255 octets on the wire are 253 characters of text.
inline constexpr size_t kNameCharsMax = 253;
inline constexpr size_t kLabelCharsMax = 63;

enum class Rcode : uint8_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
};

// "NXDOMAIN", "SERVFAIL", ..., "RCODE 9".
std::string RcodeText(Rcode rcode);
// "MX", "A", ..., "TYPE99".
std::string TypeText(RecordType type);

// Names are lower-case text without the trailing dot; the root is "". An octet that no host name
// has is written \DDD, so that a label with a dot in it is not mistaken for two.
struct Record {
  std::string name;
  RecordType type = RecordType::kA;
  uint32_t ttl = 0;
  uint16_t preference = 0;  // MX
  IpAddress address;        // A, AAAA
  std::string data;         // MX, CNAME, PTR: a name. TXT: its strings joined. TLSA: the octets
};

struct Message {
  uint16_t id = 0;
  Rcode rcode = Rcode::kNoError;
  bool truncated = false;
  bool authentic = false;                // AD: means something only from a trusted resolver
  Question question{"", RecordType(0)};  // empty when the server did not repeat it
  std::vector<Record> answers;           // of class IN and a type that we know
  // RFC 2308: how long "there is none" holds, from the SOA of the authority section.
  std::optional<uint32_t> negative_ttl;
};

// The error says what is wrong with it.
Result<Message> ParseMessage(std::string_view wire);

// What an answer says about its question once CNAMEs are followed.
struct Chain {
  std::string canonical;        // the last name of the chain
  std::vector<Record> records;  // of the type asked for, at that name
  uint32_t ttl = 0;             // the least along the way; of the CNAMEs alone without records
  int cnames = 0;
  bool too_long = false;  // more than kChainMax, or a loop
};
Chain FollowChain(const Message& message, const Question& question);

// Fails when the name does not fit a message.
Result<std::string> BuildQuery(const Question& question, uint16_t id);

// Appends `name` uncompressed. False, and nothing usable in `out`, when it is no name.
bool AppendName(std::string& out, std::string_view name);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_MESSAGE_H_
