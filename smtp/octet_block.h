// smtp/octet_block.h — 64 octets looked at at once: where CR, LF, dot, NUL and 8-bit octets are.
//
// PURPOSE   The inner loop of ContentReceiver, some 20 instructions a block with SSE2, which every
//           x86-64 has; the portable form gives the same masks.

#ifndef SLUICE_SMTP_OCTET_BLOCK_H_
#define SLUICE_SMTP_OCTET_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sluice::smtp {

inline constexpr size_t kBlockOctets = 64;

// Bit i speaks of octet i.
struct OctetBlock {
  uint64_t cr = 0;
  uint64_t lf = 0;
  uint64_t dot = 0;
  uint64_t nul = 0;
  uint64_t high = 0;  // over 127
};

// Reads min(size, 64) octets; those beyond `size` count as letters.
inline OctetBlock LoadBlock(const char* octets, size_t size) {
  alignas(16) char padded[kBlockOctets];
  if (size < kBlockOctets) {
    std::memset(padded, 'x', sizeof(padded));
    std::memcpy(padded, octets, size);
    octets = padded;
  }
  OctetBlock block;
#ifdef __SSE2__
  for (int i = 0; i < 4; ++i) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets + i * 16));
    const auto mask = [&](char c) {
      return uint64_t(uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c))))) << (i * 16);
    };
    block.cr |= mask('\r');
    block.lf |= mask('\n');
    block.dot |= mask('.');
    block.nul |= mask('\0');
    block.high |= uint64_t(uint32_t(_mm_movemask_epi8(v))) << (i * 16);
  }
#else
  for (size_t i = 0; i < kBlockOctets; ++i) {
    const uint64_t bit = uint64_t{1} << i;
    const char c = octets[i];
    if (c == '\r') block.cr |= bit;
    if (c == '\n') block.lf |= bit;
    if (c == '.') block.dot |= bit;
    if (c == '\0') block.nul |= bit;
    if ((static_cast<unsigned char>(c) & 0x80) != 0) block.high |= bit;
  }
#endif
  return block;
}

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_OCTET_BLOCK_H_
