// tests/smtp/server_talk.h — a script of a client, and what a ServerSession says to it.

#ifndef SLUICE_TESTS_SMTP_SERVER_TALK_H_
#define SLUICE_TESTS_SMTP_SERVER_TALK_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/smtp/server_driver.h"

namespace sluice::smtp {

// The codes of all replies, the last line of each: "250 354 250".
inline std::string Codes(std::string_view said) {
  std::string codes;
  while (!said.empty()) {
    const size_t end = said.find("\r\n");
    EXPECT_NE(end, std::string_view::npos) << said;
    EXPECT_LE(end + 2, kAnswerLineMax);
    if (said[3] == ' ') codes += (codes.empty() ? "" : " ") + std::string(said.substr(0, 3));
    said.remove_prefix(end + 2);
  }
  return codes;
}

// Feeds the script whole and octet by octet to fresh sessions; both must say the same.
inline std::string Talk(const std::string& script,
                        const ServerRules& rules = ServerDriver::Defaults(), bool tls = false) {
  ServerDriver whole(rules);
  ServerDriver pieces(rules);
  if (tls) {
    whole.session.TlsStarted();
    pieces.session.TlsStarted();
  }
  const std::string said = whole.Say(script);
  EXPECT_EQ(pieces.Say(script, 1), said) << script;
  EXPECT_EQ(pieces.messages, whole.messages) << script;
  return said;
}

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_SERVER_TALK_H_
