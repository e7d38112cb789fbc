// queue/bytes.h — appending to and reading from a stored record, octet by octet.
//
// PURPOSE   The primitives under codec.h and event_codec.h: little-endian integers, varints, and
//           strings with their length before them. A ByteReader never reads past its end: the
//           first fault makes it not ok() and all later reads give zeros.
// LIMITS    A varint has at most 10 octets; a string is at most as long as what is left.

#ifndef SLUICE_QUEUE_BYTES_H_
#define SLUICE_QUEUE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice::queue {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void U8(uint8_t v) { out_.push_back(char(v)); }
  void U16(uint16_t v) { Raw(&v, sizeof v); }
  void U32(uint32_t v) { Raw(&v, sizeof v); }
  void U64(uint64_t v) { Raw(&v, sizeof v); }
  void I64(int64_t v) { U64(uint64_t(v)); }
  void Var(uint64_t v) {
    while (v >= 0x80) {
      U8(uint8_t(v | 0x80));
      v >>= 7;
    }
    U8(uint8_t(v));
  }
  void Text(std::string_view text) {
    Var(text.size());
    out_.append(text);
  }

 private:
  // Every machine we run on is little-endian; the format is.
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  void Raw(const void* p, size_t n) { out_.append(static_cast<const char*>(p), n); }

  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  // All was read, and all was sound.
  bool done() const { return ok_ && in_.empty(); }
  size_t left() const { return in_.size(); }

  uint8_t U8() { return Fixed<uint8_t>(); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  int64_t I64() { return int64_t(U64()); }
  uint64_t Var() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t b = U8();
      if (!ok_) return 0;
      if (shift == 63 && b > 1) break;
      v |= uint64_t(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  // A varint that must fit 32 bits.
  uint32_t Var32() {
    const uint64_t v = Var();
    if (v > UINT32_MAX) ok_ = false;
    return ok_ ? uint32_t(v) : 0;
  }
  std::string_view Text() {
    const uint64_t n = Var();
    if (!ok_ || n > in_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view text = in_.substr(0, size_t(n));
    in_.remove_prefix(size_t(n));
    return text;
  }

 private:
  template <typename T>
  T Fixed() {
    T v = 0;
    if (!ok_ || in_.size() < sizeof v) {
      ok_ = false;
      return 0;
    }
    std::memcpy(&v, in_.data(), sizeof v);
    in_.remove_prefix(sizeof v);
    return v;
  }

  std::string_view in_;
  bool ok_ = true;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_BYTES_H_
