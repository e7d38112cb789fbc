// A SOCKS5 proxy that says anything, in any rhythm: the client takes what is the proxy's and no
// more, and every way of cutting its answers comes to the same. The first octet chooses whether we
// can log in and how the rest is cut.

#include <algorithm>
#include <string>

#include "engine/base/check.h"
#include "engine/io/socks5.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using sluice::io::Socks5Client;

struct Outcome {
  size_t taken = 0;
  std::string sent;
  Socks5Client::State state = Socks5Client::State::kGoing;
  std::string trouble;
  bool operator==(const Outcome&) const = default;
};

Outcome Run(bool login, std::string_view input, size_t chunk) {
  Socks5Client client(*sluice::Endpoint::Parse("192.0.2.1:25"), login ? "user" : "",
                      login ? "password" : "");
  Outcome out;
  out.sent = client.TakeOutput();
  while (!input.empty() && client.state() == Socks5Client::State::kGoing) {
    const std::string_view part = input.substr(0, chunk);
    const size_t taken = client.OnBytes(part);
    CHECK(taken <= part.size());
    CHECK(taken == part.size() || client.state() != Socks5Client::State::kGoing);
    out.taken += taken;
    out.sent += client.TakeOutput();
    input.remove_prefix(part.size());
  }
  CHECK(out.taken <= 2 + 2 + Socks5Client::kAnswerMax);
  out.state = client.state();
  out.trouble = client.trouble();
  CHECK((out.state == Socks5Client::State::kFailed) == !out.trouble.empty());
  return out;
}

}  // namespace

FUZZ_TARGET(socks5) {
  if (input.empty()) return;
  const bool login = (input[0] & 1) != 0;
  const size_t chunk = 1 + (uint8_t(input[0]) >> 1);
  const std::string_view rest = input.substr(1);
  const Outcome whole = Run(login, rest, rest.size() + 1);
  CHECK(Run(login, rest, chunk) == whole);
  CHECK(Run(login, rest, 1) == whole);
}
