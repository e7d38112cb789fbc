// smtp/answer.h — a reply that we give, as a server: code, enhanced code, text.
//
// NOT HERE  Replies that we get (reply.h). Greeting, EHLO and 354, which carry no enhanced code.

#ifndef SLUICE_SMTP_ANSWER_H_
#define SLUICE_SMTP_ANSWER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::smtp {

// RFC 5321 4.5.3.1.5, CR LF included.
inline constexpr size_t kAnswerLineMax = 512;

struct Answer {
  uint16_t code = 0;          // 0: none
  const char* enhanced = "";  // "5.1.1", static storage; empty: none
  std::string text;

  bool empty() const { return code == 0; }
  bool positive() const { return code < 400; }
};

// Appends "code enhanced text CR LF" in one line of at most kAnswerLineMax octets. Control
// characters of the text, which may quote a client, become '?'.
void AppendAnswer(std::string& out, uint16_t code, std::string_view enhanced,
                  std::string_view text);
inline void AppendAnswer(std::string& out, const Answer& answer) {
  AppendAnswer(out, answer.code, answer.enhanced, answer.text);
}

// The same fault as something to try again: 550 5.6.0 becomes 451 4.6.0 (design 12.7). Answers that
// are no 5xx stay.
Answer AsTemporary(Answer answer);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_ANSWER_H_
