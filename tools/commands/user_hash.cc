#include "tools/commands/user_hash.h"

#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "engine/submission/password_hash.h"
#include "tools/commands/engine_call.h"

namespace sluice::tools {
namespace {

// A person types at a terminal: nobody else shall read along.
class SilentTerminal {
 public:
  SilentTerminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~tcflag_t{ECHO};
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    std::fputs("Password: ", stderr);
  }
  ~SilentTerminal() {
    if (!changed_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputs("\n", stderr);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  bool changed() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

// To the end; from a terminal one line. More than one octet over the limit is not needed to refuse.
std::string ReadInput() {
  const SilentTerminal terminal;
  std::string input;
  for (int c = 0; input.size() <= kPasswordMax + 2 && (c = std::getchar()) != EOF;) {
    input += char(c);
    if (terminal.changed() && c == '\n') break;
  }
  return input;
}

}  // namespace

Result<std::string> PasswordOf(std::string_view input) {
  if (input.ends_with('\n')) input.remove_suffix(input.ends_with("\r\n") ? 2 : 1);
  if (input.empty())
    return Fail(ErrorCode::kInvalid,
                "no password: give it on standard input, as in `sluice user hash < FILE`");
  if (input.size() > kPasswordMax)
    return Fail(ErrorCode::kInvalid,
                "the password is longer than " + std::to_string(kPasswordMax) + " octets");
  return std::string(input);
}

int HashUserPassword(const UserHashOptions& options) {
  std::string input = ReadInput();
  auto password = PasswordOf(input);
  OPENSSL_cleanse(input.data(), input.size());
  if (!password) {
    Complain(password.error().what);
    return 2;
  }
  const auto hash =
      options.scram ? engine::HashScramPassword(*password) : engine::HashPassword(*password);
  OPENSSL_cleanse(password->data(), password->size());
  if (!hash) {
    Complain(hash.error().what);
    return hash.error().code == ErrorCode::kInvalid ? 2 : 1;
  }
  return Print(*hash + "\n") ? 0 : 1;
}

}  // namespace sluice::tools
