// smtp/octet_block.h — 64 octets looked at at once: where CR, LF, dot, NUL and 8-bit octets are.
//
// PURPOSE   The inner loop of ContentReceiver. GlanceAt is what nearly every block needs, some 30
//           instructions with SSE2, which every x86-64 has; LoadBlock says the rest where the
//           glance found something. The portable forms give the same.

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

// What must be known of every block: the line ends exactly, the rest as yes or no.
struct Glance {
  uint64_t cr = 0;
  uint64_t lf = 0;
  bool nul = false;
  bool high = false;
};

// Reads 64 octets.
inline Glance GlanceAt(const char* octets) {
  Glance glance;
#ifdef __SSE2__
  const __m128i cr = _mm_set1_epi8('\r');
  const __m128i lf = _mm_set1_epi8('\n');
  __m128i least = _mm_set1_epi8('x');
  __m128i all = _mm_setzero_si128();
  for (int i = 0; i < 4; ++i) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets + i * 16));
    least = _mm_min_epu8(least, v);
    all = _mm_or_si128(all, v);
    glance.cr |= uint64_t(uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(v, cr)))) << (i * 16);
    glance.lf |= uint64_t(uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(v, lf)))) << (i * 16);
  }
  glance.nul = _mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0;
  glance.high = _mm_movemask_epi8(all) != 0;
#else
  const OctetBlock block = LoadBlock(octets, kBlockOctets);
  glance = {block.cr, block.lf, block.nul != 0, block.high != 0};
#endif
  return glance;
}

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_OCTET_BLOCK_H_
