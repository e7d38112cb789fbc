// Tables, and values of one type each. What a name or address may look like: syntax.cc.

#include "config/reader.h"

#include <filesystem>
#include <utility>

#include "config/syntax.h"
#include "config/units.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

using VKind = Value::Kind;

std::string_view NameOf(VKind kind) {
  switch (kind) {
    case VKind::kText:
      return "text";
    case VKind::kInteger:
      return "a whole number";
    case VKind::kReal:
      return "a number with a fraction";
    case VKind::kBoolean:
      return "true or false";
    case VKind::kTime:
      return "a date or time";
    case VKind::kList:
      return "a list";
    case VKind::kTable:
      return "a table";
  }
  std::unreachable();
}

// False, with an error, when the value is of another kind. `wanted` completes "must be ...".
bool Expect(Reader& reader, const std::string& path, const Value& value, VKind kind,
            std::string_view wanted) {
  if (value.kind == kind) return true;
  reader.Fail(value.at, path,
              "must be " + std::string(wanted) + ", not " + std::string(NameOf(value.kind)));
  return false;
}

std::string Item(const std::string& path, size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

bool InRange(const Key& key, uint64_t value) {
  return value >= uint64_t(key.min) && value <= uint64_t(key.max);
}

std::string Shown(const Key& key, int64_t value) {
  if (key.kind == Kind::kSize) return FormatSize(uint64_t(value));
  if (key.kind == Kind::kCount) return std::to_string(value);
  return FormatDuration(Duration(value));
}

void OutOfRange(Reader& reader, const Key& key, const std::string& path, const Value& value,
                const std::string& given) {
  std::string what = given + " is out of range: ";
  if (key.max == INT64_MAX)
    what += "at least " + Shown(key, key.min);
  else
    what += Shown(key, key.min) + " to " + Shown(key, key.max);
  reader.Fail(value.at, path, what);
}

// Counts and sizes.
std::optional<uint64_t> ReadNumber(Reader& reader, const Key& key, const std::string& path,
                                   const Value& value, uint64_t most) {
  std::optional<uint64_t> number;
  std::string given;
  if (key.kind == Kind::kSize && value.kind == VKind::kText) {
    number = ParseSize(value.text);
    given = Quote(value.text);
    if (!number) {
      reader.Fail(value.at, path,
                  given +
                      " is not a size: write octets or a number with KB, MB, GB, KiB, MiB or "
                      "GiB, as in \"64MiB\"");
      return std::nullopt;
    }
  } else {
    if (!Expect(reader, path, value, VKind::kInteger,
                key.kind == Kind::kSize ? "a size such as \"64MiB\" or a whole number of octets"
                                        : "a whole number"))
      return std::nullopt;
    given = std::to_string(value.integer);
    if (value.integer >= 0) number = uint64_t(value.integer);
  }
  if (number && InRange(key, *number) && *number <= most) return number;
  OutOfRange(reader, key, path, value, given);
  return std::nullopt;
}

template <typename T>
void ReadInteger(Reader& reader, const Key& key, const std::string& path, const Value& value,
                 T& out) {
  if (const auto number = ReadNumber(reader, key, path, value, T(-1))) out = T(*number);
}

std::optional<Duration> ReadDuration(Reader& reader, const Key& key, const std::string& path,
                                     const Value& value) {
  if (!Expect(reader, path, value, VKind::kText, "a duration with its unit such as \"5m\""))
    return std::nullopt;
  const std::optional<Duration> duration = ParseDuration(value.text);
  if (!duration) {
    reader.Fail(value.at, path,
                Quote(value.text) +
                    " is not a duration: write a number with ms, s, m, h or d, as in \"5m\"");
    return std::nullopt;
  }
  if (InRange(key, uint64_t(duration->count()))) return duration;
  OutOfRange(reader, key, path, value, Quote(value.text));
  return std::nullopt;
}

// Calls f(path, item) for each element of a list; a single value counts as a list of one where
// `or_one`. False, with an error, when it is neither or empty though one is needed.
template <typename F>
bool ForEachItem(Reader& reader, const Key& key, const std::string& path, const Value& value,
                 bool or_one, F&& f) {
  if (or_one && value.kind == VKind::kText) {
    f(path, value);
    return true;
  }
  if (!Expect(reader, path, value, VKind::kList, "a list")) return false;
  const bool needs_one = key.required || key.kind == Kind::kDurations || key.kind == Kind::kHosts;
  if (value.items.empty() && needs_one) reader.Fail(value.at, path, "must not be empty");
  for (size_t i = 0; i < value.items.size(); ++i) f(Item(path, i), value.items[i]);
  return true;
}

// The form in which texts of a kind are compared.
std::string Normal(Kind kind, const std::string& text) {
  if (kind == Kind::kFingerprints) return ParseFingerprint(text);
  return kind == Kind::kDomains || kind == Kind::kCertificateNames ? Lower(text) : text;
}

template <typename T>
void ReadTables(Reader& reader, const Section& section, const Key& key, const std::string& path,
                const Value& value, std::vector<T>& out) {
  ForEachItem(reader, key, path, value, false, [&](const std::string& at, const Value& item) {
    if (Expect(reader, at, item, VKind::kTable, "a table such as { name = \"...\" }"))
      reader.ReadTable(section, at, item, &out.emplace_back());
  });
}

}  // namespace

void Reader::ReadTable(const Section& section, const std::string& path, const Value& table,
                       void* out) {
  const std::string prefix = path.empty() ? "" : path + ".";
  for (const Member& member : table.members) {
    const Key* key = FindKey(section, member.name);
    if (key != nullptr) {
      key->read(*this, *key, prefix + member.name, member.value, out);
      if (key->later)
        Warn(member.at, prefix + member.name,
             "is read and checked, but has no effect in this version");
      continue;
    }
    std::vector<std::string_view> names;
    for (const Key& known : section.keys) names.push_back(known.name);
    const std::string_view near = Nearest(member.name, names);
    Fail(member.at, prefix + member.name,
         "unknown key" + (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
  }
  for (const Key& key : section.keys)
    if (key.required && table.Find(key.name) == nullptr)
      Fail(table.at, prefix + std::string(key.name), "is missing");
}

std::optional<size_t> ReadChoice(Reader& reader, const Key& key, const std::string& path,
                                 const Value& value) {
  const std::vector<std::string_view> choices = SplitChoices(key.choices);
  std::string listed;
  for (std::string_view choice : choices)
    listed += (listed.empty() ? "\"" : ", \"") + std::string(choice) + "\"";
  if (!Expect(reader, path, value, VKind::kText, "one of " + listed)) return std::nullopt;
  for (size_t i = 0; i < choices.size(); ++i)
    if (choices[i] == value.text) return i;
  const std::string_view near = Nearest(value.text, choices);
  reader.Fail(value.at, path,
              Quote(value.text) + " is not one of " + listed +
                  (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
  return std::nullopt;
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::string& out) {
  if (key.kind == Kind::kChoice) {
    if (ReadChoice(reader, key, path, value)) out = value.text;
    return;
  }
  if (!Expect(reader, path, value, VKind::kText, "text in quotes")) return;
  const std::string wrong = WhyNotText(key.kind, value.text);
  if (!wrong.empty()) {
    reader.Fail(value.at, path, wrong);
    return;
  }
  if (key.kind == Kind::kPath)
    out = (std::filesystem::path(reader.folder()) / value.text).lexically_normal().string();
  else if (key.kind == Kind::kDomain || key.kind == Kind::kPattern)
    out = Lower(value.text);
  else
    out = value.text;
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               bool& out) {
  if (key.kind == Kind::kChoice) {
    if (const auto place = ReadChoice(reader, key, path, value)) out = *place == 1;
  } else if (Expect(reader, path, value, VKind::kBoolean, "true or false")) {
    out = value.boolean;
  }
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               uint16_t& out) {
  ReadInteger(reader, key, path, value, out);
}
void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               uint32_t& out) {
  ReadInteger(reader, key, path, value, out);
}
void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               uint64_t& out) {
  ReadInteger(reader, key, path, value, out);
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               Duration& out) {
  if (const auto duration = ReadDuration(reader, key, path, value)) out = *duration;
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::optional<Duration>& out) {
  if (const auto duration = ReadDuration(reader, key, path, value)) out = duration;
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<Duration>& out) {
  std::vector<Duration> read;
  ForEachItem(reader, key, path, value, true, [&](const std::string& at, const Value& item) {
    if (const auto duration = ReadDuration(reader, key, at, item)) read.push_back(*duration);
  });
  if (!read.empty()) out = std::move(read);
}

void ReadValue(Reader& reader, const Key&, const std::string& path, const Value& value,
               std::optional<IpAddress>& out) {
  if (!Expect(reader, path, value, VKind::kText, "an IP address in quotes")) return;
  if (const auto address = IpAddress::Parse(value.text))
    out = address;
  else
    reader.Fail(value.at, path, Quote(value.text) + " is not an IP address");
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::optional<Endpoint>& out) {
  if (!Expect(reader, path, value, VKind::kText, "ADDRESS:PORT in quotes")) return;
  std::optional<Endpoint> endpoint = Endpoint::Parse(value.text);
  if (!endpoint && key.default_port != 0)
    if (const auto address = IpAddress::Parse(value.text))
      endpoint = Endpoint{*address, key.default_port};
  if (endpoint)
    out = endpoint;
  else
    reader.Fail(
        value.at, path,
        Quote(value.text) + " is not ADDRESS:PORT: write \"127.0.0.1:587\" or \"[::1]:587\"");
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<Endpoint>& out) {
  ForEachItem(reader, key, path, value, true, [&](const std::string& at, const Value& item) {
    std::optional<Endpoint> endpoint;
    ReadValue(reader, key, at, item, endpoint);
    if (endpoint) out.push_back(*endpoint);
  });
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<IpNetwork>& out) {
  ForEachItem(reader, key, path, value, true, [&](const std::string& at, const Value& item) {
    if (!Expect(reader, at, item, VKind::kText, "a network in quotes")) return;
    if (const auto network = IpNetwork::Parse(item.text))
      out.push_back(*network);
    else
      reader.Fail(item.at, at,
                  Quote(item.text) + " is not a network: write \"10.0.0.0/8\" or an address");
  });
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<std::string>& out) {
  std::vector<std::string> read;
  const bool list =
      ForEachItem(reader, key, path, value, true, [&](const std::string& at, const Value& item) {
        if (!Expect(reader, at, item, VKind::kText, "text in quotes")) return;
        const std::string wrong = WhyNotText(key.kind, item.text);
        if (wrong.empty())
          read.push_back(Normal(key.kind, item.text));
        else
          reader.Fail(item.at, at, wrong);
      });
  if (list) out = std::move(read);  // a list of ours stands in for the default one
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<LocalUser>& out) {
  ForEachItem(reader, key, path, value, true, [&](const std::string& at, const Value& item) {
    if (!Expect(reader, at, item, VKind::kText, "a user name in quotes")) return;
    const std::string wrong = WhyNotText(Kind::kName, item.text);
    if (wrong.empty())
      out.push_back({item.text, std::nullopt});
    else
      reader.Fail(item.at, at, wrong);
  });
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<RouteHost>& out) {
  ForEachItem(reader, key, path, value, true, [&](const std::string& at, const Value& item) {
    if (!Expect(reader, at, item, VKind::kText, "HOST:PORT in quotes")) return;
    if (auto host = ParseRouteHost(item.text))
      out.push_back(std::move(*host));
    else
      reader.Fail(item.at, at,
                  Quote(item.text) +
                      " is not HOST:PORT: write \"127.0.0.1:2525\" or \"mx.example.net:25\"");
  });
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<PoolMember>& out) {
  ReadTables(reader, *FindSection("pool.sources"), key, path, value, out);
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<WarmupFor>& out) {
  ReadTables(reader, *FindSection("source.warmup_for"), key, path, value, out);
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<CertificateFiles>& out) {
  ReadTables(reader, *FindSection("listener.certificates"), key, path, value, out);
}

void ReadValue(Reader& reader, const Key& key, const std::string& path, const Value& value,
               std::vector<DkimKey>& out) {
  ReadTables(reader, *FindSection("domain.dkim"), key, path, value, out);
}

}  // namespace sluice::config
