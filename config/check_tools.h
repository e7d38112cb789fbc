// config/check_tools.h — what the checks of a configuration share: where things stand in the file,
// and how faults are told.

#ifndef SLUICE_CONFIG_CHECK_TOOLS_H_
#define SLUICE_CONFIG_CHECK_TOOLS_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/surroundings.h"
#include "config/units.h"

namespace sluice::config {

class CheckTools {
 public:
  // All outlive this.
  CheckTools(Reader& reader, const Value& root, const Surroundings& surroundings,
             const Config& config)
      : reader_(reader), root_(root), surroundings_(surroundings), config_(config) {}

 protected:
  // What the file says of element `index` of a list; null when it says nothing.
  const Value* ElementOf(std::string_view section, size_t index) const {
    const Member* list = root_.Find(section);
    if (list == nullptr || index >= list->value.items.size()) return nullptr;
    return &list->value.items[index];
  }

  static std::string PathOf(std::string_view section, size_t index, std::string_view key) {
    return std::string(section) + "[" + std::to_string(index) + "]." + std::string(key);
  }

  // Where a key of an element stands; where it is absent, the element.
  Position PositionOf(std::string_view section, size_t index, std::string_view key) const {
    const Value* element = ElementOf(section, index);
    if (element == nullptr) return {};
    const Member* member = element->Find(key);
    return member == nullptr ? element->at : member->value.at;
  }

  bool Written(std::string_view section, size_t index, std::string_view key) const {
    const Value* element = ElementOf(section, index);
    return element != nullptr && element->Find(key) != nullptr;
  }

  void Fail(std::string_view section, size_t index, std::string_view key, std::string what) {
    reader_.Fail(PositionOf(section, index, key), PathOf(section, index, key), std::move(what));
  }
  void Warn(std::string_view section, size_t index, std::string_view key, std::string what) {
    reader_.Warn(PositionOf(section, index, key), PathOf(section, index, key), std::move(what));
  }

  // Every element's name once.
  template <typename T>
  void Unique(std::string_view section, std::string_view key, const std::vector<T>& elements,
              std::string T::* name) {
    std::map<std::string, size_t> seen;
    for (size_t i = 0; i < elements.size(); ++i) {
      const std::string& own = elements[i].*name;
      if (own.empty() || !Written(section, i, key)) continue;  // told already
      const auto [first, is_new] = seen.try_emplace(own, i);
      if (is_new) continue;
      const Position other = PositionOf(section, first->second, key);
      Fail(section, i, key,
           Quote(own) + " is there already, in line " + std::to_string(other.line));
    }
  }

  // True when the file can be used.
  bool NeedsFile(std::string_view section, size_t index, std::string_view key,
                 const std::string& file) {
    const std::string wrong = surroundings_.WhyUnreadable(file);
    if (!wrong.empty()) Fail(section, index, key, "cannot read " + Quote(file) + ": " + wrong);
    return wrong.empty();
  }

  // True when the file can be used.
  bool SecretFile(std::string_view section, size_t index, std::string_view key,
                  const std::string& file) {
    if (!NeedsFile(section, index, key, file)) return false;
    if (surroundings_.WorldReadable(file))
      Warn(section, index, key,
           Quote(file) + " can be read by everybody on this machine: chmod o-r");
    return true;
  }

  // Where a key of the top stands.
  Position TopAt(std::string_view key) const {
    const Member* member = root_.Find(key);
    return member == nullptr ? Position{1, 1} : member->value.at;
  }

  Reader& reader_;
  const Value& root_;
  const Surroundings& surroundings_;
  const Config& config_;
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_CHECK_TOOLS_H_
