// smtp/content_source.h — where a session gets the octets of a message from.

#ifndef SLUICE_SMTP_CONTENT_SOURCE_H_
#define SLUICE_SMTP_CONTENT_SOURCE_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::smtp {

class ContentSource {
 public:
  enum class Framing : uint8_t {
    kDots,  // for DATA: dots stuffed, the final dot at the end
    kRaw,   // for BDAT: exactly size() octets
  };
  enum class State : uint8_t {
    kMore,    // there is more after these slices
    kEnd,     // these were the last
    kWait,    // more comes later: the driver asks for Output() again then
    kFailed,  // cannot be read to its end
  };

  virtual ~ContentSource() = default;
  // Octets of the content, without dots stuffed and without the final dot.
  virtual uint64_t size() const = 0;
  // Is all of it in memory, so that size() can be promised (BDAT)?
  virtual bool in_memory() const = 0;
  // Once, before Next.
  virtual void Start(Framing framing) = 0;
  // Adds slices to `out`, which is empty; they stay valid until the next call.
  virtual State Next(std::vector<std::string_view>& out) = 0;
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_CONTENT_SOURCE_H_
