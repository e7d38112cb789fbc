// engine/base/name_table.h — names that many hold, kept once.
//
// PURPOSE   Tenants, campaigns and domains stand in thousands of records; each record holds a
//           number.
// LIFETIME  A name lives as long as somebody holds it; its text does not move meanwhile.
// THREADS   Confined to one thread.

#ifndef SLUICE_ENGINE_BASE_NAME_TABLE_H_
#define SLUICE_ENGINE_BASE_NAME_TABLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/check.h"
#include "engine/base/pool.h"

namespace sluice {

class NameTable {
 public:
  // One more holder of the name.
  uint32_t Hold(std::string_view name) {
    uint32_t place = Find(name);
    if (place == kNoPlace) {
      place = names_.Take();
      names_[place].text = name;
      places_.emplace(names_[place].text, place);
    }
    ++names_[place].holders;
    return place;
  }
  void Drop(uint32_t place) {
    CHECK(names_[place].holders > 0);
    if (--names_[place].holders > 0) return;
    places_.erase(names_[place].text);
    names_.Free(place);
  }

  // kNoPlace: nobody holds it.
  uint32_t Find(std::string_view name) const {
    const auto it = places_.find(name);
    return it == places_.end() ? kNoPlace : it->second;
  }
  const std::string& Text(uint32_t place) const { return names_[place].text; }
  size_t size() const { return places_.size(); }

 private:
  struct Name {
    std::string text;
    uint32_t holders = 0;
  };

  Pool<Name> names_;
  std::unordered_map<std::string_view, uint32_t> places_;  // into the texts
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_NAME_TABLE_H_
