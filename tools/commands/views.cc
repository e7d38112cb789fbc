#include "tools/commands/views.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/commands/json_fields.h"
#include "tools/commands/suspensions.h"
#include "tools/commands/table.h"

namespace sluice::tools {
namespace {

std::string Names(const Json& list) {
  std::string out;
  if (!list.is_array()) return out;
  for (const Json& name : list) {
    if (!name.is_string()) continue;
    if (!out.empty()) out += ", ";
    out += name.get<std::string>();
  }
  return out;
}

// "12 of 40 messages: 12 not_signed, 3 no_unsubscribe".
std::string BulkNote(const Json& tenant) {
  std::string out = Count(tenant, "faulty") + " of " + Counted(tenant, "messages", "message") + ":";
  const Json& faults = Member(tenant, "faults");
  if (!faults.is_object()) return out;
  for (const auto& [name, count] : faults.items())
    if (const int64_t n = Number(faults, name); n > 0)
      out += (out.ends_with(':') ? " " : ", ") + std::to_string(n) + " " + name;
  return out;
}

}  // namespace

Result<Response> ReadResponse(std::string line) {
  const Json json = Parse(line);
  if (!json.is_object() || !Member(json, "ok").is_boolean())
    return Fail(ErrorCode::kCorrupt, "what answers on the control socket is not sluice");
  Response response;
  response.ok = Is(json, "ok");
  response.error = Text(json, "error");
  response.code = int(Number(json, "code"));
  response.json = std::move(line);
  if (!response.ok && response.error.empty()) response.error = "refused without a reason";
  return response;
}

std::string MemberJson(const std::string& json, std::string_view key) {
  return Dump(Member(Parse(json), key));
}

std::string MemberText(const std::string& json, std::string_view key) {
  return Text(Parse(json), key);
}

std::string MemberNames(const std::string& json, std::string_view key) {
  return Names(Member(Parse(json), key));
}

std::string WithoutOk(const std::string& json) {
  Json all = Parse(json);
  if (all.is_object()) all.erase("ok");
  return Dump(all);
}

bool HasMore(const std::string& json) { return Is(Parse(json), "more"); }

std::string RenderStatus(const std::string& json) {
  const Json parsed = Parse(json);
  const Json& status = Member(parsed, "status");
  const Json& queue = Member(status, "queue");
  Table table({{""}, {""}, {""}});
  const auto row = [&table](const char* name, std::string value, std::string note = "") {
    table.AddRow({name, std::move(value), std::move(note)});
  };
  const int64_t suspended = Number(status, "sites_suspended");
  row("accepting mail", Is(status, "accepting") ? "yes" : "NO",
      Is(status, "accepting") ? "" : "the queue is full or its disk failed: see the log");
  row("event log", Text(status, "events"));
  row("running for", Span(Number(status, "uptime_s")));
  row("shards", Count(status, "shards"));
  row("connections",
      Count(status, "connections_in") + " in, " + Count(status, "connections_out") + " out");
  row("waiting", Counted(queue, "recipients", "recipient"),
      "of " + Counted(queue, "messages", "message") + " in " + Counted(status, "lanes", "lane") +
          ", " + Count(status, "recipients_in_memory") + " in memory");
  row("on disk", Octets(Number(queue, "disk_bytes")),
      Octets(Number(queue, "body_bytes")) + " of bodies; " +
          Counted(queue, "outbox_rows", "event") + " to be written");
  row("sites", Count(status, "sites"),
      suspended == 0 ? "" : std::to_string(suspended) + " suspended");
  const Json& suspensions = Member(status, "suspensions");
  static constexpr size_t kShown = 10;
  for (size_t i = 0; suspensions.is_array() && i < std::min(kShown, suspensions.size()); ++i)
    row(i == 0 ? "suspended" : "", Text(suspensions[i], "key"), SuspensionNote(suspensions[i]));
  if (suspensions.is_array() && suspensions.size() > kShown)
    row("", "and more", "sluice suspensions");
  row("since the start", Counted(status, "accepted", "message") + " accepted");
  row("", Counted(status, "delivered", "recipient") + " delivered");
  row("", Counted(status, "deferred", "attempt") + " deferred");
  row("", Counted(status, "bounced", "recipient") + " bounced");
  row("", Counted(status, "expired", "recipient") + " expired");
  if (const int64_t n = Number(status, "message_faults"); n > 0)
    row("", Counted(uint64_t(n), "message") + " refused",
        "for faults of their own: see the alerts in the event log");
  if (const int64_t n = Number(status, "sender_refusals"); n > 0)
    row("", Counted(uint64_t(n), "message") + " refused",
        "for their From: see the alerts in the event log");
  if (const int64_t n = Number(status, "logins_failed"); n > 0)
    row("", Counted(uint64_t(n), "login") + " refused", "the log names who failed, and from where");
  const Json& bulk = Member(status, "bulk_rules");
  for (size_t i = 0; bulk.is_array() && i < bulk.size(); ++i)
    if (Number(bulk[i], "faulty") > 0)
      row("bulk rules", Text(bulk[i], "tenant"), BulkNote(bulk[i]));
  if (const int64_t n = Number(status, "commit_failures"); n > 0)
    row("", Counted(uint64_t(n), "commit") + " failed", "the disk is full or failing: see the log");
  if (const int64_t n = Number(status, "damaged_records"); n > 0)
    row("", Counted(uint64_t(n), "damaged record"), "set aside: see the log");
  return table.ToString();
}

std::string RenderLanes(const std::string& json) {
  const Json parsed = Parse(json);
  const Json& lanes = Member(parsed, "lanes");
  if (!lanes.is_array() || lanes.empty()) return "Nothing is waiting.\n";
  Table table({{"DOMAIN"},
               {"TENANT"},
               {"CAMPAIGN"},
               {"WAITING", Table::Align::kRight},
               {"SENDING", Table::Align::kRight},
               {"CONNECTIONS", Table::Align::kRight},
               {"NEXT TRY"},
               {"WHY IT WAITS"}});
  for (const Json& lane : lanes)
    table.AddRow({Text(lane, "domain"), Text(lane, "tenant"), Text(lane, "campaign"),
                  Count(lane, "waiting"), CountOrNone(lane, "in_flight"),
                  CountOrNone(lane, "connections"), ShortTime(Text(lane, "next_try")),
                  Text(lane, "reason")});
  return table.ToString();
}

std::string RenderExplanation(const std::string& json) {
  const Json parsed = Parse(json);
  std::string out;
  const Json& recipients = Member(parsed, "recipients");
  if (recipients.is_array() && !recipients.empty()) {
    Table table({{"MESSAGE"},
                 {"RECIPIENT"},
                 {"ATTEMPTS", Table::Align::kRight},
                 {"NEXT TRY"},
                 {"WHY IT WAITS"},
                 {"LAST REPLY"}});
    for (const Json& recipient : recipients)
      table.AddRow({Text(recipient, "message"), Text(recipient, "recipient"),
                    Count(recipient, "attempts"), ShortTime(Text(recipient, "next_try")),
                    Text(recipient, "reason"), Text(recipient, "last_reply")});
    out = table.ToString();
  }
  const Json& lanes = Member(parsed, "lanes");
  if (!lanes.is_array() || lanes.empty()) return out.empty() ? "Nothing is waiting.\n" : out;
  for (const Json& lane : lanes) {
    Table table({{""}, {""}});
    const auto row = [&table](const char* name, std::string value) {
      if (!value.empty()) table.AddRow({name, std::move(value)});
    };
    row("domain", Text(lane, "domain"));
    row("tenant", Text(lane, "tenant"));
    row("campaign", Text(lane, "campaign"));
    row("goes to", Text(lane, "site"));
    row("waiting", Count(lane, "waiting"));
    row("sending now", CountOrNone(lane, "in_flight"));
    row("connections", CountOrNone(lane, "connections"));
    row("why it waits", Text(lane, "reason"));
    row("until", ShortTime(Text(lane, "until")));
    row("next try", ShortTime(Text(lane, "next_try")));
    if (!out.empty()) out += "\n";
    out += table.ToString();
  }
  return out;
}

std::string RenderCaptured(const std::string& json) {
  const Json parsed = Parse(json);
  const Json& messages = Member(parsed, "messages");
  if (!messages.is_array() || messages.empty()) return "No captured messages.\n";
  Table table({{"ID"},
               {"TIME"},
               {"USER"},
               {"TENANT"},
               {"SIZE", Table::Align::kRight},
               {"SENDER"},
               {"RECIPIENTS"}});
  for (const Json& message : messages)
    table.AddRow({Text(message, "id"), ShortTime(Text(message, "time")), Text(message, "user"),
                  Text(message, "tenant"), Octets(Number(message, "size")), Text(message, "sender"),
                  Names(Member(message, "recipients"))});
  return table.ToString();
}

std::string RenderTlsReports(const std::string& json) {
  const Json parsed = Parse(json);
  const Json& told = Member(parsed, "tls_report");
  if (!Is(told, "on"))
    return "TLS reports are off: set organization and contact in [tls_report].\n";
  Table table({{""}, {""}, {""}});
  const auto row = [&table](const char* name, std::string value, std::string note = "") {
    table.AddRow({name, std::move(value), std::move(note)});
  };
  row("counted", Counted(told, "domains", "domain"),
      Count(told, "good") + " sessions with TLS, " + Count(told, "bad") + " failures");
  row("waiting", Counted(told, "waiting", "report"));
  row("since the start", Counted(told, "sent", "report") + " sent",
      Counted(told, "unwanted", "domain") + " asked for none");
  if (const int64_t n = Number(told, "failed"); n > 0)
    row("", Counted(uint64_t(n), "report") + " given up", "see the alerts in the event log");
  if (const int64_t n = Number(told, "left_out"); n > 0)
    row("", Counted(uint64_t(n), "session") + " left out",
        "more domains in a day than are counted");
  std::string out = table.ToString();
  const Json& reports = Member(told, "reports");
  static constexpr size_t kShown = 20;
  if (!reports.is_array() || reports.empty()) return out;
  Table list({{"DOMAIN"}, {"UNTIL"}, {"NEXT TRY"}, {"GOES TO"}, {"LAST PROBLEM"}});
  for (size_t i = 0; i < std::min(kShown, reports.size()); ++i)
    list.AddRow({Text(reports[i], "domain"), ShortTime(Text(reports[i], "end")),
                 ShortTime(Text(reports[i], "due")), Names(Member(reports[i], "to")),
                 Text(reports[i], "problem")});
  return out + "\n" + list.ToString();
}

std::string ShortTime(std::string_view rfc3339) {
  std::string out(rfc3339);
  if (out.size() < 20 || out[10] != 'T' || !out.ends_with('Z')) return out;
  out.resize(19);
  out[10] = ' ';
  return out;
}

std::string Span(int64_t seconds) {
  const auto two = [](int64_t a, const char* x, int64_t b, const char* y) {
    return std::to_string(a) + x + " " + std::to_string(b) + y;
  };
  if (seconds >= 86'400) return two(seconds / 86'400, "d", seconds % 86'400 / 3'600, "h");
  if (seconds >= 3'600) return two(seconds / 3'600, "h", seconds % 3'600 / 60, "m");
  if (seconds >= 60) return two(seconds / 60, "m", seconds % 60, "s");
  return std::to_string(seconds) + "s";
}

std::string Octets(int64_t octets) {
  static constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (octets < 1024) return std::to_string(octets) + " octets";
  double value = double(octets) / 1024;
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char text[48];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace sluice::tools
