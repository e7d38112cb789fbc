// Paths and command lines: no input crashes; what is accepted reads the same again.

#include "engine/base/check.h"
#include "smtp/address.h"
#include "smtp/command.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(smtp_address) {
  using namespace sluice::smtp;
  for (const bool utf8 : {false, true}) {
    const PathRules rules{.utf8 = utf8, .literals = utf8};
    if (const auto path = ParsePath(input, rules)) {
      CHECK(path->consumed <= input.size());
      CHECK(utf8 || !Has8Bit(path->address));
      for (const char c : path->address) CHECK(c < 0 || (c >= 32 && c != 127));
      const std::string again = "<" + path->address + ">";
      const auto second = ParsePath(again, rules);
      CHECK(second && second->address == path->address);
      CHECK(second->consumed == again.size());
    }
  }
  const CommandLine command = ParseCommandLine(input);
  if (const auto mail = ParseMail(command.arguments, false)) CHECK(IsXtext(mail->envid));
  if (const auto rcpt = ParseRcpt(command.arguments, {.utf8 = true})) CHECK(!rcpt->address.empty());
  (void)ParseBdat(command.arguments);
}
