// Records to publish. What was found: domain_findings_view.cc.

#include "tools/commands/domain_views.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "dns/dmarc_record.h"
#include "dns/message.h"
#include "tools/commands/table.h"

namespace sluice::tools {
namespace {

using engine::PlannedRecord;
using engine::Role;
using Json = nlohmann::json;

constexpr size_t kStringMax = 255;

// The records that one party publishes.
struct Group {
  std::string zone;  // empty: reverse names
  std::vector<PlannedRecord> records;
};

std::vector<Group> Groups(const engine::DomainPlan& domain, const engine::HostPlan& host) {
  std::vector<Group> groups;
  for (PlannedRecord& record : engine::AllRecords(domain, host)) {
    const std::string zone =
        record.role == Role::kReverse ? "" : dns::OrganisationalDomain(record.name);
    auto found = std::ranges::find(groups, zone, &Group::zone);
    if (found == groups.end()) found = groups.insert(groups.end(), Group{zone, {}});
    found->records.push_back(std::move(record));
  }
  // The domain's own zone is first by the order of records; reverse names come last.
  const auto reverse = std::ranges::find(groups, "", &Group::zone);
  if (reverse != groups.end()) std::rotate(reverse, reverse + 1, groups.end());
  return groups;
}

std::string ValueText(const PlannedRecord& record) {
  if (record.type != dns::RecordType::kMx) return record.value;
  return std::to_string(record.preference) + " " + record.value;
}

// "s1._domainkey" in the zone example.com; the zone itself is "@".
std::string Relative(const std::string& name, const std::string& zone) {
  if (name == zone) return "@";
  return name.ends_with("." + zone) ? name.substr(0, name.size() - zone.size() - 1) : name;
}

bool IsSpf(const PlannedRecord& record) {
  return record.role == Role::kSpf || record.role == Role::kReturnSpf ||
         record.role == Role::kEhloSpf;
}

const char* const kOneSpf =
    "a name may have one SPF record: where there is one already, put the ip4: and ip6: terms into "
    "it, before its \"all\"";
const char* const kDmarcThere = "where there is a DMARC record already, leave it";
const char* const kReverseBy =
    "reverse names, set by the owner of the address (the hosting provider)";

// What is good to know beyond the records.
std::vector<std::string> Notes(const engine::HostPlan& host) {
  std::vector<std::string> notes;
  for (const engine::UsedSource& source : host.sources) {
    if (!source.address)
      notes.push_back("the address of source " + source.name +
                      " is not known: set public_address in its [[source]], or its records are "
                      "missing here");
    else if (source.hidden)
      notes.push_back(source.address->ToString() + " of source " + source.name +
                      " is no public address: set public_address in its [[source]] to what "
                      "receivers see, then print the records again");
    else if (source.guessed)
      notes.push_back("source " + source.name +
                      " has no address in the configuration: " + source.address->ToString() +
                      " of this machine was taken. If receivers see another, set public_address in "
                      "a [[source]]");
  }
  return notes;
}

std::string Title(const engine::DomainPlan& domain) {
  return domain.domain + " (tenant " + domain.tenant + ")";
}

}  // namespace

std::string RecordsTable(const engine::DomainPlan& domain, const engine::HostPlan& host) {
  std::string out = "Records for " + Title(domain) + "\n";
  for (const Group& group : Groups(domain, host)) {
    out += group.zone.empty() ? "\nReverse names, set by the owner of the addresses (the hosting "
                                "provider):\n\n"
                              : "\nIn the zone " + group.zone + ":\n\n";
    Table table({{"FOR"}, {"TYPE"}, {"NAME"}, {"VALUE"}});
    for (const PlannedRecord& record : group.records)
      table.AddRow({std::string(engine::RoleText(record.role)), dns::TypeText(record.type),
                    record.name, ValueText(record)});
    out += table.ToString();
  }
  out += "\nSPF: " + std::string(kOneSpf) + ".\nDMARC: " + kDmarcThere + ".\n";
  for (const std::string& note : Notes(host)) out += "Note: " + note + ".\n";
  return out + "As a zone file: --zone. Step by step for a web form: --steps.\n";
}

std::string ZoneStrings(std::string_view value) {
  std::string out;
  do {
    const std::string_view piece = value.substr(0, kStringMax);
    value.remove_prefix(piece.size());
    out += out.empty() ? "\"" : " \"";
    for (const char c : piece) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  } while (!value.empty());
  return out;
}

std::string RecordsZone(const engine::DomainPlan& domain, const engine::HostPlan& host) {
  std::string out =
      "; Records for " + Title(domain) + ". Long TXT values are several strings of one record.\n";
  for (const std::string& note : Notes(host)) out += "; note: " + note + "\n";
  for (const Group& group : Groups(domain, host)) {
    out += "\n; ---- " + (group.zone.empty() ? kReverseBy : "zone " + group.zone) + "\n";
    for (const PlannedRecord& record : group.records) {
      out += "; " + std::string(engine::RoleText(record.role)) + ": " + record.purpose + "\n";
      if (IsSpf(record)) out += "; (" + std::string(kOneSpf) + ")\n";
      if (record.role == Role::kDmarc) out += "; (" + std::string(kDmarcThere) + ")\n";
      out += record.name + ". " + std::to_string(kRecordTtl) + " IN " + dns::TypeText(record.type) +
             " ";
      if (record.type == dns::RecordType::kTxt)
        out += ZoneStrings(record.value);
      else if (record.type == dns::RecordType::kMx || record.type == dns::RecordType::kPtr)
        out += ValueText(record) + ".";
      else
        out += record.value;
      out += "\n";
    }
  }
  return out;
}

std::string RecordsSteps(const engine::DomainPlan& domain, const engine::HostPlan& host) {
  std::string out = "What to do for " + Title(domain) + "\n";
  size_t step = 0;
  for (const Group& group : Groups(domain, host)) {
    out += group.zone.empty()
               ? "\nAt the owner of the addresses (the hosting provider: in its control panel, "
                 "\"reverse DNS\", or by a ticket)\n"
               : "\nAt the DNS provider of " + group.zone +
                     ": open its DNS settings and add each of these records\n";
    for (const PlannedRecord& record : group.records) {
      const std::string number = std::to_string(++step) + ". ";
      out += "\n" + number + std::string(engine::RoleText(record.role)) + ": " + record.purpose +
             ".\n";
      if (group.zone.empty()) {
        std::string address = "the address";
        for (const engine::UsedSource& source : host.sources)
          if (source.address && source.ehlo == record.value &&
              engine::SpfMechanismOf(source).ends_with(source.address->ToString()))
            address = source.address->ToString();
        out += "   Address       " + address + "\n   Reverse name  " + record.value + "\n";
        continue;
      }
      const std::string name = Relative(record.name, group.zone);
      out +=
          "   Type      " + dns::TypeText(record.type) + "\n   Name      " + name +
          (name == record.name ? ""
                               : "    (where the form wants the whole name: " + record.name + ")") +
          "\n";
      if (record.type == dns::RecordType::kMx)
        out += "   Priority  " + std::to_string(record.preference) + "\n";
      out += "   Value     " + record.value + "\n";
      if (record.value.size() > kStringMax)
        out +=
            "   Paste the value in one piece, without line breaks. Where the form refuses more "
            "than 255 characters,\n   paste this instead: " +
            ZoneStrings(record.value) + "\n";
      if (IsSpf(record)) out += "   Mind: " + std::string(kOneSpf) + ".\n";
      if (record.role == Role::kDmarc) out += "   Mind: " + std::string(kDmarcThere) + ".\n";
    }
  }
  out += "\nThen wait some minutes and run: sluice domain check " + domain.domain + "\n";
  for (const std::string& note : Notes(host)) out += "Note: " + note + ".\n";
  return out;
}

std::string RecordsJson(const engine::DomainPlan& domain, const engine::HostPlan& host) {
  Json records = Json::array();
  for (const Group& group : Groups(domain, host))
    for (const PlannedRecord& record : group.records) {
      Json item = {{"role", engine::RoleId(record.role)},
                   {"name", record.name},
                   {"type", dns::TypeText(record.type)},
                   {"ttl", kRecordTtl},
                   {"value", record.value},
                   {"purpose", record.purpose},
                   {"zone", group.zone.empty() ? Json(nullptr) : Json(group.zone)}};
      if (record.type == dns::RecordType::kMx) item["preference"] = record.preference;
      records.push_back(std::move(item));
    }
  Json keys = Json::array();
  for (const engine::PlannedKey& key : domain.keys)
    keys.push_back({{"selector", key.selector}, {"type", key.type}, {"file", key.file}});
  return Json{{"domain", domain.domain},
              {"tenant", domain.tenant},
              {"keys", std::move(keys)},
              {"records", std::move(records)},
              {"notes", Notes(host)}}
             .dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace sluice::tools
