// Which changes a reload leaves to a restart.

#include "config/restart.h"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

Config Some() {
  Config config;
  config.listeners.resize(2);
  config.listeners[1].bind = {*Endpoint::Parse("127.0.0.1:587")};
  return config;
}

TEST(Restart, IsNotNeededForWhatAReloadBrings) {
  Config changed = Some();
  changed.users.resize(3);
  changed.routes.resize(1);
  changed.limits.recipients = 7;
  changed.retry.gaps = {std::chrono::minutes(1)};
  changed.listeners[1].cert = "other.pem";
  EXPECT_EQ(NeedsRestart(Some(), changed), "");
}

TEST(Restart, IsNeededForWhatIsReadAtTheStartOnly) {
  Config changed = Some();
  changed.queue.max_bytes = 1;
  changed.dns.servers = {*Endpoint::Parse("127.0.0.1:53")};
  changed.control.socket = "other.sock";
  changed.events.keep_files = 1;
  changed.engine.shards = 5;
  changed.listeners[1].bind = {*Endpoint::Parse("127.0.0.1:588")};
  EXPECT_EQ(NeedsRestart(Some(), changed),
            "queue, dns.servers, control.socket, events, engine.shards, listener[1].bind");
}

}  // namespace
}  // namespace sluice::config
