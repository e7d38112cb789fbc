// dns/inquiry.h — a chain of DNS questions written as plain code that is run again as answers come.
//
// PURPOSE   SPF, DMARC and the checks of sending domains ask one thing, look, and ask the next. A
//           Study reads Facts; what is not known yet is noted and null comes back, and the study
//           ends there, or goes on to what it can ask as well. An Inquiry asks the resolver for all
//           that was noted and runs the study anew, until it finds everything.
// FLOW      Start(study, done): study(facts) -> questions -> study(facts) -> ... -> done(facts).
// LIMITS    kQuestionsMax of one inquiry; a fact beyond it is a failure that says so.
// LIFETIME  An inquiry that dies drops what is on its way. It must not die inside `study`; inside
//           `done` it may.
// THREADS   Confined to the resolver's shard.
// TESTS     tests/dns/inquiry_test.cc

#ifndef SLUICE_DNS_INQUIRY_H_
#define SLUICE_DNS_INQUIRY_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/resolver.h"

namespace sluice::dns {

// An SPF evaluation takes at most 10 terms of at most 11 questions; a domain's check some dozens
// of those. A record of others' making must not make us ask without end.
inline constexpr size_t kQuestionsMax = 4'000;

struct Fact {
  AnswerKind kind = AnswerKind::kFailure;
  std::vector<Record> records;
  std::string detail;  // for the operator: "MX example.com: SERVFAIL"

  bool found() const { return kind == AnswerKind::kRecords; }
  bool failed() const { return kind == AnswerKind::kFailure; }
};

class Facts {
 public:
  // Null: not known yet, and wanted from now on. The fact lives as long as this. `name` is folded
  // to lower case without the trailing dot; what is no name does not exist.
  const Fact* Find(std::string_view name, RecordType type);

  void Put(const Question& question, Fact fact);
  // What Find was asked for and did not have, each once.
  std::vector<Question> TakeWanted() { return std::exchange(wanted_, {}); }
  size_t questions() const { return facts_.size(); }

 private:
  using Key = std::pair<uint16_t, std::string>;
  std::map<Key, Fact> facts_;
  std::vector<Question> wanted_;
};

class Inquiry {
 public:
  using StudyFn = std::function<void(Facts&)>;

  // `resolver` outlives the inquiry.
  explicit Inquiry(Resolver& resolver) : resolver_(resolver) {}
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  // Once. `done` may be called inside, when the resolver knows everything.
  void Start(StudyFn study, std::function<void(Facts&)> done);

 private:
  void Run();
  void Ask(const Question& question);

  // Borrowed: outlives this.
  Resolver& resolver_;

  Facts facts_;
  StudyFn study_;
  std::function<void(Facts&)> done_;
  size_t missing_ = 0;  // asked and not answered
  size_t asked_ = 0;
  // The resolver's callbacks hold it weakly.
  std::shared_ptr<Inquiry*> self_ = std::make_shared<Inquiry*>(this);
};

}  // namespace sluice::dns

#endif  // SLUICE_DNS_INQUIRY_H_
