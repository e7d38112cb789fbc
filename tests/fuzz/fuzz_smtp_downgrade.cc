// Any message: the conversion is 7-bit, needs no second one, and keeps a 7-bit message's size
// bounds.

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "smtp/downgrade.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(smtp_downgrade) {
  const auto converted = sluice::smtp::ConvertTo7Bit(input);
  if (!converted.has_value()) return;
  CHECK(sluice::IsAscii(*converted));
  const auto again = sluice::smtp::ConvertTo7Bit(*converted);
  CHECK(again.has_value());
  CHECK(*again == *converted);
}
