// What `sluice domain check` found and `sluice domain list` knows, drawn for people and programs.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/base/counted.h"
#include "tools/commands/domain_views.h"
#include "tools/commands/table.h"
#include "tools/commands/views.h"

namespace sluice::tools {
namespace {

using engine::Finding;
using engine::Findings;
using engine::Judgement;
using Json = nlohmann::json;

// What needs hands stands out.
std::string Shown(Judgement judgement) {
  switch (judgement) {
    case Judgement::kRight:
      return "ok";
    case Judgement::kMissing:
      return "MISSING";
    case Judgement::kWrong:
      return "WRONG";
    case Judgement::kCannotTell:
      return "?";
    case Judgement::kWarning:
      return "warning";
  }
  std::unreachable();
}

std::string Subject(const Finding& finding) {
  return finding.type.empty() ? finding.name : finding.type + " " + finding.name;
}

std::string FindingsTable(const Findings& findings) {
  Table table({{"RESULT"}, {"WHAT"}, {"RECORD"}, {"FOUND"}});
  for (const Finding& finding : findings)
    table.AddRow({Shown(finding.judgement), std::string(engine::RoleText(finding.role)),
                  Subject(finding), finding.what});
  return table.ToString();
}

// Numbered, each with what to copy.
void AppendAdvice(const Findings& findings, size_t& number, std::string& out) {
  for (const Finding& finding : findings) {
    if (finding.judgement == Judgement::kRight || finding.judgement == Judgement::kCannotTell)
      continue;
    out += "\n" + std::to_string(++number) + ". " + std::string(engine::RoleText(finding.role)) +
           ", " + Printable(Subject(finding)) + ": " + Printable(finding.what) + ".\n";
    if (!finding.advice.empty()) out += "   To do: " + Printable(finding.advice) + ".\n";
    if (!finding.publish.empty())
      out += "     Type   " + finding.type + "\n     Name   " + Printable(finding.name) +
             "\n     Value  " + Printable(finding.publish) + "\n";
  }
}

// What DNS did not answer is one thing to do, however many records it hides.
void AppendUnanswered(const Findings& findings, size_t& number, std::string& out) {
  std::vector<std::pair<std::string, std::string>> groups;  // advice, subjects
  for (const Finding& finding : findings) {
    if (finding.judgement != Judgement::kCannotTell) continue;
    auto group = std::ranges::find(groups, finding.advice, [](const auto& g) { return g.first; });
    if (group == groups.end()) group = groups.insert(groups.end(), {finding.advice, {}});
    group->second += "\n     " + Printable(Subject(finding)) + ": " + Printable(finding.what);
  }
  for (const auto& [advice, subjects] : groups)
    out += "\n" + std::to_string(++number) + ". It cannot be told about:" + subjects +
           "\n   To do: " + Printable(advice) + ".\n";
}

struct Tally {
  size_t looked = 0;
  size_t bad = 0;
  size_t unknown = 0;  // block lists that cannot tell
  size_t warnings = 0;
  void Add(const Findings& findings) {
    for (const Finding& finding : findings) {
      ++looked;
      if (!engine::IsGood(finding))
        ++bad;
      else if (finding.judgement == Judgement::kWarning)
        ++warnings;
      else if (finding.judgement != Judgement::kRight)
        ++unknown;
    }
  }
};

Json ToJson(const Findings& findings) {
  Json out = Json::array();
  for (const Finding& finding : findings) {
    std::string verdict(engine::JudgementText(finding.judgement));
    std::ranges::replace(verdict, ' ', '_');
    out.push_back({{"role", engine::RoleId(finding.role)},
                   {"result", verdict},
                   {"type", finding.type.empty() ? Json(nullptr) : Json(finding.type)},
                   {"name", finding.name},
                   {"found", finding.what},
                   {"advice", finding.advice},
                   {"publish", finding.publish.empty() ? Json(nullptr) : Json(finding.publish)}});
  }
  return out;
}

std::string TextOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

bool CheckReport::good() const {
  return std::ranges::all_of(
             domains,
             [](const CheckedDomain& domain) { return engine::AllGood(domain.findings); }) &&
         engine::AllGood(host);
}

std::string CheckText(const CheckReport& report) {
  std::string out;
  Tally tally;
  for (const CheckedDomain& domain : report.domains) {
    out += domain.domain + " (tenant " + domain.tenant + ")\n\n" + FindingsTable(domain.findings) +
           "\n";
    tally.Add(domain.findings);
  }
  out += "this machine (" + report.hostname + ")\n\n" + FindingsTable(report.host);
  tally.Add(report.host);
  size_t number = 0;
  for (const CheckedDomain& domain : report.domains) AppendAdvice(domain.findings, number, out);
  AppendAdvice(report.host, number, out);
  Findings all = report.host;
  for (const CheckedDomain& domain : report.domains)
    all.insert(all.end(), domain.findings.begin(), domain.findings.end());
  AppendUnanswered(all, number, out);
  out += "\n";
  if (tally.bad == 0)
    out += "All is right: " + std::to_string(tally.looked - tally.unknown - tally.warnings) +
           " checks";
  else
    out += std::to_string(tally.bad) + " of " + std::to_string(tally.looked) +
           " checks are not right: see above what to do";
  if (tally.warnings > 0) out += "; " + Counted(tally.warnings, "warning");
  if (tally.unknown > 0)
    out += "; " + std::to_string(tally.unknown) + " block list lookups could not tell";
  return out + ".\n";
}

std::string CheckJson(const CheckReport& report) {
  Json domains = Json::array();
  for (const CheckedDomain& domain : report.domains)
    domains.push_back({{"domain", domain.domain},
                       {"tenant", domain.tenant},
                       {"ok", engine::AllGood(domain.findings)},
                       {"findings", ToJson(domain.findings)}});
  return Json{{"ok", report.good()},
              {"domains", std::move(domains)},
              {"host",
               {{"hostname", report.hostname},
                {"ok", engine::AllGood(report.host)},
                {"findings", ToJson(report.host)}}}}
             .dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

std::string RenderDomains(const std::string& json) {
  const Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("domains") || !parsed["domains"].is_array())
    return "";
  Table table(
      {{"DOMAIN"}, {"TENANT"}, {"STATE"}, {"SINCE"}, {"LOOKED"}, {"NEXT"}, {"WHAT IS WRONG"}});
  for (const Json& domain : parsed["domains"]) {
    if (!domain.is_object()) continue;
    table.AddRow({TextOf(domain, "domain"), TextOf(domain, "tenant"), TextOf(domain, "state"),
                  ShortTime(TextOf(domain, "since")), ShortTime(TextOf(domain, "checked")),
                  ShortTime(TextOf(domain, "next_check")), TextOf(domain, "problem")});
  }
  return table.ToString();
}

}  // namespace sluice::tools
