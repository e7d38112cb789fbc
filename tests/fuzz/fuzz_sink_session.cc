// Whatever a client sends to the sink, and however it is cut: the same replies, the same records.

#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tools/sink/sink_recorder.h"
#include "tools/sink/sink_rules.h"
#include "tools/sink/sink_session.h"

namespace sluice::tools {
namespace {

class Lines final : public MessageRecorder {
 public:
  bool Record(const ReceivedMessage& message) override {
    const std::string line = FormatCapture(message);
    CHECK(line.find('\n') == line.size() - 1);
    all += line;
    return true;
  }
  std::string all;
};

std::string Talk(const SinkPolicy& policy, std::string_view input, size_t piece) {
  SinkMemory memory;
  SinkStats stats;
  Lines lines;
  SinkSession session(policy, memory, stats, &lines, {.peer = "p", .local = "l", .connection = 1});
  session.Start({});
  for (size_t i = 0; i < input.size(); i += piece)
    session.OnBytes(input.substr(i, piece), Instant{}, WallTime{});
  return session.output() + lines.all;
}

void Use(std::string_view input) {
  SinkOptions options;
  options.capture = "kept";
  options.max_size = 2000;
  options.greylist_s = 1;
  options.greylist_match = {"@grey"};
  options.replies = {"rcpt@no:50:550 no\\nno", "dot@drop:100:drop", "mail@x:50x2:421 bye"};
  const auto policy = SinkPolicy::Make(options, true);
  CHECK(policy.has_value());
  if (input.empty()) return;
  const size_t piece = size_t(static_cast<unsigned char>(input[0])) % 16 + 1;
  input.remove_prefix(1);
  CHECK(Talk(*policy, input, input.size() + 1) == Talk(*policy, input, piece));
}

}  // namespace
}  // namespace sluice::tools

FUZZ_TARGET(sink_session) { sluice::tools::Use(input); }
