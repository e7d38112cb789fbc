#include "smtp/answer.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::smtp {

void AppendAnswer(std::string& out, uint16_t code, std::string_view enhanced,
                  std::string_view text) {
  CHECK(code >= 200);
  CHECK(code <= 599);
  const size_t start = out.size();
  out += char('0' + code / 100);
  out += char('0' + code / 10 % 10);
  out += char('0' + code % 10);
  out += ' ';
  if (!enhanced.empty()) {
    out += enhanced;
    out += ' ';
  }
  const size_t room = kAnswerLineMax - 2 - (out.size() - start);
  for (const char c : text.substr(0, room)) out += c >= 32 && c != 127 ? c : '?';
  out += "\r\n";
}

Answer AsTemporary(Answer answer) {
  // The enhanced codes that stand for a message's faults; static storage, as Answer wants it.
  static constexpr std::array kTwins = {
      std::pair("5.3.4", "4.3.4"),   std::pair("5.4.6", "4.4.6"), std::pair("5.6.0", "4.6.0"),
      std::pair("5.6.11", "4.6.11"), std::pair("5.7.1", "4.7.1"),
  };
  if (answer.code < 500) return answer;
  answer.code = 451;
  for (const auto& [permanent, temporary] : kTwins) {
    if (std::strcmp(answer.enhanced, permanent) == 0) {
      answer.enhanced = temporary;
      return answer;
    }
  }
  answer.enhanced = "4.0.0";
  return answer;
}

}  // namespace sluice::smtp
