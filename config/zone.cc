#include "config/zone.h"

#include <utility>

#include "config/units.h"

namespace sluice::config {

void LoadZone(Reader& reader, const Value& root, Config& config) {
  if (auto zone = TimeZone::Load(config.timezone)) {
    config.zone = std::move(*zone);
    return;
  }
  const Member* key = root.Find("timezone");
  reader.Fail(
      key == nullptr ? Position{} : key->value.at, "timezone",
      "this machine knows no time zone " + Quote(config.timezone) +
          ": write a name such as \"Europe/Berlin\" (`timedatectl list-timezones`; Debian's "
          "package tzdata has them)");
}

}  // namespace sluice::config
