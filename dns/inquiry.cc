#include "dns/inquiry.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

std::string Fold(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return Lower(name);
}

}  // namespace

const Fact* Facts::Find(std::string_view name, RecordType type) {
  const std::string folded = Fold(name);
  const auto found = facts_.find(Key{uint16_t(type), folded});
  if (found != facts_.end()) return &found->second;
  const Question question{folded, type};
  if (folded.empty() || !BuildQuery(question, 0)) {
    Put(question, {AnswerKind::kNxDomain, {}, TypeText(type) + " " + folded + ": is no name"});
    return Find(folded, type);
  }
  const bool noted = std::ranges::any_of(
      wanted_, [&](const Question& q) { return q.type == type && q.name == folded; });
  if (!noted) wanted_.push_back(question);
  return nullptr;
}

void Facts::Put(const Question& question, Fact fact) {
  facts_.insert_or_assign(Key{uint16_t(question.type), Fold(question.name)}, std::move(fact));
}

void Inquiry::Start(StudyFn study, std::function<void(Facts&)> done) {
  CHECK(!study_);
  study_ = std::move(study);
  done_ = std::move(done);
  Run();
}

// The count of missing answers is kept above zero while questions are asked: those that the cache
// answers inside Ask must not start the next round before the last question is out.
void Inquiry::Run() {
  const std::weak_ptr<Inquiry*> alive = self_;
  while (true) {
    study_(facts_);
    const std::vector<Question> wanted = facts_.TakeWanted();
    if (wanted.empty()) {
      const auto done = std::move(done_);
      done(facts_);
      return;
    }
    missing_ = 1;
    for (const Question& question : wanted) Ask(question);
    if (alive.expired()) return;
    if (--missing_ > 0) return;
  }
}

void Inquiry::Ask(const Question& question) {
  if (++asked_ > kQuestionsMax) {
    facts_.Put(question, {AnswerKind::kFailure, {}, "more questions than one check may ask"});
    return;
  }
  ++missing_;
  const std::weak_ptr<Inquiry*> self = self_;
  resolver_.Ask(question.name, question.type, [self, question](const Answer& answer) {
    const auto alive = self.lock();
    if (!alive) return;
    Inquiry& inquiry = **alive;
    inquiry.facts_.Put(question, {answer.kind, answer.records, answer.detail});
    if (--inquiry.missing_ == 0) inquiry.Run();
  });
}

}  // namespace sluice::dns
