// A server that says anything, in any rhythm: the session never crashes, ends every transaction
// once and never concludes success from what was not asked. The first octets choose how it is
// driven.

#include <string>
#include <vector>

#include "engine/base/check.h"
#include "smtp/client_session.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using namespace sluice::smtp;
using sluice::Instant;

class Text final : public ContentSource {
 public:
  uint64_t size() const override { return kText.size(); }
  bool in_memory() const override { return true; }
  void Start(Framing framing) override { framing_ = framing; }
  State Next(std::vector<std::string_view>& out) override {
    out.push_back(kText);
    if (framing_ == Framing::kDots) out.push_back(".\r\n");
    return State::kEnd;
  }

 private:
  static constexpr std::string_view kText = "Subject: x\r\n\r\nhello\r\n";
  Framing framing_ = Framing::kRaw;
};

class Driver {
 public:
  explicit Driver(uint8_t choices)
      : session_({"me.example", Timeouts(), (choices & 1) != 0}),
        chunk_(size_t(1) << (choices >> 1 & 7)),
        room_((choices & 16) != 0 ? 9 : SIZE_MAX) {
    session_.OnConnected(now_);
  }

  void Run(std::string_view input) {
    Settle();
    while (!input.empty() && !session_.closed()) {
      const std::string_view part = input.substr(0, chunk_);
      session_.OnBytes(part, now_);
      input.remove_prefix(part.size());
      Settle();
    }
    session_.OnLost(now_);
    Settle();
    CHECK(session_.closed());
    CHECK(begun_ == done_);
    CHECK(closed_ == 1);
  }

 private:
  static ClientTimeouts Timeouts() {
    const sluice::Duration s = std::chrono::seconds(1);
    return {s, s, s, s, s, s, s, s, s};
  }

  void Settle() {
    bool begin = false;
    size_t written = 0;
    for (const std::string_view slice : session_.Output(now_)) written += slice.size();
    session_.OnWritten(written < room_ ? written : room_, now_);
    while (const auto event = session_.NextEvent()) {
      if (*event == ClientEvent::kStartTls) session_.OnTlsReady(now_);
      if (*event == ClientEvent::kTransactionDone) Count();
      if (*event == ClientEvent::kClosed) ++closed_;
      begin = *event == ClientEvent::kReady || *event == ClientEvent::kTransactionDone;
    }
    CHECK(session_.closed() || session_.deadline() > now_);
    if (!begin || !session_.ready()) return;
    if (begun_ == 3) return session_.Quit(now_);
    ++begun_;
    envelope_.sender = "a@b.example";
    envelope_.recipients = recipients_;
    session_.Begin(envelope_, text_, now_);
  }

  void Count() {
    ++done_;
    CHECK(session_.outcomes().size() == 2);
    for (const ClientOutcome& outcome : session_.outcomes()) {
      const bool delivered = outcome.fault == ClientFault::kNone && outcome.code != 0 &&
                             outcome.code < 300 && outcome.verb == ClientVerb::kContent;
      CHECK(delivered || outcome.fault != ClientFault::kNone || outcome.code >= 400);
    }
  }

  Instant now_{std::chrono::seconds(1)};
  ClientSession session_;
  Text text_;
  Transaction envelope_;
  std::vector<ClientRecipient> recipients_ = {{"x@y.example", "", 0}, {"z@y.example", "", 0}};
  const size_t chunk_;
  const size_t room_;
  int begun_ = 0;
  int done_ = 0;
  int closed_ = 0;
};

}  // namespace

FUZZ_TARGET(smtp_client_session) {
  if (input.empty()) return;
  Driver(uint8_t(input[0])).Run(input.substr(1));
}
