// Content: fed whole, octet by octet and in two pieces the receiver finds the same; nothing but CR
// LF line ends comes out.

#include <algorithm>
#include <string>

#include "engine/base/check.h"
#include "smtp/content_receiver.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using namespace sluice::smtp;

class Collect final : public ContentSink {
 public:
  void OnContent(std::string_view piece) override { text += piece; }
  std::string text;
};

struct Outcome {
  std::string text;
  size_t taken = 0;
  ContentFacts facts;
};

Outcome Data(std::string_view input, size_t piece) {
  Collect sink;
  ContentReceiver receiver;
  receiver.Begin({.size_max = 100'000}, &sink);
  size_t at = 0;
  while (at < input.size() && !receiver.done()) {
    const std::string part(input.substr(at, piece));  // so that reading beyond it shows
    at += receiver.Data(part);
  }
  return {sink.text, at, receiver.facts()};
}

void Compare(const Outcome& a, const Outcome& b) {
  CHECK(a.taken == b.taken);
  CHECK(a.facts.fault == b.facts.fault);
  CHECK(a.facts.received == b.facts.received);
  CHECK(a.facts.lines == b.facts.lines);
  CHECK(a.facts.bare_line_ends == b.facts.bare_line_ends);
  CHECK(a.facts.eight_bit == b.facts.eight_bit);
  CHECK(a.facts.long_lines == b.facts.long_lines);
  CHECK(a.facts.dots == b.facts.dots);
  CHECK(a.facts.fault != ContentFault::kNone || a.text == b.text);
}

void OnlyWholeLineEnds(const std::string& text) {
  for (size_t i = 0; i < text.size(); ++i) {
    CHECK(text[i] != '\0');
    if (text[i] == '\n') CHECK(i > 0 && text[i - 1] == '\r');
    if (text[i] == '\r') CHECK(i + 1 < text.size() && text[i + 1] == '\n');
  }
}

}  // namespace

FUZZ_TARGET(smtp_content) {
  const Outcome whole = Data(input, input.size());
  Compare(whole, Data(input, 1));
  Compare(whole, Data(input, std::max<size_t>(1, input.size() / 3)));
  if (whole.facts.fault == ContentFault::kNone) OnlyWholeLineEnds(whole.text);

  Collect sink;
  ContentReceiver receiver;
  receiver.Begin({}, &sink);
  receiver.Chunk(std::string(input.substr(0, input.size() / 2)));
  receiver.Chunk(std::string(input.substr(input.size() / 2)));
  receiver.Finish();
  if (receiver.facts().fault == ContentFault::kNone) {
    OnlyWholeLineEnds(sink.text);
    CHECK(receiver.facts().received == input.size());
    const bool dots = sink.text.starts_with('.') || sink.text.contains("\n.");
    CHECK(receiver.facts().dots == dots);
  }
}
