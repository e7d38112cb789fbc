#include "config/reply_rules.h"

#include <algorithm>

#include "engine/base/text.h"

namespace sluice::config {
namespace {

constexpr char kShipped[] =
#include <replies.inc>  // made of replies.toml by CMakeLists.txt
    ;

bool Below(std::string_view host, std::string_view suffix) {
  if (!host.ends_with(suffix)) return false;
  return host.size() == suffix.size() || host[host.size() - suffix.size() - 1] == '.';
}

// Is the detail of `code` within those of `wanted`, "4.7.850-899"?
bool InRange(std::string_view code, std::string_view wanted, size_t dash) {
  const size_t dot = wanted.rfind('.');
  if (!code.starts_with(wanted.substr(0, dot + 1))) return false;
  const auto number = [](std::string_view digits) {
    uint32_t out = 0;
    for (const char c : digits) {
      if (!IsDigit(c)) return UINT32_MAX;
      out = out * 10 + uint32_t(c - '0');
    }
    return out;
  };
  const uint32_t detail = number(code.substr(dot + 1));
  return number(wanted.substr(dot + 1, dash - dot - 1)) <= detail &&
         detail <= number(wanted.substr(dash + 1));
}

}  // namespace

bool ReplyRule::HasCode(uint16_t code) const {
  if (codes.empty()) return true;
  return std::ranges::any_of(
      codes, [code](const CodeRange& range) { return range.low <= code && code <= range.high; });
}

bool ReplyRule::HasEnhanced(std::string_view code) const {
  if (enhanced.empty()) return true;
  return std::ranges::any_of(enhanced, [code](const std::string& wanted) {
    if (wanted.ends_with('.')) return code.starts_with(wanted);
    const size_t dash = wanted.find('-');
    return dash == std::string::npos ? code == wanted : InRange(code, wanted, dash);
  });
}

std::string_view ReplyRuleSet::ProviderOf(std::string_view host) const {
  std::string_view best;
  size_t length = 0;
  for (const ReplyLayer& layer : layers)
    for (const ReplyProvider& provider : layer.providers)
      for (const std::string& suffix : provider.mx)
        if (suffix.size() > length && Below(host, suffix)) {
          best = provider.name;
          length = suffix.size();
        }
  return best;
}

std::vector<std::string_view> ReplyRuleSet::ProviderNames() const {
  std::vector<std::string_view> names;
  for (const ReplyLayer& layer : layers)
    for (const ReplyProvider& provider : layer.providers) names.push_back(provider.name);
  return names;
}

bool ReplyRuleSet::HasProvider(std::string_view name) const {
  return std::ranges::any_of(layers, [name](const ReplyLayer& layer) {
    return std::ranges::find(layer.providers, name, &ReplyProvider::name) != layer.providers.end();
  });
}

std::string_view ShippedReplies() { return {kShipped, sizeof(kShipped) - 1}; }

}  // namespace sluice::config
