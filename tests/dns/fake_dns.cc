#include "tests/dns/fake_dns.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

// Writes names with compression pointers to what went before.
class Encoder {
 public:
  void U8(uint8_t v) { out_.push_back(char(v)); }
  void U16(uint16_t v) {
    U8(uint8_t(v >> 8));
    U8(uint8_t(v & 0xff));
  }
  void U32(uint32_t v) {
    U16(uint16_t(v >> 16));
    U16(uint16_t(v & 0xffff));
  }
  void Bytes(std::string_view bytes) { out_.append(bytes); }

  void Name(std::string_view name) {
    if (!name.empty() && name.back() == '.') name.remove_suffix(1);
    while (!name.empty()) {
      const auto known = places_.find(name);
      if (known != places_.end()) {
        U16(uint16_t(0xc000 | known->second));
        return;
      }
      if (out_.size() < 0x4000) places_.emplace(std::string(name), uint16_t(out_.size()));
      const std::string_view label = name.substr(0, name.find('.'));
      CHECK(!label.empty());
      CHECK(label.size() <= kLabelCharsMax);
      U8(uint8_t(label.size()));
      Bytes(label);
      name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    U8(0);
  }

  // Runs `write` and puts the number of octets it wrote before them.
  template <typename F>
  void Sized(F&& write) {
    const size_t at = out_.size();
    U16(0);
    write();
    const size_t length = out_.size() - at - 2;
    CHECK(length <= 0xffff);
    out_[at] = char(length >> 8);
    out_[at + 1] = char(length & 0xff);
  }

  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
  std::map<std::string, uint16_t, std::less<>> places_;
};

void WriteRdata(Encoder& out, const Record& record) {
  switch (record.type) {
    case RecordType::kA: {
      out.U32(record.address.v4());
      return;
    }
    case RecordType::kAaaa: {
      for (const uint8_t b : record.address.bytes()) out.U8(b);
      return;
    }
    case RecordType::kMx:
      out.U16(record.preference);
      out.Name(record.data);
      return;
    case RecordType::kCname:
    case RecordType::kPtr:
      out.Name(record.data);
      return;
    case RecordType::kTxt:
      for (std::string_view rest = record.data;;) {
        const std::string_view piece = rest.substr(0, 255);
        out.U8(uint8_t(piece.size()));
        out.Bytes(piece);
        rest.remove_prefix(piece.size());
        if (rest.empty()) return;
      }
    case RecordType::kTlsa:
    case RecordType::kSoa:
      out.Bytes(record.data);
      return;
  }
}

std::string ZoneKey(std::string_view name) {
  if (name.size() > 1 && name.back() == '.') name.remove_suffix(1);
  return Lower(name);
}

Record MakeRecord(std::string_view name, RecordType type, uint32_t ttl) {
  Record record;
  record.name = ZoneKey(name);
  record.type = type;
  record.ttl = ttl;
  return record;
}

IpAddress MustParse(std::string_view text) {
  const auto address = IpAddress::Parse(text);
  CHECK(address.has_value());
  return *address;
}

}  // namespace

std::string EncodeAnswer(const Question& question, Rcode rcode, const std::vector<Record>& answers,
                         uint32_t negative_ttl, bool authentic) {
  constexpr uint16_t kClassIn = 1;
  const bool is_negative = rcode == Rcode::kNxDomain ||
                           (rcode == Rcode::kNoError &&
                            std::none_of(answers.begin(), answers.end(),
                                         [&](const Record& r) { return r.type == question.type; }));
  Encoder out;
  out.U16(0x5eed);
  out.U16(uint16_t(0x8180 | (authentic ? 0x20 : 0) | int(rcode)));
  out.U16(1);
  out.U16(uint16_t(answers.size()));
  const bool has_soa = is_negative && negative_ttl > 0;
  out.U16(has_soa ? 1 : 0);
  out.U16(1);
  out.Name(question.name);
  out.U16(uint16_t(question.type));
  out.U16(kClassIn);
  for (const Record& record : answers) {
    out.Name(record.name);
    out.U16(uint16_t(record.type));
    out.U16(kClassIn);
    out.U32(record.ttl);
    out.Sized([&] { WriteRdata(out, record); });
  }
  if (has_soa) {
    const size_t dot = question.name.find('.');
    const std::string zone = dot == std::string::npos ? "" : question.name.substr(dot + 1);
    out.Name(zone);
    out.U16(uint16_t(RecordType::kSoa));
    out.U16(kClassIn);
    out.U32(negative_ttl * 2);  // the minimum decides (RFC 2308 section 3)
    out.Sized([&] {
      out.Name("ns." + zone);
      out.Name("hostmaster." + zone);
      for (const uint32_t v : {1u, 3600u, 600u, 86400u, negative_ttl}) out.U32(v);
    });
  }
  out.U8(0);  // OPT
  out.U16(41);
  out.U16(kEdnsOctets);
  out.U32(0);
  out.U16(0);
  return out.Take();
}

FakeDns::FakeDns(TimerQueue& timers, const Clock& clock, uint64_t seed)
    : clock_(clock), random_(seed), timer_(timers, [this] { Fire(); }) {}

void FakeDns::AddMx(std::string_view domain, std::vector<std::pair<uint16_t, std::string>> hosts,
                    uint32_t ttl) {
  std::vector<Record>& zone = zones_[ZoneKey(domain)];
  std::erase_if(zone, [](const Record& r) { return r.type == RecordType::kMx; });
  for (auto& [preference, host] : hosts) {
    Record record = MakeRecord(domain, RecordType::kMx, ttl);
    record.preference = preference;
    record.data = host == "." ? "" : ZoneKey(host);
    zone.push_back(std::move(record));
  }
}

void FakeDns::AddA(std::string_view host, std::string_view address, uint32_t ttl) {
  Record record = MakeRecord(host, RecordType::kA, ttl);
  record.address = MustParse(address);
  CHECK(record.address.is_v4());
  zones_[ZoneKey(host)].push_back(std::move(record));
}

void FakeDns::AddAaaa(std::string_view host, std::string_view address, uint32_t ttl) {
  Record record = MakeRecord(host, RecordType::kAaaa, ttl);
  record.address = MustParse(address);
  zones_[ZoneKey(host)].push_back(std::move(record));
}

void FakeDns::AddCname(std::string_view alias, std::string_view target, uint32_t ttl) {
  Record record = MakeRecord(alias, RecordType::kCname, ttl);
  record.data = ZoneKey(target);
  zones_[ZoneKey(alias)].push_back(std::move(record));
}

void FakeDns::AddTxt(std::string_view name, std::string_view text, uint32_t ttl) {
  Record record = MakeRecord(name, RecordType::kTxt, ttl);
  record.data = std::string(text);
  zones_[ZoneKey(name)].push_back(std::move(record));
}

void FakeDns::AddPtr(std::string_view name, std::string_view target, uint32_t ttl) {
  Record record = MakeRecord(name, RecordType::kPtr, ttl);
  record.data = ZoneKey(target);
  zones_[ZoneKey(name)].push_back(std::move(record));
}

void FakeDns::AddTlsa(std::string_view name, std::string_view rdata, uint32_t ttl) {
  Record record = MakeRecord(name, RecordType::kTlsa, ttl);
  record.data = std::string(rdata);
  zones_[ZoneKey(name)].push_back(std::move(record));
}

bool FakeDns::IsSigned(std::string_view name) const {
  return std::ranges::none_of(unsigned_, [name](const std::string& zone) {
    return name == zone || (name.ends_with(zone) && name[name.size() - zone.size() - 1] == '.');
  });
}

void FakeDns::Remove(std::string_view name) {
  zones_.erase(ZoneKey(name));
  failures_.erase(ZoneKey(name));
}

void FakeDns::SetFailure(std::string_view name, FakeFailure failure) {
  failures_[ZoneKey(name)] = failure;
}

void FakeDns::SetLatency(Duration least, Duration most) {
  CHECK(least <= most);
  latency_least_ = least;
  latency_most_ = most;
}

FakeFailure FakeDns::FailureOf(const std::string& name) const {
  if (failure_of_all_ != FakeFailure::kNone) return failure_of_all_;
  const auto found = failures_.find(name);
  return found == failures_.end() ? FakeFailure::kNone : found->second;
}

std::vector<Record> FakeDns::Select(const Question& question, bool& exists) const {
  std::vector<Record> out;
  std::string name = ZoneKey(question.name);
  exists = false;
  for (int hops = 0; hops <= 2 * kChainMax; ++hops) {
    const auto zone = zones_.find(name);
    if (zone == zones_.end()) return out;
    exists = true;
    const auto has_cname =
        std::find_if(zone->second.begin(), zone->second.end(),
                     [](const Record& r) { return r.type == RecordType::kCname; });
    if (has_cname == zone->second.end()) {
      std::copy_if(zone->second.begin(), zone->second.end(), std::back_inserter(out),
                   [&](const Record& r) { return r.type == question.type; });
      return out;
    }
    out.push_back(*has_cname);
    if (!follows_cnames_ || question.type == RecordType::kCname) return out;
    name = has_cname->data;
    exists = false;
  }
  exists = true;  // a loop of aliases: they are all there
  return out;
}

RawAnswer FakeDns::AnswerTo(const Question& question) {
  bool exists = false;
  const std::vector<Record> records = Select(question, exists);
  const auto encode = [&](Rcode rcode, const std::vector<Record>& answers) {
    const bool is_referral = !follows_cnames_ && !answers.empty();
    bool authentic = authentic_ && IsSigned(ZoneKey(question.name));
    for (const Record& record : answers) {
      authentic = authentic && IsSigned(record.name);
      if (record.type == RecordType::kCname && follows_cnames_ && question.type != record.type)
        authentic = authentic && IsSigned(record.data);
    }
    return RawAnswer{
        EncodeAnswer(question, rcode, answers, is_referral ? 0 : negative_ttl_, authentic), "",
        false};
  };
  switch (FailureOf(ZoneKey(question.name))) {
    case FakeFailure::kNone:
      return encode(exists ? Rcode::kNoError : Rcode::kNxDomain, records);
    case FakeFailure::kNxDomain:
      return encode(Rcode::kNxDomain, {});
    case FakeFailure::kServFail:
      return encode(Rcode::kServFail, {});
    case FakeFailure::kRefused:
      return encode(Rcode::kRefused, {});
    case FakeFailure::kTimeout:
      return {"", "timeout", false};
    case FakeFailure::kTooBusy:
      return {"", "too many DNS questions", true};
    case FakeFailure::kGarbage: {
      std::string bytes;
      const size_t size = 1 + size_t(random_.Below(60));
      for (size_t i = 0; i < size; ++i) bytes.push_back(char(random_.Next() & 0xff));
      bytes[0] = 'x';
      if (bytes.size() > 2) bytes[2] = char(bytes[2] & 0x7f);  // at least no answer
      return {bytes, "", false};
    }
    case FakeFailure::kTruncated: {
      std::string wire = EncodeAnswer(question, Rcode::kServFail, {}, 0, false);
      wire[2] = char(wire[2] | 0x02);
      wire[3] = char(wire[3] & 0xf0);
      return {wire, "", false};
    }
    case FakeFailure::kWrongName: {
      const Question other{"other." + question.name, question.type};
      return {EncodeAnswer(other, Rcode::kNxDomain, {}, negative_ttl_, false), "", false};
    }
  }
  return {"", "unknown failure", false};
}

void FakeDns::Ask(const Question& question, std::function<void(RawAnswer)> done) {
  CHECK(done != nullptr);
  asked_.push_back(TypeText(question.type) + " " + question.name);
  Duration latency = latency_least_;
  const auto spread = uint64_t((latency_most_ - latency_least_).count());
  if (spread > 0) latency += Duration(int64_t(random_.Below(spread + 1)));
  if (FailureOf(ZoneKey(question.name)) == FakeFailure::kTimeout) latency = kFakeTimeout;
  pending_.emplace(clock_.Now() + latency, Pending{question, std::move(done)});
  timer_.Set(pending_.begin()->first);
}

void FakeDns::Fire() {
  const Instant now = clock_.Now();
  while (!pending_.empty() && pending_.begin()->first <= now) {
    auto due = pending_.extract(pending_.begin());
    due.mapped().done(AnswerTo(due.mapped().question));
  }
  if (!pending_.empty()) timer_.Set(pending_.begin()->first);
}

size_t FakeDns::CountAsked(std::string_view question) const {
  return size_t(std::count(asked_.begin(), asked_.end(), question));
}

}  // namespace sluice::dns
