#include "queue/hash.h"

#define XXH_STATIC_LINKING_ONLY  // for a streaming state on the stack
#include <xxhash.h>

#include <string>

#include "queue/bytes.h"

namespace sluice::queue {

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t BodyChecksum(std::string_view content) {
  return XXH3_64bits(content.data(), content.size());
}

uint64_t BodyChecksum(const Body& content) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset(&state);
  content.ForEachPiece(0, content.size(), [&](std::string_view piece) {
    XXH3_64bits_update(&state, piece.data(), piece.size());
  });
  return XXH3_64bits_digest(&state);
}

LaneId HashLane(const LaneKey& key, uint64_t seed) {
  std::string joined;
  joined.reserve(key.domain.size() + key.tenant.size() + key.campaign.size() + 16);
  ByteWriter out(joined);
  out.Text(key.domain);
  out.Text(key.tenant);
  out.Text(key.campaign);
  const XXH128_hash_t hash = XXH3_128bits_withSeed(joined.data(), joined.size(), seed);
  return {hash.high64, hash.low64};
}

}  // namespace sluice::queue
