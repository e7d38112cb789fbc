#include "config/source_text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <tuple>
#include <utility>

namespace sluice::config {

std::expected<std::string, Problem> ReadWhole(const std::string& file, std::string_view what,
                                              const Surroundings& machine) {
  const auto failed = [&](const std::string& why) {
    return std::unexpected(Problem{file, {}, "", "cannot read " + std::string(what) + ": " + why});
  };
  const std::string wrong = machine.WhyUnreadable(file);
  if (!wrong.empty()) return failed(wrong);
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) return failed(std::strerror(errno));
  return text;
}

std::expected<Value, Problem> ParseTomlOf(std::string_view text, const std::string& file) {
  std::expected<Value, SyntaxError> root = ParseToml(text);
  if (root) return *std::move(root);
  std::string what = "this is not TOML: " + root.error().what;
  if (what.contains("determine value type")) what += "; text must stand in quotes";
  return std::unexpected(Problem{file, root.error().at, "", std::move(what)});
}

void InFileOrder(Problems& problems) {
  std::ranges::sort(problems, {}, [](const Problem& p) { return std::tie(p.at, p.key, p.what); });
}

}  // namespace sluice::config
