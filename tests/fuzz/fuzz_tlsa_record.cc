// TLSA records: no rdata crashes; what is called usable can be acted on.

#include "dns/tlsa_lookup.h"
#include "engine/base/check.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(tlsa_record) {
  const auto record = sluice::dns::ParseTlsa(input);
  CHECK(record.has_value() == (input.size() >= 3));
  if (!record || !sluice::io::IsUsable(*record)) return;
  CHECK(record->usage == 2 || record->usage == 3);
  CHECK(record->selector <= 1 && record->matching <= 2);
  CHECK(!record->data.empty());
}
