#include "dns/dkim_record.h"

#include <algorithm>

#include "dns/tag_list.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

std::vector<std::string> Copies(const std::vector<Tag>& tags, std::string_view name) {
  std::vector<std::string> out;
  const Tag* tag = FindTag(tags, name);
  if (tag == nullptr) return out;
  for (const std::string_view part : SplitTagValue(tag->value, ':'))
    if (part != "*") out.push_back(Lower(part));
  return out;
}

}  // namespace

Result<DkimRecord> ParseDkimRecord(std::string_view text) {
  const auto tags = ParseTagList(text);
  if (!tags) return std::unexpected(tags.error());
  if (const Tag* version = FindTag(*tags, "v")) {
    if (version != &tags->front())
      return Fail(ErrorCode::kInvalid, "\"v=\" must stand first, or not at all");
    if (version->value != "DKIM1")
      return Fail(ErrorCode::kInvalid, "the version is not \"v=DKIM1\"");
  }
  DkimRecord record;
  if (const Tag* type = FindTag(*tags, "k")) record.key_type = Lower(type->value);
  const Tag* key = FindTag(*tags, "p");
  if (key == nullptr) return Fail(ErrorCode::kInvalid, "\"p=\", the key itself, is missing");
  for (const char c : key->value)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') record.public_key += c;
  std::string octets;
  if (!Base64Decode(record.public_key, octets))
    return Fail(ErrorCode::kInvalid,
                "\"p=\" is not whole base64: a part was lost or a character came in between, as "
                "when a long value is cut at 255");
  record.hashes = Copies(*tags, "h");
  record.services = Copies(*tags, "s");
  const auto flags = Copies(*tags, "t");
  record.testing = std::ranges::find(flags, "y") != flags.end();
  record.strict = std::ranges::find(flags, "s") != flags.end();
  return record;
}

}  // namespace sluice::dns
