// The header scan: no input crashes; cuts lie within the header, ascending, apart, on whole lines.

#include <string>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "smtp/content_receiver.h"
#include "smtp/header_scan.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

class Collect final : public sluice::smtp::ContentSink {
 public:
  void OnContent(std::string_view piece) override { text += piece; }
  std::string text;
};

}  // namespace

FUZZ_TARGET(smtp_header_scan) {
  using namespace sluice::smtp;
  // The scan is only ever given what a receiver let through: whole lines.
  Collect sink;
  ContentReceiver receiver;
  receiver.Begin({}, &sink);
  receiver.Chunk(input);
  receiver.Finish();
  std::string_view header = sink.text;
  if (header.starts_with("\r\n")) return;
  if (const size_t end = header.find("\r\n\r\n"); end != std::string_view::npos)
    header = header.substr(0, end + 2);
  if (!header.empty() && !header.ends_with("\r\n")) return;  // a fault cut it short
  const HeaderFacts facts = ScanHeader(header);
  size_t at = 0;
  for (const HeaderCut& cut : facts.cuts) {
    CHECK(cut.length > 0);
    CHECK(cut.offset == 0 || cut.offset > at || at == 0);
    CHECK(cut.offset + cut.length <= header.size());
    CHECK(header.substr(cut.offset, cut.length).ends_with("\r\n"));
    CHECK(cut.offset == 0 || header[cut.offset - 1] == '\n');
    at = cut.offset + cut.length;
  }
  CHECK(facts.campaign.size() <= kCampaignMax);
  CHECK(sluice::IsUtf8(facts.campaign));
  CHECK((facts.fault == HeaderFault::kNone) == (facts.fault_line == 0));
}
