// Whatever a server answers to the load source: each message gets exactly one result.

#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tools/blast/blast_session.h"

namespace sluice::tools {
namespace {

void Use(std::string_view input) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  BlastManner manner;
  manner.helo = "h";
  manner.mail_from = "<f@x>";
  manner.body = manner.stuffed_body = "b\r\n";
  manner.pipelining = (how & 1) != 0;
  manner.bdat = (how & 2) != 0;
  manner.starttls = (how & 4) != 0;
  if ((how & 8) != 0) manner.auth_plain = "AHUAcA==";
  const size_t piece = size_t(how >> 4) + 1;

  BlastSession session(manner);
  int given = 0;
  int results = 0;
  const auto settle = [&] {
    while (session.wants_message() && given < 100)
      session.Give({++given, {"r@y", "s@y"}, "X: 1\r\n\r\n"});
    if (given >= 100) session.Quit();
    while (session.TakeResult()) ++results;
    if (session.wants_tls()) session.OnTlsReady();
    size_t octets = 0;
    for (const auto slice : session.Output()) octets += slice.size();
    session.Consume(octets, Instant{});
  };
  for (size_t i = 0; i < input.size() && !session.over(); i += piece) {
    session.OnBytes(input.substr(i, piece), Instant{});
    settle();
  }
  session.OnLost();
  while (session.TakeResult()) ++results;
  CHECK(results == given);
}

}  // namespace
}  // namespace sluice::tools

FUZZ_TARGET(blast_session) { sluice::tools::Use(input); }
