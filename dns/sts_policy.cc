#include "dns/sts_policy.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "dns/domain.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

constexpr std::string_view kVersion = "STSv1";
constexpr size_t kIdCharsMax = 32;
constexpr size_t kAgeDigitsMax = 10;
constexpr std::string_view kWildcard = "*.";

std::string_view Trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::unexpected<Error> Bad(size_t line, std::string what) {
  const std::string where = line == 0 ? "policy: " : "policy line " + std::to_string(line) + ": ";
  return Fail(ErrorCode::kInvalid, where + std::move(what));
}

// Takes lines one by one. Of a field that comes twice the first counts, but for mx (3.2).
class PolicyReader {
 public:
  Status Line(size_t number, std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Bad(number, "no \"name: value\"");
    const std::string_view name = Trimmed(line.substr(0, colon));
    const std::string_view value = Trimmed(line.substr(colon + 1));
    if (name == "mx") return Mx(number, value);
    if (name == "version") return Once(has_version_, [&] { return Version(number, value); });
    if (name == "mode") return Once(has_mode_, [&] { return Mode(number, value); });
    if (name == "max_age") return Once(has_age_, [&] { return MaxAge(number, value); });
    return {};  // an extension
  }

  Result<StsPolicy> Finish() {
    if (!has_version_) return Bad(0, "\"version\" is missing");
    if (!has_mode_) return Bad(0, "\"mode\" is missing");
    if (!has_age_) return Bad(0, "\"max_age\" is missing");
    if (policy_.mode != StsMode::kNone && policy_.mx.empty()) return Bad(0, "no \"mx\"");
    return std::move(policy_);
  }

 private:
  template <typename F>
  static Status Once(bool& seen, F&& read) {
    if (std::exchange(seen, true)) return {};
    return read();
  }

  static Status Version(size_t number, std::string_view value) {
    if (value != kVersion) return Bad(number, "version is not STSv1");
    return {};
  }

  Status Mode(size_t number, std::string_view value) {
    for (const StsMode mode : {StsMode::kNone, StsMode::kTesting, StsMode::kEnforce}) {
      if (value != NameOf(mode)) continue;
      policy_.mode = mode;
      return {};
    }
    return Bad(number, "mode is none of enforce, testing, none");
  }

  Status MaxAge(size_t number, std::string_view value) {
    uint64_t seconds = 0;
    const char* const end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, seconds);
    if (value.empty() || value.size() > kAgeDigitsMax || at != end || error != std::errc())
      return Bad(number, "max_age is no number of seconds");
    policy_.max_age = uint32_t(std::min<uint64_t>(seconds, kStsMaxAgeSeconds));
    return {};
  }

  Status Mx(size_t number, std::string_view value) {
    if (policy_.mx.size() == kStsPatternsMax) return Bad(number, "too many mx");
    std::string pattern = Lower(value);
    if (!pattern.empty() && pattern.back() == '.') pattern.pop_back();
    std::string_view host = pattern;
    if (host.starts_with(kWildcard)) host.remove_prefix(kWildcard.size());
    if (!IsHostName(host)) return Bad(number, "mx is neither a host name nor *.domain");
    policy_.mx.push_back(std::move(pattern));
    return {};
  }

  StsPolicy policy_;
  bool has_version_ = false;
  bool has_mode_ = false;
  bool has_age_ = false;
};

}  // namespace

Result<StsPolicy> ParseStsPolicy(std::string_view text) {
  if (text.size() > kStsPolicyBytesMax) return Bad(0, "longer than 64 KiB");
  PolicyReader reader;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (Trimmed(line).empty()) continue;
    if (Status status = reader.Line(number, line); !status) return std::unexpected(status.error());
  }
  return reader.Finish();
}

std::optional<std::string> StsId(std::span<const std::string> txt) {
  constexpr std::string_view kBegin = "v=STSv1;";
  const std::string* found = nullptr;
  for (const std::string& record : txt) {
    if (!record.starts_with(kBegin)) continue;
    if (found != nullptr) return std::nullopt;
    found = &record;
  }
  if (found == nullptr) return std::nullopt;
  std::string_view rest = std::string_view(*found).substr(kBegin.size());
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view field = Trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!field.starts_with("id=")) continue;
    const std::string_view id = field.substr(3);
    const bool good = !id.empty() && id.size() <= kIdCharsMax &&
                      std::ranges::all_of(id, [](char c) { return IsAlpha(c) || IsDigit(c); });
    return good ? std::optional(std::string(id)) : std::nullopt;
  }
  return std::nullopt;
}

bool MatchesMx(const StsPolicy& policy, std::string_view host) {
  return std::ranges::any_of(policy.mx, [host](const std::string& pattern) {
    if (!pattern.starts_with(kWildcard)) return pattern == host;
    const size_t dot = host.find('.');
    return dot != 0 && dot != std::string_view::npos &&
           host.substr(dot) == std::string_view(pattern).substr(1);
  });
}

std::string_view NameOf(StsMode mode) {
  switch (mode) {
    case StsMode::kNone:
      return "none";
    case StsMode::kTesting:
      return "testing";
    case StsMode::kEnforce:
      return "enforce";
  }
  return "";
}

}  // namespace sluice::dns
