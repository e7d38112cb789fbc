// queue/hash.h — XXH3: checksums of what is stored, and names of lanes.
//
// PURPOSE   The one place that knows the hash library. Not for anything secret.

#ifndef SLUICE_QUEUE_HASH_H_
#define SLUICE_QUEUE_HASH_H_

#include <cstdint>
#include <string_view>

#include "engine/base/body.h"
#include "queue/records.h"

namespace sluice::queue {

uint64_t Hash64(std::string_view bytes, uint64_t seed);
// The checksum of a stored body: the same over one string as over a body's pieces.
uint64_t BodyChecksum(std::string_view content);
uint64_t BodyChecksum(const Body& content);
LaneId HashLane(const LaneKey& key, uint64_t seed);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_HASH_H_
