// Goal: the table of keys, the shipped example and docs/configuration.md never drift apart. Runs in
// the top folder of the tree (ctest sets it).

#include "config/reference.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/keys.h"
#include "config/parser.h"
#include "engine/base/text.h"
#include "tests/config/fake_surroundings.h"

namespace sluice::config {
namespace {

std::string ReadAll(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(ConfigReference, IsWhatTheTableMakes) {
  EXPECT_EQ(ReadAll("docs/configuration.md"), MakeReference())
      << "renew it: sluice check --reference > docs/configuration.md";
}

TEST(ConfigReference, HasASentenceForEveryKey) {
  for (const Section& section : Sections()) {
    EXPECT_TRUE(section.doc.ends_with(".")) << section.name;
    std::set<std::string_view> names;
    for (const Key& key : section.keys) {
      EXPECT_GT(key.doc.size(), 10u) << section.name << "." << key.name;
      EXPECT_TRUE(names.insert(key.name).second) << section.name << "." << key.name;
      EXPECT_LE(key.min, key.max) << section.name << "." << key.name;
      EXPECT_EQ(key.kind == Kind::kChoice, !key.choices.empty()) << section.name << "." << key.name;
    }
  }
}

// All of our code outside the configuration, tests and stand-alone tools.
std::string AllCode() {
  // What shaping.toml builds on, and what reads files that are named.
  std::string out = ReadAll("config/shaping.cc") + ReadAll("config/proxy_passwords.cc") +
                    ReadAll("config/zone.cc");
  for (const char* folder : {"engine", "dns", "smtp", "queue", "tools/commands"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".cc" || extension == ".h") out += ReadAll(entry.path().string());
    }
  }
  return out;
}

// Is there ".member" or "->member", as a whole word?
bool Uses(const std::string& code, std::string_view member) {
  for (size_t at = code.find(member); at != std::string::npos; at = code.find(member, at + 1)) {
    const char before = at == 0 ? ' ' : code[at - 1];
    const size_t end = at + member.size();
    const char next = end < code.size() ? code[end] : ' ';
    if ((before == '.' || before == '>') && !IsAlpha(next) && !IsDigit(next) && next != '_')
      return true;
  }
  return false;
}

TEST(ConfigReference, PromisesOnlyWhatTheCodeReads) {
  const std::string code = AllCode();
  for (const Section& section : Sections()) {
    for (const Key& key : section.keys) {
      if (section.later || key.later) continue;
      EXPECT_TRUE(Uses(code, key.member))
          << section.name << "." << key.name << " is read by nobody: mark it `later`";
    }
  }
}

TEST(ConfigExample, IsGood) {
  const auto loaded =
      ParseConfig(ReadAll("config/sluice.toml"), "/etc/sluice/sluice.toml", FakeSurroundings());
  ASSERT_TRUE(loaded) << FormatProblems(loaded.error());
  EXPECT_EQ(loaded->config.listeners.size(), 3u);
}

// Sections and keys of the example, commented out or not: calls f(section, line) for each key line,
// the comment sign taken off.
template <typename F>
void ForEachKeyLine(const std::string& text, F&& f) {
  std::istringstream lines(text);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) line = line.substr(2);
    if (line.starts_with("[")) {
      const size_t from = line.find_first_not_of('[');
      section = line.substr(from, line.find(']') - from);
      continue;
    }
    const size_t equals = line.find(" = ");
    if (equals != std::string::npos && line.find(' ') == equals) f(section, line);
  }
}

TEST(ConfigExample, ShowsEveryKeyAndNoOther) {
  std::set<std::string> shown;
  ForEachKeyLine(ReadAll("config/sluice.toml"), [&](const std::string& section, std::string line) {
    shown.insert(section + "." + line.substr(0, line.find(' ')));
  });
  std::set<std::string> known;
  for (const Section& one : Sections())
    if (one.shape != Section::Shape::kInline)
      for (const Key& key : one.keys)
        known.insert(std::string(one.name) + "." + std::string(key.name));
  EXPECT_EQ(shown, known);
}

TEST(ConfigExample, ShowsTheRealDefaultsOfThePlainSections) {
  ForEachKeyLine(ReadAll("config/sluice.toml"), [&](const std::string& name, std::string line) {
    const Section* section = FindSection(name);
    ASSERT_NE(section, nullptr) << name;
    if (section->shape != Section::Shape::kTable) return;
    const Key* key = FindKey(*section, line.substr(0, line.find(' ')));
    ASSERT_NE(key, nullptr) << line;
    if (!key->default_text.empty() || key->print_default(*key).empty()) return;
    std::string value = line.substr(line.find(" = ") + 3);
    value = value.substr(0, value.find("  "));
    value = value.substr(0, value.find_last_not_of(' ') + 1);
    // The reference writes sizes with units and the example some as plain numbers.
    const std::string printed = key->print_default(*key);
    if (key->kind == Kind::kSize || key->kind == Kind::kDuration) return;
    EXPECT_EQ("`" + value + "`", printed) << name << "." << key->name;
  });
}

TEST(ConfigExample, ShowsTheRealDefaultsOfSizesAndDurations) {
  std::string text = "hostname = \"a.example\"\n";
  std::string last;
  ForEachKeyLine(ReadAll("config/sluice.toml"), [&](const std::string& name, std::string line) {
    const Section* section = FindSection(name);
    if (section->shape != Section::Shape::kTable) return;
    if (FindKey(*section, line.substr(0, line.find(' ')))->kind != Kind::kDuration &&
        FindKey(*section, line.substr(0, line.find(' ')))->kind != Kind::kSize)
      return;
    if (name != last) text += "[" + name + "]\n";
    last = name;
    text += line + "\n";
  });
  text += "[[listener]]\nbind = \"127.0.0.1:1\"\ntls = \"none\"\n";
  const auto loaded = ParseConfig(text, "/etc/sluice/sluice.toml", FakeSurroundings());
  ASSERT_TRUE(loaded) << FormatProblems(loaded.error());
  const Config& shown = loaded->config;
  const Config real;
  EXPECT_EQ(shown.queue.map_size, real.queue.map_size);
  EXPECT_EQ(shown.queue.max_bytes, real.queue.max_bytes);
  EXPECT_EQ(shown.queue.segment_bytes, real.queue.segment_bytes);
  EXPECT_EQ(shown.queue.min_free_bytes, real.queue.min_free_bytes);
  EXPECT_EQ(shown.queue.body_memory, real.queue.body_memory);
  EXPECT_EQ(shown.events.rotate_bytes, real.events.rotate_bytes);
  EXPECT_EQ(shown.events.rotate_after, real.events.rotate_after);
  EXPECT_EQ(shown.engine.stop_within, real.engine.stop_within);
  EXPECT_EQ(shown.retry.max_age, real.retry.max_age);
  EXPECT_EQ(shown.retry.max_hold, real.retry.max_hold);
  EXPECT_EQ(shown.limits.idle, real.limits.idle);
  EXPECT_EQ(shown.limits.message_size, real.limits.message_size);
  EXPECT_EQ(shown.delivery.idle_connection, real.delivery.idle_connection);
  const auto times = [](const Timeouts& t) {
    return std::vector<Duration>{t.connect, t.banner, t.ehlo, t.mail, t.rcpt,
                                 t.data,    t.block,  t.dot,  t.quit, t.starttls};
  };
  EXPECT_EQ(times(shown.timeouts), times(real.timeouts));
}

}  // namespace
}  // namespace sluice::config
