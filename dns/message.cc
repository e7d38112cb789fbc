#include "dns/message.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

constexpr size_t kHeaderOctets = 12;
constexpr uint16_t kClassIn = 1;
constexpr uint16_t kTypeOpt = 41;
constexpr uint8_t kPointer = 0xc0;
// Compression pointers of one name: with one label each a name has at most 127. Without this bound
// 64 KiB of pointers to pointers would keep a loop busy for a tenth of a second.
constexpr int kJumpsMax = 127;

constexpr uint8_t ByteAt(std::string_view wire, size_t at) { return uint8_t(wire[at]); }

// Reads forward through one message; after a fault every read fails.
class Reader {
 public:
  Reader(std::string_view wire, size_t at, size_t end) : wire_(wire), at_(at), end_(end) {
    CHECK(end_ <= wire_.size());
  }

  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  bool AtEnd() const { return ok_ && at_ == end_; }

  uint8_t U8() { return Has(1) ? ByteAt(wire_, at_++) : 0; }
  uint16_t U16() {
    const auto high = uint16_t(U8());
    return uint16_t(high << 8 | U8());
  }
  uint32_t U32() {
    const auto high = uint32_t(U16());
    return high << 16 | U16();
  }
  std::string_view Octets(size_t n) {
    if (!Has(n)) return {};
    at_ += n;
    return wire_.substr(at_ - n, n);
  }
  void Skip(size_t n) { Octets(n); }

  // A name, following compression pointers. Each must lead before the place where the piece of the
  // name that holds it began: so a name ends, whatever the bytes.
  std::string Name() {
    std::string text;
    size_t from = at_;
    size_t piece = at_;
    size_t limit = end_;  // rdata bounds hold until the first pointer
    int jumps = 0;
    while (ok_) {
      if (from >= limit) return Bad();
      const uint8_t length = ByteAt(wire_, from);
      if (length == 0) {
        if (jumps == 0) at_ = from + 1;
        return text;
      }
      if ((length & kPointer) == kPointer) {
        if (limit - from < 2) return Bad();
        const size_t target = size_t(length & 0x3f) << 8 | ByteAt(wire_, from + 1);
        if (jumps == 0) at_ = from + 2;
        if (target >= piece || target < kHeaderOctets || ++jumps > kJumpsMax) return Bad();
        from = piece = target;
        limit = wire_.size();
        continue;
      }
      if (length > kLabelCharsMax || limit - from - 1 < length) return Bad();
      if (!text.empty()) text.push_back('.');
      wire_octets_ += size_t(length) + 1;
      AppendLabel(text, wire_.substr(from + 1, length));
      if (wire_octets_ > kNameCharsMax + 1) return Bad();
      from += size_t(length) + 1;
    }
    return {};
  }
  // Names are counted one by one.
  std::string NextName() {
    wire_octets_ = 0;
    return Name();
  }

 private:
  bool Has(size_t n) {
    ok_ = ok_ && end_ - at_ >= n;
    return ok_;
  }
  std::string Bad() {
    ok_ = false;
    return {};
  }
  static void AppendLabel(std::string& text, std::string_view label) {
    for (const char c : label) {
      const auto u = uint8_t(c);
      if (IsAlpha(c) || IsDigit(c) || c == '-' || c == '_') {
        text.push_back(LowerChar(c));
      } else {
        const std::array<char, 4> escaped = {'\\', char('0' + u / 100), char('0' + u / 10 % 10),
                                             char('0' + u % 10)};
        text.append(escaped.data(), escaped.size());
      }
    }
  }

  const std::string_view wire_;
  size_t at_;
  const size_t end_;
  size_t wire_octets_ = 0;
  bool ok_ = true;
};

void AppendU16(std::string& out, uint16_t v) {
  out.push_back(char(v >> 8));
  out.push_back(char(v & 0xff));
}

IpAddress AddressOf(std::string_view octets) {
  if (octets.size() == 4) {
    return IpAddress::V4(uint32_t(ByteAt(octets, 0)) << 24 | uint32_t(ByteAt(octets, 1)) << 16 |
                         uint32_t(ByteAt(octets, 2)) << 8 | ByteAt(octets, 3));
  }
  CHECK(octets.size() == 16);
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), octets.data(), bytes.size());
  return IpAddress::V6(bytes);
}

// The character-strings of a TXT record, joined (RFC 7208 3.3 and every other user of TXT).
std::string JoinStrings(Reader& rdata) {
  std::string out;
  while (rdata.ok() && !rdata.AtEnd()) out.append(rdata.Octets(rdata.U8()));
  return out;
}

// False when the rdata is not what its type demands; it must be used up to the last octet.
bool ParseRdata(std::string_view wire, size_t at, size_t length, Record& record) {
  Reader rdata(wire, at, at + length);
  switch (record.type) {
    case RecordType::kA:
    case RecordType::kAaaa: {
      if (length != (record.type == RecordType::kA ? 4u : 16u)) return false;
      record.address = AddressOf(rdata.Octets(length));
      return true;
    }
    case RecordType::kMx:
      record.preference = rdata.U16();
      record.data = rdata.NextName();
      return rdata.AtEnd();
    case RecordType::kCname:
    case RecordType::kPtr:
      record.data = rdata.NextName();
      return rdata.AtEnd();
    case RecordType::kTxt:
      record.data = JoinStrings(rdata);
      return rdata.AtEnd();
    case RecordType::kTlsa:
      record.data = std::string(rdata.Octets(length));
      return true;
    case RecordType::kSoa:
      return true;  // its numbers matter in the authority section only
  }
  return true;
}

bool IsKnown(uint16_t type) {
  switch (RecordType(type)) {
    case RecordType::kA:
    case RecordType::kCname:
    case RecordType::kPtr:
    case RecordType::kMx:
    case RecordType::kTxt:
    case RecordType::kAaaa:
    case RecordType::kTlsa:
      return true;
    case RecordType::kSoa:
      return false;
  }
  return false;
}

// RFC 2181 section 8: a TTL with the top bit set counts as zero.
uint32_t CleanTtl(uint32_t ttl) { return ttl > 0x7fffffffu ? 0 : ttl; }

struct RecordHead {
  std::string name;
  uint16_t type = 0;
  uint16_t klass = 0;
  uint32_t ttl = 0;
  uint16_t length = 0;
};

bool ReadHead(Reader& in, RecordHead& head) {
  head.name = in.NextName();
  head.type = in.U16();
  head.klass = in.U16();
  head.ttl = in.U32();
  head.length = in.U16();
  return in.ok();
}

bool ReadAnswers(std::string_view wire, Reader& in, size_t count, Message& message) {
  for (size_t i = 0; i < count; ++i) {
    RecordHead head;
    if (!ReadHead(in, head)) return false;
    const size_t at = in.at();
    in.Skip(head.length);
    if (!in.ok()) return false;
    if (head.klass != kClassIn || head.type == kTypeOpt || !IsKnown(head.type)) continue;
    if (message.answers.size() >= kRecordsMax) continue;
    Record record;
    record.name = std::move(head.name);
    record.type = RecordType(head.type);
    record.ttl = CleanTtl(head.ttl);
    if (!ParseRdata(wire, at, head.length, record)) return false;
    message.answers.push_back(std::move(record));
  }
  return true;
}

bool ReadAuthority(std::string_view wire, Reader& in, size_t count, Message& message) {
  for (size_t i = 0; i < count; ++i) {
    RecordHead head;
    if (!ReadHead(in, head)) return false;
    const size_t at = in.at();
    in.Skip(head.length);
    if (!in.ok()) return false;
    if (head.klass != kClassIn || RecordType(head.type) != RecordType::kSoa) continue;
    Reader rdata(wire, at, at + head.length);
    rdata.NextName();
    rdata.NextName();
    rdata.Skip(16);  // serial, refresh, retry, expire
    const uint32_t minimum = CleanTtl(rdata.U32());
    if (!rdata.AtEnd()) return false;
    message.negative_ttl = std::min(CleanTtl(head.ttl), minimum);
  }
  return true;
}

std::unexpected<Error> Malformed(const char* what) {
  return Fail(ErrorCode::kInvalid, std::string("malformed DNS answer: ") + what);
}

}  // namespace

std::string RcodeText(Rcode rcode) {
  switch (rcode) {
    case Rcode::kNoError:
      return "NOERROR";
    case Rcode::kFormErr:
      return "FORMERR";
    case Rcode::kServFail:
      return "SERVFAIL";
    case Rcode::kNxDomain:
      return "NXDOMAIN";
    case Rcode::kNotImp:
      return "NOTIMP";
    case Rcode::kRefused:
      return "REFUSED";
  }
  return "RCODE " + std::to_string(int(rcode));
}

std::string TypeText(RecordType type) {
  switch (type) {
    case RecordType::kA:
      return "A";
    case RecordType::kCname:
      return "CNAME";
    case RecordType::kSoa:
      return "SOA";
    case RecordType::kPtr:
      return "PTR";
    case RecordType::kMx:
      return "MX";
    case RecordType::kTxt:
      return "TXT";
    case RecordType::kAaaa:
      return "AAAA";
    case RecordType::kTlsa:
      return "TLSA";
  }
  return "TYPE" + std::to_string(int(type));
}

Result<Message> ParseMessage(std::string_view wire) {
  Reader in(wire, 0, wire.size());
  Message message;
  message.id = in.U16();
  const uint16_t flags = in.U16();
  const uint16_t questions = in.U16();
  const uint16_t answers = in.U16();
  const uint16_t authorities = in.U16();
  in.Skip(2);
  if (!in.ok()) return Malformed("shorter than a header");
  if ((flags & 0x8000) == 0) return Malformed("a query, not an answer");
  message.rcode = Rcode(flags & 0x0f);
  message.truncated = (flags & 0x0200) != 0;
  message.authentic = (flags & 0x0020) != 0;
  if (questions > 1) return Malformed("more than one question");
  if (questions == 1) {
    message.question.name = in.NextName();
    message.question.type = RecordType(in.U16());
    in.Skip(2);
  }
  if (!in.ok()) return Malformed("broken question");
  // What a truncated message holds is not looked at: it may end anywhere.
  if (message.truncated) return message;
  if (!ReadAnswers(wire, in, answers, message)) return Malformed("broken answer section");
  if (!ReadAuthority(wire, in, authorities, message)) return Malformed("broken authority section");
  return message;
}

Chain FollowChain(const Message& message, const Question& question) {
  Chain chain;
  chain.canonical = Lower(question.name);
  chain.ttl = UINT32_MAX;
  const auto at_name = [&](RecordType type) {
    return [&chain, type](const Record& r) { return r.type == type && r.name == chain.canonical; };
  };
  while (question.type != RecordType::kCname) {
    const auto cname =
        std::find_if(message.answers.begin(), message.answers.end(), at_name(RecordType::kCname));
    if (cname == message.answers.end()) break;
    if (++chain.cnames > kChainMax) {
      chain.too_long = true;
      return chain;
    }
    chain.ttl = std::min(chain.ttl, cname->ttl);
    chain.canonical = cname->data;
  }
  std::copy_if(message.answers.begin(), message.answers.end(), std::back_inserter(chain.records),
               at_name(question.type));
  for (const Record& record : chain.records) chain.ttl = std::min(chain.ttl, record.ttl);
  return chain;
}

bool AppendName(std::string& out, std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.size() > kNameCharsMax) return false;
  while (!name.empty()) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > kLabelCharsMax) return false;
    if (label.find('\\') != std::string_view::npos) return false;  // an escaped octet: see Record
    out.push_back(char(label.size()));
    out.append(label);
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
    if (name.empty()) return false;
  }
  out.push_back('\0');
  return true;
}

Result<std::string> BuildQuery(const Question& question, uint16_t id) {
  std::string out;
  out.reserve(kHeaderOctets + question.name.size() + 17);
  AppendU16(out, id);
  AppendU16(out, 0x0120);  // recursion desired; AD: tell us whether you validated (RFC 6840 5.7)
  AppendU16(out, 1);
  AppendU16(out, 0);
  AppendU16(out, 0);
  AppendU16(out, 1);
  if (!AppendName(out, question.name))
    return Fail(ErrorCode::kInvalid, "no domain name: \"" + question.name + "\"");
  AppendU16(out, uint16_t(question.type));
  AppendU16(out, kClassIn);
  // OPT (RFC 6891), last and without options: c-ares cuts these 11 octets off to ask a server again
  // that does not know EDNS.
  out.push_back('\0');
  AppendU16(out, kTypeOpt);
  AppendU16(out, kEdnsOctets);
  AppendU16(out, 0);
  AppendU16(out, 0);
  AppendU16(out, 0);
  return out;
}

}  // namespace sluice::dns
