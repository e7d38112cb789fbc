#include "dns/dmarc_record.h"

#include <libpsl.h>

#include <algorithm>

#include "dns/tag_list.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

std::optional<DmarcPolicy> PolicyOf(std::string_view text) {
  for (const DmarcPolicy policy :
       {DmarcPolicy::kNone, DmarcPolicy::kQuarantine, DmarcPolicy::kReject})
    if (EqualsNoCase(text, PolicyText(policy))) return policy;
  return std::nullopt;
}

Result<bool> StrictOf(const std::vector<Tag>& tags, std::string_view name) {
  const Tag* tag = FindTag(tags, name);
  if (tag == nullptr || EqualsNoCase(tag->value, "r")) return false;
  if (EqualsNoCase(tag->value, "s")) return true;
  return Fail(ErrorCode::kInvalid, "\"" + std::string(name) + "=\" must be r or s");
}

Result<int> PercentOf(const std::vector<Tag>& tags) {
  const Tag* tag = FindTag(tags, "pct");
  if (tag == nullptr) return 100;
  const bool number =
      !tag->value.empty() && tag->value.size() <= 3 && std::ranges::all_of(tag->value, IsDigit);
  const int percent = number ? std::stoi(std::string(tag->value)) : 101;
  if (percent > 100) return Fail(ErrorCode::kInvalid, "\"pct=\" must be 0 to 100");
  return percent;
}

}  // namespace

std::string_view PolicyText(DmarcPolicy policy) {
  switch (policy) {
    case DmarcPolicy::kNone:
      return "none";
    case DmarcPolicy::kQuarantine:
      return "quarantine";
    case DmarcPolicy::kReject:
      return "reject";
  }
  std::unreachable();
}

bool LooksLikeDmarc(std::string_view text) {
  const std::string_view first = Trim(text.substr(0, text.find(';')));
  const size_t equals = first.find('=');
  return equals != std::string_view::npos && EqualsNoCase(Trim(first.substr(0, equals)), "v") &&
         StartsWithNoCase(Trim(first.substr(equals + 1)), "DMARC");
}

Result<DmarcRecord> ParseDmarcRecord(std::string_view text) {
  const auto tags = ParseTagList(text);
  if (!tags) return std::unexpected(tags.error());
  // The first octets decide: tag lists elsewhere may begin with an empty item, this one may not.
  if (!LooksLikeDmarc(text) || tags->empty() || tags->front().name != "v" ||
      tags->front().value != "DMARC1")
    return Fail(ErrorCode::kInvalid, "it must begin with \"v=DMARC1;\"");
  DmarcRecord record;
  const Tag* policy = FindTag(*tags, "p");
  if (policy == nullptr)
    return Fail(ErrorCode::kInvalid, "\"p=\" is missing: add \"p=none\" behind \"v=DMARC1;\"");
  const auto read = PolicyOf(policy->value);
  if (!read) return Fail(ErrorCode::kInvalid, "\"p=\" must be none, quarantine or reject");
  record.policy = *read;
  if (const Tag* sub = FindTag(*tags, "sp")) {
    record.subdomains = PolicyOf(sub->value);
    if (!record.subdomains)
      return Fail(ErrorCode::kInvalid, "\"sp=\" must be none, quarantine or reject");
  }
  const auto dkim = StrictOf(*tags, "adkim");
  if (!dkim) return std::unexpected(dkim.error());
  const auto spf = StrictOf(*tags, "aspf");
  if (!spf) return std::unexpected(spf.error());
  const auto percent = PercentOf(*tags);
  if (!percent) return std::unexpected(percent.error());
  record.strict_dkim = *dkim;
  record.strict_spf = *spf;
  record.percent = *percent;
  if (const Tag* reports = FindTag(*tags, "rua"))
    for (const std::string_view uri : SplitTagValue(reports->value, ','))
      record.reports.emplace_back(uri);
  return record;
}

std::string OrganisationalDomain(std::string_view name) {
  const std::string folded = Lower(name);
  const char* found = psl_registrable_domain(psl_builtin(), folded.c_str());
  return found == nullptr ? folded : std::string(found);
}

bool IsAligned(std::string_view name, std::string_view from_domain, bool strict) {
  if (EqualsNoCase(name, from_domain)) return true;
  return !strict && OrganisationalDomain(name) == OrganisationalDomain(from_domain);
}

std::optional<DmarcFound> FindDmarc(Facts& facts, std::string_view domain) {
  DmarcFound out;
  std::vector<std::string> places = {Lower(domain)};
  const std::string parent = OrganisationalDomain(domain);
  if (parent != places.front()) places.push_back(parent);
  for (const std::string& place : places) {
    out.name = "_dmarc." + place;
    const Fact* fact = facts.Find(out.name, RecordType::kTxt);
    if (fact == nullptr) return std::nullopt;
    if (fact->failed()) {
      out.kind = DmarcFound::Kind::kUnknown;
      out.detail = fact->detail;
      return out;
    }
    std::vector<const Record*> claims;
    for (const Record& record : fact->records)
      if (LooksLikeDmarc(record.data)) claims.push_back(&record);
    if (claims.empty()) continue;
    out.text = claims.front()->data;
    if (claims.size() > 1) {
      out.kind = DmarcFound::Kind::kSeveral;
      out.detail = std::to_string(claims.size()) + " records";
      return out;
    }
    auto record = ParseDmarcRecord(out.text);
    out.kind = record ? DmarcFound::Kind::kFound : DmarcFound::Kind::kFaulty;
    if (record) out.record = *std::move(record);
    if (!record) out.detail = record.error().what;
    return out;
  }
  out.name = "_dmarc." + places.front();
  return out;
}

}  // namespace sluice::dns
