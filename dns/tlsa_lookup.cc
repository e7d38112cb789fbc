#include "dns/tlsa_lookup.h"

#include <utility>

namespace sluice::dns {
namespace {

constexpr size_t kFixedOctets = 3;  // usage, selector, matching type

}  // namespace

// One Find on its way.
struct TlsaLookup::Search {
  std::string host;
  std::string port;
  DaneFn done;
  std::vector<std::string> bases;  // where to look, in order
  size_t next = 0;

  void Finish(HostDane dane) { done(dane); }
  void Finish(DaneState state, std::string detail) {
    Finish({.state = state, .detail = std::move(detail), .base = {}, .names = {}, .records = {}});
  }
};

TlsaLookup::TlsaLookup(Resolver& resolver)
    : resolver_(resolver), self_(std::make_shared<TlsaLookup*>(this)) {}

void TlsaLookup::Find(std::string_view host, uint16_t port, DaneFn done) {
  auto search = std::make_shared<Search>();
  search->host = host;
  search->port = std::to_string(port);
  search->done = std::move(done);
  AskAddress(search, RecordType::kA);
}

Resolver::AnswerFn TlsaLookup::Guarded(std::function<void(const Answer&)> step) {
  return [weak = std::weak_ptr(self_), step = std::move(step)](const Answer& answer) {
    if (const auto alive = weak.lock()) step(answer);
  };
}

void TlsaLookup::AskAddress(const std::shared_ptr<Search>& search, RecordType type) {
  resolver_.Ask(search->host, type, Guarded([this, search, type](const Answer& answer) {
                  // A host of IPv6 alone says so itself.
                  const bool other = type == RecordType::kA && answer.kind == AnswerKind::kNoData &&
                                     answer.authentic;
                  if (other) return AskAddress(search, RecordType::kAaaa);
                  OnAddress(search, answer);
                }));
}

void TlsaLookup::OnAddress(const std::shared_ptr<Search>& search, const Answer& answer) {
  if (answer.kind == AnswerKind::kFailure) return search->Finish(DaneState::kFailed, answer.detail);
  if (answer.authentic) {
    search->bases = {answer.canonical};
    if (answer.canonical != search->host) search->bases.push_back(search->host);
    return AskNext(search);
  }
  // The alias may be secure although its target is not: then its own records count (2.2.3).
  if (answer.canonical != search->host) return AskAlias(search);
  search->Finish(DaneState::kInsecure, "the addresses of " + search->host + " are not signed");
}

void TlsaLookup::AskAlias(const std::shared_ptr<Search>& search) {
  resolver_.Ask(search->host, RecordType::kCname, Guarded([this, search](const Answer& answer) {
                  if (answer.kind == AnswerKind::kFailure)
                    return search->Finish(DaneState::kFailed, answer.detail);
                  if (answer.kind != AnswerKind::kRecords || !answer.authentic)
                    return search->Finish(DaneState::kInsecure,
                                          "the alias " + search->host + " is not signed");
                  search->bases = {search->host};
                  AskNext(search);
                }));
}

void TlsaLookup::AskNext(const std::shared_ptr<Search>& search) {
  if (search->next == search->bases.size())
    return search->Finish(DaneState::kNone, search->host + " has no TLSA records");
  const std::string name = "_" + search->port + "._tcp." + search->bases[search->next];
  resolver_.Ask(name, RecordType::kTlsa,
                Guarded([this, search](const Answer& answer) { OnRecords(search, answer); }));
}

void TlsaLookup::OnRecords(const std::shared_ptr<Search>& search, const Answer& answer) {
  if (answer.kind == AnswerKind::kFailure) return search->Finish(DaneState::kFailed, answer.detail);
  const std::string& base = search->bases[search->next];
  if (answer.kind != AnswerKind::kRecords || !answer.authentic) {
    ++search->next;
    return AskNext(search);
  }
  HostDane dane{.state = DaneState::kUnusable,
                .detail = "no TLSA record of " + base + " is usable",
                .base = base,
                .names = {base},
                .records = {}};
  if (search->host != base) dane.names.push_back(search->host);
  for (const Record& record : answer.records) {
    if (dane.records.size() == kTlsaMax) break;
    auto tlsa = ParseTlsa(record.data);
    if (tlsa && io::IsUsable(*tlsa)) dane.records.push_back(std::move(*tlsa));
  }
  if (!dane.records.empty()) {
    dane.state = DaneState::kUsable;
    dane.detail = std::to_string(dane.records.size()) + " TLSA records of " + base;
  }
  search->Finish(std::move(dane));
}

std::optional<io::TlsaRecord> ParseTlsa(std::string_view rdata) {
  if (rdata.size() < kFixedOctets) return std::nullopt;
  return io::TlsaRecord{uint8_t(rdata[0]), uint8_t(rdata[1]), uint8_t(rdata[2]),
                        std::string(rdata.substr(kFixedOctets))};
}

}  // namespace sluice::dns
