#include "engine/submission/password_checker.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "config/users.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/log/log.h"
#include "engine/submission/password_hash.h"

namespace sluice::engine {
namespace {

// What unknown users are checked against: a hash of 32 random octets that nobody kept, at the same
// cost as HashPassword's.
constexpr char kNobodysHash[] =
    "$argon2id$v=19$m=19456,t=2,p=1$c2x1aWNlLW5vYm9keS0wMQ$"
    "8JLfztdW0mrV++nEHob9hZs+n+z6MwBJjLLKoNKgzSA";

bool IsScram(const std::string& hash) { return smtp::ParseScramKeys(hash).has_value(); }

std::string Sha256(std::string_view text) {
  std::string out(32, '\0');
  CHECK(EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
                   EVP_sha256(), nullptr) == 1);
  return out;
}

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
  LookAtUsers();
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
  LookAtUsers();
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
      delayed_.push_back({now + LoginGuard::kDelay,
                          [this, question = std::move(question), done = std::move(done)]() mutable {
                            Ask(std::move(question), std::move(done));
                          }});
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
  const config::User* user = config::FindUser(*config_, question.user);
  Attempt& attempt = waiting_.emplace_back();
  attempt.digest = digest;
  attempt.generation = generation_;
  attempt.question = std::move(question);
  attempt.known = user != nullptr && !user->passwords.empty();
  if (attempt.known) attempt.hashes = user->passwords;
  // Who has no string of a kind is checked against nobody's, so that all users cost the same.
  const bool scram = std::ranges::any_of(attempt.hashes, IsScram);
  const bool argon = !std::ranges::all_of(attempt.hashes, IsScram);
  if (!argon) attempt.hashes.emplace_back(kNobodysHash);
  if (!scram && scram_used_)
    attempt.hashes.push_back(smtp::FormatScramKeys(ScramKeysOf(attempt.question.user)));
}

void PasswordChecker::LookAtUsers() {
  scram_used_ = false;
  scram_iterations_ = smtp::kScramIterations;
  std::string all = config_->hostname;
  for (const config::User& user : config_->users) {
    for (const std::string& hash : user.passwords) {
      all += hash;
      const auto keys = scram_used_ ? std::nullopt : smtp::ParseScramKeys(hash);
      if (!keys) continue;
      scram_used_ = true;
      scram_iterations_ = keys->iterations;
    }
  }
  // Without any password there is nothing secret in it, and no salt that ought to stay the same.
  if (all == config_->hostname) all.append(key_.begin(), key_.end());
  nobodys_seed_ = Sha256(all);
}

// A name without keys gets some that nobody can prove, always the same ones.
smtp::ScramKeys PasswordChecker::ScramKeysOf(const std::string& name) const {
  if (const config::User* user = config::FindUser(*config_, name))
    for (const std::string& hash : user->passwords)
      if (auto keys = smtp::ParseScramKeys(hash)) return *std::move(keys);
  smtp::ScramKeys keys;
  keys.iterations = scram_iterations_;
  keys.salt = Sha256(nobodys_seed_ + "salt" + name).substr(0, smtp::kScramSaltOctets);
  keys.stored_key = Sha256(nobodys_seed_ + "stored" + name);
  keys.server_key = Sha256(nobodys_seed_ + "server" + name);
  return keys;
}

void PasswordChecker::StartScram(AuthQuestion question,
                                 std::move_only_function<void(ScramStart)> done) {
  const Instant now = clock_.Now();
  const LoginGuard::Advice advice = guard_.Ask(question.peer, now);
  if (advice == LoginGuard::Advice::kStop) {
    ++counters_.too_many;
    return Later([done = std::move(done)]() mutable { done({AuthOutcome::kTooMany, {}, {}}); });
  }
  auto go = [this, user = std::move(question.user), done = std::move(done)]() mutable {
    std::array<unsigned char, 24> dice;
    CHECK(RAND_bytes(dice.data(), int(dice.size())) == 1);
    const std::string_view octets(reinterpret_cast<const char*>(dice.data()), dice.size());
    done({AuthOutcome::kGood, ScramKeysOf(user), Base64Encode(octets)});
  };
  if (advice == LoginGuard::Advice::kGo) return Later(std::move(go));
  ++counters_.delayed;
  delayed_.push_back({now + LoginGuard::kDelay, std::move(go)});
  SetTimer();
}

void PasswordChecker::EndScram(AuthQuestion question, bool proven, DoneFn done) {
  // The keys may have gone with a reload since the exchange began; the caller looks for the user.
  const bool good = proven && config::FindUser(*config_, question.user) != nullptr;
  Note(question.user, question.peer, good);
  Answer(good ? AuthOutcome::kGood : AuthOutcome::kWrong, std::move(done));
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
    Note(attempt.question.user, asker.peer, good);
    asker.done(good ? AuthOutcome::kGood : AuthOutcome::kWrong);
  }
}

// How a login ended.
void PasswordChecker::Note(std::string_view user, const IpAddress& peer, bool good) {
  ++(good ? counters_.good : counters_.wrong);
  if (good) return guard_.Succeeded(peer);
  guard_.Failed(peer, clock_.Now());
  if (const auto line = failed_.Failed(user, peer, clock_.Now())) LogWarn("login", *line);
}

void PasswordChecker::Answer(AuthOutcome outcome, DoneFn done) {
  Later([outcome, done = std::move(done)]() mutable { done(outcome); });
}

void PasswordChecker::Later(Action action) {
  answers_.push_back(std::move(action));
  SetTimer();
}

void PasswordChecker::SetTimer() {
  if (!answers_.empty())
    timer_.Set(clock_.Now());
  else if (!delayed_.empty())
    timer_.Set(delayed_.front().when);
}

void PasswordChecker::OnTimer() {
  std::vector<Action> answers = std::exchange(answers_, {});
  for (Action& answer : answers) answer();
  while (!delayed_.empty() && delayed_.front().when <= clock_.Now()) {
    Delayed delayed = std::move(delayed_.front());
    delayed_.pop_front();
    delayed.go();
  }
  SetTimer();
}

}  // namespace sluice::engine
