// engine/shard/context.h — what the parts of one shard share.
//
// LIFETIME  Everything here outlives the parts.
// THREADS   Confined to the shard's loop.

#ifndef SLUICE_ENGINE_SHARD_CONTEXT_H_
#define SLUICE_ENGINE_SHARD_CONTEXT_H_

#include <memory>

#include "config/config.h"
#include "engine/base/body.h"
#include "engine/base/random.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/domains/domain_state.h"
#include "engine/io/net.h"
#include "engine/signing/signing.h"
#include "smtp/recipient_token.h"

namespace sluice::engine {

struct ShardContext {
  uint32_t index;
  const Clock& clock;
  TimerQueue& timers;
  io::Net& net;
  Random& random;
  BodyBudget& bodies;
  // Replaced as a whole on reload; who keeps something of it keeps the pointer.
  std::shared_ptr<const config::Config> config;
  // For connections to receivers; null: the net's plainest. Replaced on reload.
  std::shared_ptr<io::TlsClientContext> tls_client{};
  // Of that configuration; replaced with it. Null: nothing is signed (tests).
  std::shared_ptr<const Keyring> keyring = nullptr;
  Signing* signing = nullptr;
  // Of the sending domains, replaced as a whole too; null: nobody watches them (tests, simulator).
  std::shared_ptr<const DomainStates> domains = nullptr;
  // What names recipients in links and addresses; null: no link is ever added (tests).
  std::shared_ptr<const smtp::TokenSecrets> tokens = nullptr;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_CONTEXT_H_
