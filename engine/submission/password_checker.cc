#include "engine/submission/password_checker.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/submission/password_hash.h"

namespace sluice::engine {
namespace {

// What unknown users are checked against: a hash of 32 random octets that nobody kept, at the same
// cost as HashPassword's.
constexpr char kNobodysHash[] =
    "$argon2id$v=19$m=19456,t=2,p=1$c2x1aWNlLW5vYm9keS0wMQ$"
    "8JLfztdW0mrV++nEHob9hZs+n+z6MwBJjLLKoNKgzSA";

void Wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace

PasswordChecker::PasswordChecker(const Clock& clock, TimerQueue& timers, Workers& workers,
                                 std::shared_ptr<const config::Config> config)
    : clock_(clock),
      workers_(workers),
      config_(std::move(config)),
      timer_(timers, [this] { OnTimer(); }) {
  // Without secure dice no login could be cached safely: not a machine to run on.
  CHECK(RAND_bytes(key_.data(), int(key_.size())) == 1);
}

PasswordChecker::~PasswordChecker() {
  for (Attempt& attempt : waiting_) Wipe(attempt.question.password);
  OPENSSL_cleanse(key_.data(), key_.size());
}

size_t PasswordChecker::DigestHash::operator()(const Digest& digest) const {
  size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof(hash));
  return hash;
}

PasswordChecker::Digest PasswordChecker::DigestOf(const AuthQuestion& question) const {
  // The length keeps ("ab", "c") and ("a", "bc") apart.
  std::string text = std::to_string(question.user.size()) + ":" + question.user + question.password;
  Digest digest{};
  unsigned int size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key_.data(), int(key_.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  CHECK(made != nullptr);
  CHECK(size == digest.size());
  Wipe(text);
  return digest;
}

bool PasswordChecker::Cached(const Digest& digest) {
  const Instant now = clock_.Now();
  while (!cache_order_.empty() && cache_.at(cache_order_.front()) <= now) {
    cache_.erase(cache_order_.front());
    cache_order_.pop_front();
  }
  return cache_.contains(digest);
}

void PasswordChecker::Remember(const Digest& digest) {
  if (!cache_.emplace(digest, clock_.Now() + kCacheFor).second) return;
  cache_order_.push_back(digest);
  if (cache_order_.size() <= kCacheMax) return;
  cache_.erase(cache_order_.front());
  cache_order_.pop_front();
}

void PasswordChecker::Reload(std::shared_ptr<const config::Config> config) {
  config_ = std::move(config);
  ++generation_;
  cache_.clear();
  cache_order_.clear();
}

void PasswordChecker::Check(AuthQuestion question,
                            std::move_only_function<void(AuthOutcome)> done) {
  const Instant now = clock_.Now();
  switch (guard_.Ask(question.peer, now)) {
    case LoginGuard::Advice::kStop:
      ++counters_.too_many;
      Answer(AuthOutcome::kTooMany, std::move(done));
      return;
    case LoginGuard::Advice::kSlow:
      ++counters_.delayed;
      delayed_.push_back({now + LoginGuard::kDelay, std::move(question), std::move(done)});
      SetTimer();
      return;
    case LoginGuard::Advice::kGo:
      Ask(std::move(question), std::move(done));
      return;
  }
}

void PasswordChecker::Ask(AuthQuestion question, DoneFn done) {
  const Digest digest = DigestOf(question);
  if (Cached(digest)) {
    ++counters_.cache_hits;
    ++counters_.good;
    Wipe(question.password);
    guard_.Succeeded(question.peer);
    Answer(AuthOutcome::kGood, std::move(done));
    return;
  }
  const auto same = std::find_if(waiting_.begin(), waiting_.end(), [&](const Attempt& attempt) {
    return attempt.digest == digest && attempt.generation == generation_;
  });
  const bool full = same == waiting_.end() ? waiting_.size() - (running_ ? 1 : 0) >= kWaitingMax
                                           : same->askers.size() >= kSharersMax;
  if (full) {
    ++counters_.busy;
    Wipe(question.password);
    Answer(AuthOutcome::kBusy, std::move(done));
    return;
  }
  const IpAddress peer = question.peer;
  if (same == waiting_.end()) {
    AddAttempt(digest, std::move(question));
    waiting_.back().askers.push_back({peer, std::move(done)});
    StartNext();
  } else {
    Wipe(question.password);
    same->askers.push_back({peer, std::move(done)});
  }
}

void PasswordChecker::AddAttempt(const Digest& digest, AuthQuestion question) {
  const auto user = std::find_if(config_->users.begin(), config_->users.end(),
                                 [&](const config::User& u) { return u.name == question.user; });
  Attempt& attempt = waiting_.emplace_back();
  attempt.digest = digest;
  attempt.generation = generation_;
  attempt.question = std::move(question);
  attempt.known = user != config_->users.end() && !user->passwords.empty();
  if (attempt.known)
    attempt.hashes = user->passwords;
  else
    attempt.hashes = {kNobodysHash};
}

void PasswordChecker::StartNext() {
  if (running_ || waiting_.empty()) return;
  running_ = true;
  ++counters_.computed;
  // A list's elements stay where they are; nobody else touches the front while running_.
  Attempt* attempt = &waiting_.front();
  workers_.Run(
      [attempt] {
        for (const std::string& hash : attempt->hashes)
          if (VerifyPassword(hash, attempt->question.password)) attempt->good = true;
      },
      [this] { OnComputed(); });
}

void PasswordChecker::OnComputed() {
  CHECK(running_);
  running_ = false;
  Attempt attempt = std::move(waiting_.front());
  waiting_.pop_front();
  if (attempt.generation != generation_) {
    // Users changed meanwhile: the answer is about the old ones.
    for (Asker& asker : attempt.askers)
      Ask({attempt.question.user, attempt.question.password, asker.peer}, std::move(asker.done));
  } else {
    Finish(attempt);
  }
  Wipe(attempt.question.password);
  StartNext();
}

void PasswordChecker::Finish(Attempt& attempt) {
  const bool good = attempt.good && attempt.known;
  if (good) Remember(attempt.digest);
  for (Asker& asker : attempt.askers) {
    ++(good ? counters_.good : counters_.wrong);
    if (good)
      guard_.Succeeded(asker.peer);
    else
      guard_.Failed(asker.peer, clock_.Now());
    asker.done(good ? AuthOutcome::kGood : AuthOutcome::kWrong);
  }
}

void PasswordChecker::Answer(AuthOutcome outcome, DoneFn done) {
  answers_.push_back({outcome, std::move(done)});
  SetTimer();
}

void PasswordChecker::SetTimer() {
  if (!answers_.empty())
    timer_.Set(clock_.Now());
  else if (!delayed_.empty())
    timer_.Set(delayed_.front().when);
}

void PasswordChecker::OnTimer() {
  std::vector<Answered> answers = std::exchange(answers_, {});
  for (Answered& answered : answers) answered.done(answered.outcome);
  while (!delayed_.empty() && delayed_.front().when <= clock_.Now()) {
    Delayed delayed = std::move(delayed_.front());
    delayed_.pop_front();
    Ask(std::move(delayed.question), std::move(delayed.done));
  }
  SetTimer();
}

}  // namespace sluice::engine
