// engine/shard/limits.h — how many connections may be open on a path, asked for and given back.
//
// PURPOSE   The one door to limits: answers are asynchronous, because the owner of a limit may be
//           another shard (later: another machine). A path is what connections are counted on: a
//           source and a site, or a source and a provider. Who asks says how many may be open
//           there (the shaping file); a shard has a share of the total besides.
// OWNERSHIP The path's owner shard, by hash of its name, counts all permits that are out. A permit
//           counts as used until given back, so no cap is ever exceeded.
// THREADS   Each shard has its Limits; they talk through their switchboards.

#ifndef SLUICE_ENGINE_SHARD_LIMITS_H_
#define SLUICE_ENGINE_SHARD_LIMITS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/shard/switchboard.h"

namespace sluice::engine {

struct LimitSettings {
  uint32_t connections_total = 2'000;  // of this shard
};

class Limits {
 public:
  // `out` is this shard's and outlives the Limits.
  Limits(uint32_t shard, Switchboard& out, const LimitSettings& settings)
      : shard_(shard), out_(out), settings_(settings) {}
  // The Limits of all shards, by number; set once before the loops run.
  void Join(std::span<Limits* const> peers) { peers_.assign(peers.begin(), peers.end()); }
  void SetSettings(const LimitSettings& settings) { settings_ = settings; }

  // `granted` runs on this shard's loop, possibly inside the call, once fewer than `most` permits
  // of the path are out. It may take long: the path may be full.
  void Acquire(const std::string& path, uint32_t most, std::function<void()> granted);
  // Gives a permit back; it goes to whoever waits longest of those who may have it.
  void Release(const std::string& path);
  // `wanted` runs when somebody, on whichever shard, waits for a permit of the path: a connection
  // that stands idle is to be closed for him. Never inside a call.
  void OnWanted(std::function<void(const std::string& path)> wanted) {
    on_wanted_ = std::move(wanted);
  }
  bool IsWanted(const std::string& path) const {
    return !wanted_.empty() && wanted_.contains(path);
  }
  // How many permits of a path this shard owns are out (for status and tests).
  uint32_t permits_out(const std::string& path) const;

  uint32_t open() const { return open_; }

 private:
  struct Waiter {
    uint32_t shard;
    uint32_t most;
    std::function<void()> granted;
  };
  // Has a permit of its path, and waits for one of the shard's total.
  struct Granted {
    std::string path;
    std::function<void()> run;
  };
  struct Path {
    uint32_t out = 0;
    std::deque<Waiter> waiting;
  };

  uint32_t OwnerOf(const std::string& path) const;
  void AcquireHere(const std::string& path, Waiter waiter);
  void ReleaseHere(const std::string& path);
  void Grant(const std::string& path, Waiter waiter);
  void TellWanted(const std::string& path, bool wanted);
  void HearWanted(const std::string& path, bool wanted);
  void OnGranted(Granted granted);
  void RunWaiting();

  const uint32_t shard_;
  Switchboard& out_;
  LimitSettings settings_;
  std::vector<Limits*> peers_;
  std::unordered_map<std::string, Path> paths_;  // those this shard owns
  std::unordered_set<std::string> wanted_;       // that somebody waits for
  std::function<void(const std::string& path)> on_wanted_;
  std::deque<Granted> waiting_for_total_;
  uint32_t open_ = 0;  // permits this shard's connections hold
  bool running_ = false;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_LIMITS_H_
