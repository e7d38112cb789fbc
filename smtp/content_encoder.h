// smtp/content_encoder.h — message octets in the form DATA wants: dots stuffed, a final dot.
//
// PURPOSE   Turns pieces of a message into slices of those same pieces: nothing is copied. A dot
//           that begins a line is sent twice by letting one slice end behind it and the next begin
//           with it.
// RULES     protocol.md 1: nothing but CR LF line ends and no NUL ever leaves. The stored message
//           has none; should one be there all the same, it is put right here.
// TESTS     tests/smtp/content_encoder_test.cc

#ifndef SLUICE_SMTP_CONTENT_ENCODER_H_
#define SLUICE_SMTP_CONTENT_ENCODER_H_

#include <cstddef>
#include <string_view>
#include <vector>

namespace sluice::smtp {

class ContentEncoder {
 public:
  // Adds slices for a front part of `piece` and says how many octets they cover: all of them,
  // unless `out` reaches `slices_max`. Pieces follow each other without gaps.
  size_t Encode(std::string_view piece, size_t slices_max, std::vector<std::string_view>& out);
  // The missing line end, if any, and the final dot.
  void Finish(std::vector<std::string_view>& out);

 private:
  size_t EncodeLine(std::string_view rest, std::vector<std::string_view>& out);

  bool line_start_ = true;
  bool after_cr_ = false;  // the last octet was a CR, held back
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_CONTENT_ENCODER_H_
