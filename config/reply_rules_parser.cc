#include "config/reply_rules_parser.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <tuple>
#include <utility>

#include "config/keys_replies.h"
#include "config/reply_checks.h"
#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

// One text, with what it says of the built-in rules.
struct File {
  ReplyLayer layer;
  bool shipped = true;
};

void ReadProviders(Reader& reader, const Member& member, ReplyLayer& layer) {
  if (member.value.kind != Value::Kind::kTable)
    return reader.Fail(member.value.at, member.name, "is a section: write [providers]");
  for (const Member& one : member.value.members) {
    const std::string path = "providers." + one.name;
    ReplyProvider provider{one.name, {}};
    const Value& list = one.value;
    if (list.kind != Value::Kind::kList || list.items.empty())
      reader.Fail(list.at, path, "must be a list of host names: [\".example.net\"]");
    for (const Value& item : list.items) {
      std::string name = Lower(item.text);
      if (name.starts_with('.')) name.erase(0, 1);
      if (item.kind != Value::Kind::kText || !IsDomainName(name, true))
        reader.Fail(item.at, path,
                    Quote(item.text) +
                        " is no host name: write \".example.net\" for it and all "
                        "names below, without a dot at the end");
      else
        provider.mx.push_back(std::move(name));
    }
    layer.providers.push_back(std::move(provider));
  }
}

void ReadRules(Reader& reader, const Member& member, ReplyLayer& layer) {
  if (member.value.kind != Value::Kind::kList)
    return reader.Fail(member.value.at, "rule", "there may be several: write [[rule]]");
  if (member.value.items.size() > kReplyRulesMax)
    return reader.Fail(member.value.at, "rule",
                       "are more than " + std::to_string(kReplyRulesMax) + " rules");
  for (size_t i = 0; i < member.value.items.size(); ++i) {
    const Value& item = member.value.items[i];
    const std::string path = "rule[" + std::to_string(i) + "]";
    if (item.kind != Value::Kind::kTable) {
      reader.Fail(item.at, path, "must be a table: write [[rule]]");
      continue;
    }
    ReplyRule& rule = layer.rules.emplace_back();
    rule.at = item.at;
    if (const Member* text = item.Find("text")) rule.text_at = text->value.at;
    reader.ReadTable(kReplyRuleSection, path, item, &rule);
  }
}

File ReadFile(Reader& reader, std::string_view text, const std::string& name) {
  File out;
  out.layer.file = name;
  const std::expected<Value, SyntaxError> root = ParseToml(text);
  if (!root) {
    reader.Fail(root.error().at, "", "this is not TOML: " + root.error().what);
    return out;
  }
  static constexpr std::string_view kNames[] = {"shipped", "providers", "rule"};
  for (const Member& member : root->members) {
    if (member.name == "providers") {
      ReadProviders(reader, member, out.layer);
    } else if (member.name == "rule") {
      ReadRules(reader, member, out.layer);
    } else if (member.name != "shipped") {
      const std::string_view near = Nearest(member.name, kNames);
      reader.Fail(
          member.at, member.name,
          "unknown key" + (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
    } else if (member.value.kind != Value::Kind::kBoolean) {
      reader.Fail(member.value.at, "shipped", "must be true or false");
    } else {
      out.shipped = member.value.boolean;
    }
  }
  return out;
}

Problems InFileOrder(Problems problems) {
  std::ranges::sort(problems, {}, [](const Problem& p) { return std::tie(p.at, p.key, p.what); });
  return problems;
}

}  // namespace

std::expected<ReplyRuleSet, Problems> ParseReplyRules(std::optional<std::string_view> text,
                                                      const std::string& file) {
  ReplyRuleSet out;
  bool shipped = true;
  const auto add = [&](std::string_view of, const std::string& name) -> Problems {
    Reader reader(name, "");
    File read = ReadFile(reader, of, name);
    if (!reader.errors().empty()) return std::move(reader.errors());
    out.layers.push_back(std::move(read.layer));
    shipped = read.shipped;
    return {};
  };
  Problems wrong;
  if (text) wrong = add(*text, file);
  if (wrong.empty() && shipped) wrong = add(ShippedReplies(), "replies.toml (built in)");
  if (!wrong.empty()) return std::unexpected(InFileOrder(std::move(wrong)));
  wrong = CheckReplyRules(out);
  if (!wrong.empty()) return std::unexpected(InFileOrder(std::move(wrong)));
  return out;
}

std::expected<ReplyRuleSet, Problems> LoadReplyRules(const std::string& file) {
  if (file.empty()) return ParseReplyRules(std::nullopt, "");
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad())
    return std::unexpected(Problems{
        {file, {}, "", std::string("cannot read the reply rules: ") + std::strerror(errno)}});
  return ParseReplyRules(text, file);
}

std::expected<std::shared_ptr<const ReplyRuleSet>, Problems> LoadRepliesBeside(
    const std::string& config_file) {
  const std::string file =
      (std::filesystem::path(config_file).parent_path() / "replies.toml").string();
  std::error_code error;
  auto rules = LoadReplyRules(std::filesystem::exists(file, error) ? file : "");
  if (!rules) return std::unexpected(std::move(rules.error()));
  return std::make_shared<const ReplyRuleSet>(std::move(*rules));
}

}  // namespace sluice::config
