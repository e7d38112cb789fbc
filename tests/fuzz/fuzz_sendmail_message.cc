// What local programs write into `sluice sendmail`: header, address lists, completion.

#include <string>

#include "engine/base/check.h"
#include "tests/fuzz/fuzz_target.h"
#include "tools/commands/address_list.h"
#include "tools/commands/sendmail_message.h"

FUZZ_TARGET(sendmail_message) {
  using namespace sluice::tools;
  const Split split = SplitMessage(input);
  CHECK(split.header.size() + split.body.size() <= input.size());
  if (const auto found = HeaderRecipients(split.header))
    for (const std::string& address : *found) CHECK(!address.empty());
  if (const auto found = ParseAddressList(input))
    for (const std::string& address : *found) CHECK(!address.empty());

  // Complete once, complete for good; and the body stays as it was.
  const std::string done = Complete(input, {"Ann", "ann@x.test"}, "DATE");
  const Split again = SplitMessage(done);
  CHECK(again.body == split.body);
  CHECK(!FieldValues(again.header, "From").empty());
  CHECK(!FieldValues(again.header, "Date").empty());
  CHECK(Complete(done, {"Bob", "bob@x.test"}, "LATER") == done);
}
