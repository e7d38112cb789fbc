// Goal: docs/events.md names every event and shows lines that the code makes. Runs in the top
// folder of the tree (ctest sets it).

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "engine/events/event_json.h"
#include "tests/events/sample_events.h"

namespace sluice::engine {
namespace {

std::string Page() {
  std::ifstream in("docs/events.md", std::ios::binary);
  EXPECT_TRUE(in) << "docs/events.md";
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(EventsPage, NamesEveryEventAndItsFinality) {
  const std::string page = Page();
  for (int type = int(queue::EventType::kAccepted); type <= int(queue::EventType::kOrder); ++type) {
    const auto event = queue::EventType(type);
    const std::string row = "| `" + std::string(NameOf(event)) + "` | ";
    const char* final = event >= queue::EventType::kAlert ? "–" : IsFinal(event) ? "yes" : "no";
    EXPECT_NE(page.find(row + final + " |"), std::string::npos) << row;
  }
}

TEST(EventsPage, ShowsRealLines) {
  EventJson json;
  std::string lines;
  json.Append(77, SampleAccepted(), lines);
  json.Append(78, SampleDelivered(), lines);
  json.Append(79, SampleDeferred(), lines);
  EXPECT_NE(Page().find("```json\n" + lines + "```"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
