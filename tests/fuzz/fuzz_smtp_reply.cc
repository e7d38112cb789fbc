// Replies in any form: no crash, the same answer for every cut, views within bounds.

#include <string>

#include "engine/base/check.h"
#include "smtp/capabilities.h"
#include "smtp/reply.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using sluice::smtp::ReplyParser;

std::string Summary(std::string_view input, size_t step) {
  ReplyParser parser;
  std::string out;
  while (!input.empty()) {
    const std::string_view part = input.substr(0, step);
    const ReplyParser::Step taken = parser.Feed(part);
    CHECK(taken.consumed <= part.size());
    if (taken.state == ReplyParser::State::kFault) return out + "fault";
    input.remove_prefix(taken.consumed);
    if (taken.state == ReplyParser::State::kMore) {
      CHECK(taken.consumed == part.size());
      continue;
    }
    const sluice::smtp::Reply reply = parser.reply();
    CHECK(reply.code >= 200 && reply.code < 600);
    out += std::to_string(reply.code) + std::string(reply.enhanced) + std::string(reply.text);
    CHECK(sluice::smtp::CleanReplyText(reply.text, 100).size() <= 100);
    sluice::smtp::ParseCapabilities(reply.text);
  }
  return out;
}

}  // namespace

FUZZ_TARGET(smtp_reply) {
  const std::string whole = Summary(input, SIZE_MAX);
  CHECK(Summary(input, 1) == whole);
  CHECK(Summary(input, 7) == whole);
}
