#include "config/reference.h"

#include <span>

#include "config/keys.h"
#include "config/keys_shaping.h"
#include "config/syntax.h"
#include "config/units.h"
#include "engine/base/time.h"

namespace sluice::config {
namespace {

std::string Range(const Key& key, std::string (*show)(int64_t)) {
  if (key.max == INT64_MAX) return key.min == 0 ? "" : ", at least " + show(key.min);
  return ", " + show(key.min) + " to " + show(key.max);
}

std::string TypeOf(const Key& key) {
  switch (key.kind) {
    case Kind::kText:
      return "text";
    case Kind::kName:
      return "name";
    case Kind::kDomain:
      return "domain name";
    case Kind::kDomains:
      return "list of domain names";
    case Kind::kPath:
      return "path";
    case Kind::kBoolean:
      return "`true` or `false`";
    case Kind::kCount:
      return "number" + Range(key, [](int64_t n) { return std::to_string(n); });
    case Kind::kSize:
      return "size" + Range(key, [](int64_t n) { return FormatSize(uint64_t(n)); });
    case Kind::kDuration:
      return "duration" + Range(key, [](int64_t n) { return FormatDuration(Duration(n)); });
    case Kind::kDurations:
      return "list of durations" +
             Range(key, [](int64_t n) { return FormatDuration(Duration(n)); });
    case Kind::kChoice: {
      std::string out;
      for (std::string_view choice : SplitChoices(key.choices))
        out += (out.empty() ? "`\"" : ", `\"") + std::string(choice) + "\"`";
      return out;
    }
    case Kind::kAddress:
      return "IP address";
    case Kind::kEndpoint:
      return "`ADDRESS:PORT`";
    case Kind::kEndpoints:
      return "list of `ADDRESS:PORT`";
    case Kind::kNetworks:
      return "list of networks";
    case Kind::kLocalUsers:
      return "list of user names or uids";
    case Kind::kHashes:
      return "argon2id or SCRAM string, or a list of them";
    case Kind::kFingerprints:
      return "SHA-256 fingerprint, or a list of them";
    case Kind::kCertificateNames:
      return "name, or a list of them";
    case Kind::kPattern:
      return "domain, `*.suffix` or `*`";
    case Kind::kHosts:
      return "list of `HOST:PORT`";
    case Kind::kFields:
      return "list of names of header fields";
    case Kind::kSuffixes:
      return "list of host names";
    case Kind::kRate:
      return "rate";
    case Kind::kTables:
      return "list of inline tables";
  }
  return "";
}

std::string Heading(const Section& section) {
  std::string name(section.name);
  switch (section.shape) {
    case Section::Shape::kRoot:
      return "Top of the file";
    case Section::Shape::kTable:
      return "`[" + name + "]`";
    case Section::Shape::kList:
      return "`[[" + name + "]]`";
    case Section::Shape::kInline:
      return "`" + name + "`";
  }
  return name;
}

std::string TableOf(std::span<const Key> keys) {
  std::string out = "| key | type | default | meaning |\n|---|---|---|---|\n";
  for (const Key& key : keys) {
    std::string fallback = key.required ? "required" : key.print_default(key);
    if (fallback.empty()) fallback = "–";
    out += "| `" + std::string(key.name) + "` | " + TypeOf(key) + " | " + fallback + " | " +
           std::string(key.doc) + (key.later ? " *later*" : "") +
           (key.restart ? " *restart*" : "") + " |\n";
  }
  return out;
}

}  // namespace

std::string MakeReference() {
  std::string out =
      "# Configuration\n"
      "\n"
      "<!-- Made from the table of keys in config/keys_*.h by `sluice check --reference`. Do not\n"
      "     edit: a test compares. -->\n"
      "\n"
      "`sluice.toml` is TOML. `sluice check -c FILE` reads it as `sluice run` does and tells "
      "every\n"
      "mistake with file, line, column, key and the fix. A file with `hostname`, `[queue]`,\n"
      "`[control]`, `[events]` and one `[[listener]]` is complete.\n"
      "\n"
      "- Durations are written `\"150ms\"`, `\"12s\"`, `\"5m\"`, `\"4h\"`, `\"3d\"`, `\"1h30m\"`.\n"
      "- Sizes are octets, `52428800`, or `\"50MB\"` (10⁶), `\"64MiB\"` (2²⁰).\n"
      "- Relative paths start at the folder of the file.\n"
      "- Where a list of text is wanted, a single text will do.\n"
      "- *later*: read and checked, but without effect in this version; `sluice check` says so.\n"
      "- *restart*: read at the start only. All other changes follow `sluice reload` (or SIGHUP), "
      "which\n"
      "  names what it leaves to a restart.\n";
  for (const Section& section : Sections()) {
    out += "\n## " + Heading(section) + "\n\n" + std::string(section.doc);
    if (section.later) out += " *later*";
    if (section.restart) out += " *restart*";
    out += "\n\n" + TableOf(section.keys);
  }
  return out;
}

std::string MakeShapingReference() {
  std::string out;
  for (size_t i = 0; i < kShapingTableCount; ++i) {
    const Section& section = ShapingSection(ShapingTable(i));
    out += "### " + Heading(section) + "\n\n" + std::string(section.doc) + "\n\n";
    const std::span<const Key> names = ShapingNames(ShapingTable(i));
    if (!names.empty()) out += TableOf(names) + "\n";
  }
  return out + "### Values of every table\n\n" + TableOf(ShapingKeys());
}

}  // namespace sluice::config
