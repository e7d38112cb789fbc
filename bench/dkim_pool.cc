// Question: does the engine's signer pool make as many RSA-2048 signatures as OpenSSL itself does
// on the same cores, and does signing ever hold up the loop that asks for them? Method: one loop
// keeps kDepth messages with the pool (fields selected, canonical, hashed, signed, folded: all that
// a message costs); every answer sets off the next. Beside it, in turns in the same run, `openssl
// speed -multi CORES rsa2048`. The loop's stall is the longest time that its own turn took (hand
// over, take back); the lateness of a 1 ms timer is shown as well, but it tells of the machine,
// too: a core that another program has is a core the loop waits for. Prediction: 97% of openssl
// speed (the rest of a signature costs 5 of 220 us); at least 90% asked. Longest turn of the loop
// under 0.3 ms (64 answers of 3 us); 1 ms allowed.
//
//   dkim_pool [SECONDS-A-TURN] [THREADS]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/io/system_clock.h"
#include "engine/io/uv_loop.h"
#include "engine/runtime/signer_pool.h"
#include "engine/runtime/threads.h"
#include "engine/signing/signing.h"

namespace sluice::engine {
namespace {

constexpr int kDepth = 64;
constexpr int kTurns = 3;

std::shared_ptr<const Keyring> MakeKeyring() {
  config::Config config;
  config::Domain domain;
  domain.name = "example.com";
  domain.tenant = "crm";
  domain.dkim.push_back({.selector = "s1", .key = "s1.pem", .identity = ""});
  config.domains.push_back(domain);
  auto made = Keyring::Make(config, [](const std::string&) {
    return Result<KeyStore::Key>(std::make_shared<const smtp::DkimKey>(
        smtp::DkimKey::Generate(smtp::DkimAlgorithm::kRsaSha256)));
  });
  CHECK(made.has_value());
  return *made;
}

constexpr char kHeader[] =
    "Received: from crm.example.com ([192.0.2.1])\r\n\tby mta.example.com with ESMTPSA id 0001\r\n"
    "\t(TLSv1.3 TLS_AES_128_GCM_SHA256);\r\n\tWed, 25 Nov 2026 10:00:00 +0000\r\n"
    "From: Example Shop <news@example.com>\r\nTo: Reader <reader@example.net>\r\n"
    "Subject: =?utf-8?q?This_week=27s_offers_and_a_few_words_more?=\r\n"
    "Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <20261125.1@example.com>\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_b\"\r\n"
    "List-Id: Weekly <weekly.example.com>\r\nFeedback-ID: c1:crm:news:example\r\n"
    "List-Unsubscribe: <https://example.com/u/0123456789abcdef0123456789abcdef>\r\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nX-Mailer: CRM 1.0\r\n";

struct Figures {
  double per_second = 0;
  double longest_turn_ms = 0;
  double latest_timer_ms = 0;
  double loop_us = 0;  // of the loop's time, a signature
};

double MsOf(Duration time) { return double(time.count()) / 1000; }

class Run {
 public:
  Run(size_t threads, Duration how_long)
      : pool_(threads), door_(pool_, mailbox_), signing_(door_), how_long_(how_long) {
    mailbox_.SetWake([this] { loop_.Wake(); });
    loop_.SetOnWake([this] { Turn(); });
  }

  Figures Go() {
    Threads threads;
    for (size_t i = 0; i < pool_.threads(); ++i)
      threads.Work(
          "signer", [this, i] { return pool_.Step(i); }, [this, i] { pool_.Wait(i); },
          Threads::kSignerNice);
    io::SystemClock ticks;
    for (int i = 0; i < kDepth; ++i) Ask();
    tick_ = std::make_unique<Timer>(loop_.timers(), [this] { Tick(); });
    began_ = ticks.Now();
    due_ = began_ + kTick;
    tick_->Set(due_);
    loop_.Run();
    const Duration taken = ticks.Now() - began_;
    threads.Join();
    figures_.per_second = double(done_) / (double(taken.count()) / 1e6);
    figures_.loop_us = MsOf(turns_) * 1000 / double(done_);
    return figures_;
  }

 private:
  static constexpr Duration kTick{1'000};

  void Ask() {
    SignTask task;
    task.keyring = keyring_;
    task.keys = keyring_->SignersOf("crm", "example.com").keys;
    task.header = kHeader;
    signing_.Sign(std::move(task), [this](Result<std::string> fields) {
      CHECK(fields.has_value());
      ++done_;
      Ask();
    });
  }
  void Turn() {
    const Instant start = ticks_.Now();
    mailbox_.Run();
    const Duration took = ticks_.Now() - start;
    turns_ += took;
    figures_.longest_turn_ms = std::max(figures_.longest_turn_ms, MsOf(took));
  }
  void Tick() {
    const Instant now = ticks_.Now();
    figures_.latest_timer_ms = std::max(figures_.latest_timer_ms, MsOf(now - due_));
    if (now - began_ >= how_long_) return loop_.Stop();
    due_ = now + kTick;
    tick_->Set(due_);
  }

  const std::shared_ptr<const Keyring> keyring_ = MakeKeyring();
  io::UvLoop loop_;
  io::SystemClock ticks_;
  Mailbox mailbox_;
  SignerPool pool_;
  SignerPool::Door door_;
  Signing signing_;
  const Duration how_long_;
  std::unique_ptr<Timer> tick_;
  Instant began_{};
  Instant due_{};
  uint64_t done_ = 0;
  Duration turns_{};
  Figures figures_;
};

// Signatures a second that OpenSSL's own benchmark makes.
double OpensslSpeed(int seconds, size_t processes) {
  const std::string command = "openssl speed -seconds " + std::to_string(seconds) + " -multi " +
                              std::to_string(processes) + " rsa2048 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  CHECK(pipe != nullptr);
  double sign = 0;
  char line[512];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    double each = 0;
    double check = 0;
    double rate = 0;
    if (std::sscanf(line, "rsa 2048 bits %lfs %lfs %lf", &each, &check, &rate) == 3) sign = rate;
  }
  pclose(pipe);
  CHECK(sign > 0);
  return sign;
}

}  // namespace
}  // namespace sluice::engine

int main(int argc, char** argv) {
  using namespace sluice::engine;
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 3;
  const size_t cores = Cores();
  const size_t threads = argc > 2 ? size_t(std::atoi(argv[2])) : cores;
  double best_share = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    const double openssl = OpensslSpeed(seconds, threads);
    const Figures pool = Run(threads, std::chrono::seconds(seconds)).Go();
    const double share = pool.per_second / openssl;
    best_share = std::max(best_share, share);
    std::printf(
        "turn %d: openssl speed %.0f/s, pool %.0f/s on %zu threads (%.0f a core): %.1f%%; loop: "
        "longest turn %.3f ms, %.1f us a signature, 1 ms timer at most %.2f ms late\n",
        turn + 1, openssl, pool.per_second, threads, pool.per_second / double(threads), share * 100,
        pool.longest_turn_ms, pool.loop_us, pool.latest_timer_ms);
  }
  std::printf("best share %.1f%%\n", best_share * 100);
  return 0;
}
