// engine/delivery/rendered_content.h — the octets of one message as they leave: the stored body
// without its cuts, framed for DATA or BDAT.
//
// PURPOSE   Slices point into the stored Body (or the window, or the converted text): nothing is
//           copied. When no line begins with a dot (kFlagDots) the scan for dots is skipped.
// FLOW      Use...() once per transaction attempt, then as smtp::ContentSource. For a message that
//           is not in memory Next() says kWait after asking `load` for a window; Loaded() brings
//           it.
// THREADS   Confined to its delivery.

#ifndef SLUICE_ENGINE_DELIVERY_RENDERED_CONTENT_H_
#define SLUICE_ENGINE_DELIVERY_RENDERED_CONTENT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/body.h"
#include "engine/base/error.h"
#include "engine/base/ref.h"
#include "queue/records.h"
#include "smtp/content_encoder.h"
#include "smtp/content_source.h"

namespace sluice::engine {

class RenderedContent final : public smtp::ContentSource {
 public:
  using LoadFn = std::function<void(uint32_t offset, uint32_t length)>;

  // Each says false when the cuts do not fit the body: a damaged record. `signatures`, when given,
  // leave instead of ours that are stored.
  bool UseBody(Ref<const Body> body, const queue::Message& message,
               std::optional<std::string> signatures = std::nullopt);
  bool UseWindows(const queue::Message& message, LoadFn load,
                  std::optional<std::string> signatures = std::nullopt);
  // Converted: complete, its cuts already out.
  void UseText(std::string text);

  // The answer to the last `load`. An error, and more than was asked for, make the next Next() say
  // kFailed.
  void Loaded(Result<std::string> window);

  // What would leave, in one piece, of a message in memory.
  std::string ToString() const;

  uint64_t size() const override { return size_; }
  bool in_memory() const override { return source_ != Source::kWindows; }
  void Start(Framing framing) override;
  State Next(std::vector<std::string_view>& out) override;

 private:
  enum class Source : uint8_t { kNothing, kBody, kText, kWindows };
  // Octets of the stored body that leave.
  struct Range {
    uint32_t offset;
    uint32_t length;
  };

  bool SetRanges(uint64_t stored, const queue::Message& message,
                 std::optional<std::string> signatures);
  void MeasureEnd();
  State NextWhole(std::vector<std::string_view>& out);
  std::string_view Piece();
  void Advance(size_t octets);
  void AskForWindow();

  Source source_ = Source::kNothing;
  Ref<const Body> body_;
  std::string text_;
  std::string front_;  // leaves before all else
  size_t front_sent_ = 0;
  std::string window_;
  uint32_t window_offset_ = 0;
  uint32_t window_max_ = 0;  // octets asked for
  bool loading_ = false;
  bool failed_ = false;
  LoadFn load_;

  std::vector<Range> ranges_;
  size_t range_ = 0;  // the next octet is in ranges_[range_] at within_
  uint32_t within_ = 0;
  uint64_t size_ = 0;
  bool scan_ = true;       // lines may begin with a dot
  bool ends_line_ = true;  // the last octets are CR LF
  Framing framing_ = Framing::kRaw;
  smtp::ContentEncoder encoder_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_RENDERED_CONTENT_H_
