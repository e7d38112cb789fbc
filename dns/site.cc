// dns/site.cc — the folded name of an MX set: what operators read in logs, rules and `explain`.
//
// PURPOSE   One name for one set of hosts, readable, and different for different sets: who shares a
//           name shares connections and limits, so a name must be an exact writing of the set.
// FORM      Hosts are grouped by their last two labels, groups joined by "+". What a whole group
//           ends with is written once, after the rest: "head." + suffix, "(a|b)." + suffix, or
//           "(a.)?" + suffix when the suffix is a host itself. Rests that differ in one number only
//           are folded to "[1-4]" or "[01,03-05]". Names hold none of "()|?[],+~", so every name
//           reads back to one set. A name over kSiteNameMax keeps its beginning and ends in "~"
//           and a hash.
// NOT HERE  Providers (many sites under one roof): they match MX suffixes in shaping.toml. A host
//           per tenant (example-com.mail.protection.outlook.com) stays the site it is.

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dns/route.h"
#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

using Names = std::vector<std::string>;

// Numbers longer than this are serials, not counters: they stay text.
constexpr size_t kDigitsMax = 6;

size_t LabelStart(std::string_view name, int labels_from_end) {
  size_t at = name.size();
  for (int i = 0; i < labels_from_end; ++i) {
    if (at == 0) return 0;
    const size_t dot = name.rfind('.', at - 1);
    if (dot == std::string_view::npos) return 0;
    at = dot;
  }
  return at + 1;
}

// The longest ending in whole labels that all of them have. `names` is not empty.
std::string CommonSuffix(const Names& names) {
  std::string_view suffix = names[0];
  for (const std::string& name : names) {
    while (true) {
      const bool whole = name == suffix;
      const bool below = name.size() > suffix.size() && name.ends_with(suffix) &&
                         name[name.size() - suffix.size() - 1] == '.';
      if (whole || below || suffix.empty()) break;
      const size_t dot = suffix.find('.');
      suffix = dot == std::string_view::npos ? std::string_view() : suffix.substr(dot + 1);
    }
  }
  return std::string(suffix);
}

// A head cut around its last number: "alt1." -> {"alt", "1", "."}.
struct Cut {
  std::string before, digits, after;
};

Cut CutNumber(const std::string& head) {
  size_t end = head.size();
  while (end > 0 && !IsDigit(head[end - 1])) --end;
  size_t begin = end;
  while (begin > 0 && IsDigit(head[begin - 1])) --begin;
  if (end - begin > kDigitsMax) return {head, "", ""};
  return {head.substr(0, begin), head.substr(begin, end - begin), head.substr(end)};
}

uint32_t NumberOf(const std::string& digits) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  CHECK(error == std::errc());
  return value;
}

bool IsPadded(const std::string& digits) { return digits.size() > 1 && digits[0] == '0'; }

// May `next` follow `last` within one range? Padded numbers keep their width; others have none.
bool Continues(const std::string& last, const std::string& next) {
  if (NumberOf(next) != NumberOf(last) + 1) return false;
  return last.size() == next.size() || (!IsPadded(last) && !IsPadded(next));
}

// {"1","2","3","7"} -> "[1-3,7]"; a single number stays itself.
std::string WriteNumbers(Names numbers) {
  std::sort(numbers.begin(), numbers.end(), [](const std::string& a, const std::string& b) {
    const uint32_t x = NumberOf(a);
    const uint32_t y = NumberOf(b);
    return x != y ? x < y : a.size() < b.size();
  });
  if (numbers.size() == 1) return numbers[0];
  std::string out = "[";
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() && Continues(numbers[last], numbers[last + 1])) ++last;
    if (i > 0) out.push_back(',');
    out.append(numbers[i]);
    if (last > i) out.append("-").append(numbers[last]);
    i = last + 1;
  }
  return out + "]";
}

// Heads ("alt1.", "alt2.", "backup.") -> {"alt[1-2].", "backup."}, sorted.
Names FoldHeads(const Names& heads) {
  std::map<std::pair<std::string, std::string>, Names> numbered;
  Names out;
  for (const std::string& head : heads) {
    Cut cut = CutNumber(head);
    if (cut.digits.empty()) {
      out.push_back(head);
    } else {
      numbered[{cut.before, cut.after}].push_back(cut.digits);
    }
  }
  for (auto& [around, numbers] : numbered)
    out.push_back(around.first + WriteNumbers(std::move(numbers)) + around.second);
  std::sort(out.begin(), out.end());
  return out;
}

std::string Joined(const Names& parts) {
  std::string out;
  for (const std::string& part : parts) out.append(out.empty() ? "" : "|").append(part);
  return out;
}

std::string WriteHeads(const Names& heads) {
  const Names folded = FoldHeads(heads);
  return folded.size() == 1 ? folded[0] : "(" + Joined(folded) + ")";
}

std::string WriteGroup(const Names& names) {
  std::string suffix = CommonSuffix(names);
  Names heads;
  bool is_host_itself = false;
  for (const std::string& name : names) {
    if (name == suffix) {
      is_host_itself = true;
    } else {
      heads.push_back(name.substr(0, name.size() - suffix.size() - 1));
    }
  }
  if (heads.empty()) return suffix;
  if (!is_host_itself) return WriteHeads(heads) + "." + suffix;
  for (std::string& head : heads) head.push_back('.');
  return "(" + Joined(FoldHeads(heads)) + ")?" + suffix;
}

// Cuts what is too long; the hash keeps different sets different.
std::string Bounded(std::string name) {
  if (name.size() <= kSiteNameMax) return name;
  const XXH128_hash_t hash = XXH3_128bits(name.data(), name.size());
  std::array<char, 40> tail;
  const int n = std::snprintf(tail.data(), tail.size(), "~%016llx%08llx",
                              static_cast<unsigned long long>(hash.high64),
                              static_cast<unsigned long long>(hash.low64 & 0xffffffffu));
  CHECK(n > 0);
  name.resize(kSiteNameMax - size_t(n));
  return name.append(tail.data(), size_t(n));
}

}  // namespace

std::string SiteName(const std::vector<MxHost>& hosts) {
  // By port first: a route may name the same host twice. Then by the last two labels; an address
  // has no suffix that means anything and is a group of its own.
  std::map<std::pair<uint16_t, std::string>, Names> groups;
  for (const MxHost& host : hosts) {
    std::string name = Lower(host.name);
    const bool is_address = IpAddress::Parse(name).has_value();
    const std::string key = is_address ? name : name.substr(LabelStart(name, 2));
    groups[{host.port, key}].push_back(std::move(name));
  }
  std::string out;
  for (auto& [key, names] : groups) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (!out.empty()) out.push_back('+');
    out.append(WriteGroup(names));
    if (key.first != kSmtpPort) out.append(":").append(std::to_string(key.first));
  }
  return Bounded(std::move(out));
}

}  // namespace sluice::dns
