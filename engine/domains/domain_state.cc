#include "engine/domains/domain_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/log/log.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 5> kStandings = {"unchecked", "unverified", "verified",
                                                        "failing", "retired"};
constexpr size_t kFileMax = size_t(64) << 20;
constexpr int kVersion = 1;

std::optional<Standing> StandingOf(std::string_view text) {
  for (size_t i = 0; i < kStandings.size(); ++i)
    if (kStandings[i] == text) return Standing(i);
  return std::nullopt;
}

std::unexpected<Error> FailErrno(const std::string& path) {
  return Fail(ErrorCode::kIo, path + ": " + std::strerror(errno));
}

std::optional<DomainState> StateOf(const Json& json) {
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  const auto time = [&](const char* key) -> std::optional<WallTime> {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer()) return std::nullopt;
    return WallFromMicros(found->get<int64_t>());
  };
  if (!json.is_object()) return std::nullopt;
  const auto tenant = text("tenant"), standing = text("standing"), problem = text("problem");
  const auto since = time("since_us"), checked = time("checked_us");
  if (!tenant || !standing || !problem || !since || !checked) return std::nullopt;
  const auto known = StandingOf(*standing);
  if (!known) return std::nullopt;
  return DomainState{*tenant, *known, *since, *checked, *problem};
}

}  // namespace

std::string_view StandingText(Standing standing) { return kStandings[size_t(standing)]; }

DomainStates StatesFor(const config::Config& config, const DomainStates& old, WallTime now) {
  DomainStates out;
  for (const config::Domain& domain : config.domains) {
    const auto known = old.find(domain.name);
    const bool same = known != old.end() && known->second.tenant == domain.tenant;
    DomainState state =
        same ? known->second : DomainState{.tenant = domain.tenant, .since = now, .problem = {}};
    const bool was_retired = state.standing == Standing::kRetired;
    if (domain.retired != was_retired) {
      state.standing = domain.retired ? Standing::kRetired : Standing::kUnchecked;
      state.since = now;
      state.problem.clear();
    }
    out.emplace(domain.name, std::move(state));
  }
  return out;
}

std::string FormatStates(const DomainStates& states) {
  Json domains = Json::object();
  for (const auto& [name, state] : states)
    domains[name] = {{"tenant", state.tenant},
                     {"standing", StandingText(state.standing)},
                     {"since_us", MicrosOf(state.since)},
                     {"checked_us", MicrosOf(state.checked)},
                     {"problem", state.problem}};
  return Json{{"version", kVersion}, {"domains", std::move(domains)}}.dump(
             -1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

Result<DomainStates> ParseStates(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto bad = Fail(ErrorCode::kCorrupt, "is not a file of domain states");
  if (!json.is_object() || json.value("version", Json()) != Json(kVersion)) return bad;
  const auto domains = json.find("domains");
  if (domains == json.end() || !domains->is_object()) return bad;
  DomainStates out;
  for (const auto& [name, value] : domains->items()) {
    auto state = StateOf(value);
    if (!state) return bad;
    out.emplace(name, *std::move(state));
  }
  return out;
}

DomainStates ReadStates(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {};
  std::string text;
  char piece[16384];
  while (in.read(piece, sizeof piece) || in.gcount() > 0) {
    text.append(piece, size_t(in.gcount()));
    if (text.size() > kFileMax) break;
  }
  auto states = ParseStates(text);
  if (states) return *std::move(states);
  LogWarn("domains", path + " " + states.error().what + ": all domains are checked anew");
  return {};
}

Status WriteStates(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return FailErrno(fresh);
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = ::write(fd, text.data() + done, text.size() - done);
    if (put <= 0) break;
    done += size_t(put);
  }
  const bool whole = done == text.size() && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!whole || ::rename(fresh.c_str(), path.c_str()) != 0) {
    auto failed = FailErrno(path);
    ::unlink(fresh.c_str());
    return failed;
  }
  return {};
}

Ruling RuleOn(const DomainStates& states, config::DomainRules::Unverified policy,
              std::string_view from_domain, WallTime now) {
  auto found = states.find(from_domain);
  while (found == states.end()) {
    const size_t dot = from_domain.find('.');
    if (dot == std::string_view::npos) return {};
    from_domain.remove_prefix(dot + 1);
    found = states.find(from_domain);
  }
  const std::string& domain = found->first;
  const DomainState& state = found->second;
  const bool refuses = policy == config::DomainRules::Unverified::kRefuse;
  Ruling out{Ruling::Act::kAccept, domain, {}};
  switch (state.standing) {
    case Standing::kVerified:
      return out;
    case Standing::kRetired:
      return {Ruling::Act::kRefuse, domain,
              "From domain " + domain + " is retired: it sends no mail"};
    case Standing::kUnchecked:
      // A minute after the start everything has been looked at; to warn before would be wrong.
      if (!refuses) return out;
      return {Ruling::Act::kRefuse, domain,
              "From domain " + domain + " has not been checked yet, try again in a minute" +
                  (state.problem.empty() ? "" : ": " + state.problem)};
    case Standing::kFailing:
      if (now < state.since + kFailingGrace) return out;
      break;
    case Standing::kUnverified:
      break;
  }
  out.act = refuses ? Ruling::Act::kRefuse : Ruling::Act::kWarn;
  out.text = "From domain " + domain + " is not verified: " + state.problem;
  return out;
}

}  // namespace sluice::engine
