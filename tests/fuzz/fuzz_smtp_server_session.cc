// The server session: whole and octet by octet it says the same and takes the same messages; every
// reply line is well formed. The first octet picks the rules.

#include <string>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/smtp/server_driver.h"

namespace {

using namespace sluice::smtp;

ServerRules RulesBy(unsigned char bits) {
  ServerRules rules = ServerDriver::Defaults();
  rules.trusted = (bits & 1) != 0;
  rules.starttls = (bits & 2) != 0;
  rules.tls_first = (bits & 6) == 6;
  rules.refuse_bare_line_ends = (bits & 8) != 0;
  rules.role = (bits & 16) != 0 ? ServerRole::kInbound : ServerRole::kSubmission;
  rules.size_max = (bits & 32) != 0 ? 100 : 100'000;
  rules.recipients_max = 3;
  rules.errors_max = 10;
  rules.external = rules.external_offered = (bits & 128) != 0;
  return rules;
}

void CheckReplies(std::string_view said) {
  while (!said.empty()) {
    const size_t end = said.find("\r\n");
    CHECK(end != std::string_view::npos);
    CHECK(end >= 4);
    CHECK(end + 2 <= kAnswerLineMax);
    CHECK(sluice::IsDigit(said[0]) && sluice::IsDigit(said[1]) && sluice::IsDigit(said[2]));
    CHECK(said[3] == ' ' || said[3] == '-');
    said.remove_prefix(end + 2);
  }
}

}  // namespace

FUZZ_TARGET(smtp_server_session) {
  if (input.empty()) return;
  const ServerRules rules = RulesBy(static_cast<unsigned char>(input[0]));
  const bool tls = (input[0] & 64) != 0;
  input.remove_prefix(1);
  ServerDriver whole(rules);
  ServerDriver octets(rules);
  if (tls) {
    whole.session.TlsStarted();
    octets.session.TlsStarted();
  }
  const std::string said = whole.Say(input);
  CheckReplies(said);
  // What comes with STARTTLS in one piece is dropped, so that the pieces matter: only then.
  if (tls || !rules.starttls) {
    CHECK(octets.Say(input, 1) == said);
    CHECK(octets.messages == whole.messages);
  }
}
