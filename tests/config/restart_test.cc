// Which changes a reload leaves to a restart.

#include "config/restart.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "config/keys.h"
#include "config/open_listeners.h"

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
            "queue, dns.servers, control.socket, events, engine.shards, "
            "listener 127.0.0.1:587 (stays open as it was), "
            "listener 127.0.0.1:588 (is not opened)");
}

TEST(Restart, IsSaidOfTheKeysThatTheReferenceMarks) {
  Config changed = Some();
  changed.queue.max_bytes = 1;
  changed.dns.servers = {*Endpoint::Parse("127.0.0.1:53")};
  changed.control.socket = "other.sock";
  changed.submission.local_socket = "other.sock";
  changed.events.keep_files = 1;
  changed.engine.shards = 5;
  changed.tls.mta_sts_port = 444;
  std::vector<std::string> keys;
  for (const Section& section : Sections()) {
    if (section.restart) keys.emplace_back(section.name);
    for (const Key& key : section.keys)
      if (key.restart) keys.push_back(std::string(section.name) + "." + std::string(key.name));
  }
  std::string told = NeedsRestart(Some(), changed) + ", ";
  for (const std::string& key : keys) {
    const size_t at = told.find(key + ", ");
    ASSERT_NE(at, std::string::npos) << key << " is marked, and a reload does not tell of it";
    told.erase(at, key.size() + 2);
  }
  EXPECT_EQ(told, "") << "told by a reload, and not marked in the reference";
}

TEST(Restart, IsNotNeededForTablesThatChangePlaces) {
  Config in_force = Some();
  in_force.listeners[0].bind = {*Endpoint::Parse("127.0.0.1:25"), *Endpoint::Parse("[::1]:25")};
  Config changed = in_force;
  std::swap(changed.listeners[0], changed.listeners[1]);
  EXPECT_EQ(NeedsRestart(in_force, changed), "");
}

TEST(OpenPorts, HaveTheSettingsOfTheTableThatNamesThem) {
  Config in_force = Some();
  in_force.listeners[0].bind = {*Endpoint::Parse("127.0.0.1:25"), *Endpoint::Parse("[::1]:25")};
  in_force.listeners[0].cert = "a";
  in_force.listeners[1].cert = "b";
  const std::vector<Listener> open = ByAddress(in_force.listeners);
  Config read = in_force;
  std::swap(read.listeners[0], read.listeners[1]);
  read.listeners[0].cert = "new b";
  read.listeners[1].cert = "new a";
  read.listeners[1].bind.pop_back();
  Listener added;
  added.bind = {*Endpoint::Parse("127.0.0.1:2525")};
  added.cert = "c";
  read.listeners.insert(read.listeners.begin(), added);

  const std::vector<Listener> now = ForOpenPorts(open, read.listeners);
  ASSERT_EQ(now.size(), 3u);
  EXPECT_EQ(now[0].cert, "new a");
  EXPECT_EQ(now[1].cert, "a") << "no table has it now: it stays as it was";
  EXPECT_EQ(now[2].cert, "new b");
  for (size_t i = 0; i < now.size(); ++i) EXPECT_EQ(now[i].bind, open[i].bind);
}

}  // namespace
}  // namespace sluice::config
