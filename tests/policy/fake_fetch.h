// tests/policy/fake_fetch.h — a scripted web: one answer for all, given at once or when told to; hosts
// called mta-sts.dead... drop what they get.

#ifndef SLUICE_TESTS_POLICY_FAKE_FETCH_H_
#define SLUICE_TESTS_POLICY_FAKE_FETCH_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/http/http_fetch.h"

namespace sluice::engine {

class FakeFetch final : public HttpFetch {
 public:
  FakeFetch(TimerQueue& timers, const Clock& clock) : timers_(timers), clock_(clock) {}
  void Fetch(HttpRequest request, std::function<void(const HttpResponse&)> done) override {
    asked.push_back(request.host + ":" + std::to_string(request.port) + request.path);
    if (request.host.starts_with("mta-sts.dead")) return TimeOut(request.timeout, std::move(done));
    waiting.push_back(std::move(done));
    if (!held) Answer();
  }
  void Answer() {
    while (!waiting.empty()) {
      const auto done = std::move(waiting.front());
      waiting.erase(waiting.begin());
      done(response);
    }
  }
  void Serve(const std::string& text) {
    response = {
        .status = 200, .error = {}, .content_type = "text/plain; charset=utf-8", .body = text};
  }
  void Break(const std::string& error) {
    response = {.status = 0, .error = error, .content_type = {}, .body = {}};
  }

  HttpResponse response;
  std::vector<std::string> asked;
  std::vector<std::function<void(const HttpResponse&)>> waiting;
  bool held = false;

 private:
  using DoneFn = std::function<void(const HttpResponse&)>;

  // Of hosts that drop packets.
  void TimeOut(Duration timeout, DoneFn done) {
    dead_.push_back(std::make_unique<Timer>(timers_, [done = std::move(done)] {
      done({.status = 0, .error = "timed out", .content_type = {}, .body = {}});
    }));
    dead_.back()->Set(clock_.Now() + timeout);
  }

  TimerQueue& timers_;
  const Clock& clock_;
  std::deque<std::unique_ptr<Timer>> dead_;
};

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_POLICY_FAKE_FETCH_H_
