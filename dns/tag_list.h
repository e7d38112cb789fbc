// dns/tag_list.h — "v=DKIM1; k=rsa; p=...": the tag lists of DKIM and DMARC records (RFC 6376 3.2).

#ifndef SLUICE_DNS_TAG_LIST_H_
#define SLUICE_DNS_TAG_LIST_H_

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace sluice::dns {

struct Tag {
  std::string_view name;
  std::string_view value;  // without white space around it
};

// Borrows from `text`. The error says what is wrong: a tag without "=", one named twice, ...
Result<std::vector<Tag>> ParseTagList(std::string_view text);
// Null when there is none.
const Tag* FindTag(const std::vector<Tag>& tags, std::string_view name);
// "a:b:c" or "a,b,c" without white space around the parts; empty parts are left out.
std::vector<std::string_view> SplitTagValue(std::string_view value, char separator);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_TAG_LIST_H_
