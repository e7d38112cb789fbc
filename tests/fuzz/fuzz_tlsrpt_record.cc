// TLSRPT records: no input crashes, and what is accepted is fit for an envelope and a request.

#include <algorithm>
#include <string>
#include <vector>

#include "dns/domain.h"
#include "dns/tlsrpt_record.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(tlsrpt_record) {
  using namespace sluice;
  // Lines are the records of the name.
  std::vector<std::string> txt;
  while (!input.empty()) {
    const size_t end = std::min(input.find('\n'), input.size());
    txt.emplace_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  const std::vector<dns::TlsRptPlace> places = dns::TlsRptPlaces(txt);
  CHECK(places.size() <= dns::kTlsRptPlacesMax);
  const auto plain = [](char c) { return c > ' ' && c <= '~'; };
  for (const dns::TlsRptPlace& place : places) {
    CHECK(dns::ParseTlsRptUri(place.uri) == place);
    CHECK(std::ranges::all_of(place.mailbox + place.host + place.path, plain));
    CHECK(dns::IsHostName(place.mailbox.empty() ? place.host : DomainOf(place.mailbox)));
    CHECK(place.mailbox.empty() ? place.path.starts_with('/') && place.port != 0
                                : place.host.empty() && place.path.empty());
  }
}
