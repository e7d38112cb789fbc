#include "dns/tag_list.h"

#include <algorithm>

#include "engine/base/text.h"

namespace sluice::dns {
namespace {

constexpr size_t kTagsMax = 64;

// White space of records: also the line ends that a careless paste leaves.
std::string_view TrimAll(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool IsTagName(std::string_view name) {
  return !name.empty() && IsAlpha(name.front()) &&
         std::ranges::all_of(name, [](char c) { return IsAlpha(c) || IsDigit(c) || c == '_'; });
}

}  // namespace

Result<std::vector<Tag>> ParseTagList(std::string_view text) {
  std::vector<Tag> tags;
  while (!text.empty()) {
    const size_t end = text.find(';');
    const std::string_view item = TrimAll(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos)
      return Fail(ErrorCode::kInvalid, "\"" + std::string(item.substr(0, 40)) +
                                           "\" has no \"=\": is a semicolon too many or missing?");
    const Tag tag{TrimAll(item.substr(0, equals)), TrimAll(item.substr(equals + 1))};
    if (!IsTagName(tag.name))
      return Fail(ErrorCode::kInvalid,
                  "\"" + std::string(tag.name.substr(0, 40)) + "\" is not the name of a tag");
    if (FindTag(tags, tag.name) != nullptr)
      return Fail(ErrorCode::kInvalid, "\"" + std::string(tag.name) + "=\" is there twice");
    if (tags.size() == kTagsMax) return Fail(ErrorCode::kInvalid, "too many tags");
    tags.push_back(tag);
  }
  return tags;
}

const Tag* FindTag(const std::vector<Tag>& tags, std::string_view name) {
  const auto found = std::ranges::find(tags, name, &Tag::name);
  return found == tags.end() ? nullptr : &*found;
}

std::vector<std::string_view> SplitTagValue(std::string_view value, char separator) {
  std::vector<std::string_view> parts;
  while (!value.empty()) {
    const size_t end = value.find(separator);
    const std::string_view part = TrimAll(value.substr(0, end));
    if (!part.empty()) parts.push_back(part);
    value = end == std::string_view::npos ? std::string_view() : value.substr(end + 1);
  }
  return parts;
}

}  // namespace sluice::dns
