// A mailing that is larger than what may go in a day, in virtual time: day_limit_sim [--full].
//
// 3,000 recipients (with --full 1,000,000) may leave at a fifth of that a day: once because the
// shaping file allows the receiver no more, once because the user has a daily limit. What must hold,
// with a max_age of three days: all of them get a first attempt and are delivered, none expires
// untried, and no day takes more than its limit.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/one_site.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

class DayLimit : private OneSite {
 public:
  DayLimit(OneSiteOptions options, size_t recipients)
      : OneSite(1, std::move(options)), recipients_(recipients) {}

  // `until_midnight`: days are those of the calendar; the run begins at eight.
  bool Run(const std::string& what, bool calendar) {
    SendMany({.sender = "news@sender.test", .recipients = {}, .campaign = "c"}, recipients_,
             [this](SimMail mail) {
               Expect(engine_->Submit(std::move(mail), [](MessageId) {}), "the engine takes mail");
             });
    const Instant began = world_.now();
    world_.RunUntil([this] { return mailroom_.all().size() >= recipients_; }, 7 * 24h);
    std::vector<Instant> times;
    for (const Taken& taken : mailroom_.all()) times.push_back(taken.at);
    std::ranges::sort(times);
    const size_t most = calendar ? MostOfACalendarDay(times) : MostOfAnyDay(times);
    const double days = SecondsOf(world_.now() - began) / 86'400;
    char line[200];
    std::snprintf(line, sizeof line, "%s: %zu of %zu delivered in %.2f days, at most %zu a day",
                  what.c_str(), times.size(), recipients_, days, most);
    Expect(times.size() == recipients_ && most <= recipients_ / 5 + recipients_ / 1'000, line);
    Expect(record_.CountFinal(queue::EventType::kExpired) == 0, what + ": none has expired");
    Expect(record_.faults().empty(), what + ": no fault in the events");
    return good_;
  }

 private:
  static size_t MostOfAnyDay(const std::vector<Instant>& times) {
    size_t most = 0;
    for (size_t first = 0, i = 0; i < times.size(); ++i) {
      while (times[i] - times[first] >= 24h) ++first;
      most = std::max(most, i - first + 1);
    }
    return most;
  }
  static size_t MostOfACalendarDay(const std::vector<Instant>& times) {
    size_t most = 0;
    for (size_t from = 0; from < times.size();) {
      const auto day = (times[from] - Instant{} + 8h) / 24h;
      size_t to = from;
      while (to < times.size() && (times[to] - Instant{} + 8h) / 24h == day) ++to;
      most = std::max(most, to - from);
      from = to;
    }
    return most;
  }

  const size_t recipients_;
};

bool RunBoth(bool full) {
  const size_t recipients = full ? 1'000'000 : 3'000;
  const std::string day = std::to_string(recipients / 5);
  OneSiteOptions by_receiver{.config = std::make_shared<config::Config>(),
                             .shaping = "[default]\nmessage_rate = \"" + day + "/day\"\n",
                             .shards = 2,
                             .large = full};
  OneSiteOptions by_user{.config = std::make_shared<config::Config>(), .shards = 2, .large = full};
  by_user.config->users.emplace_back();
  by_user.config->users.back().name = "crm";
  by_user.config->users.back().daily_limit = recipients / 5;
  const bool first =
      DayLimit(std::move(by_receiver), recipients).Run("message_rate " + day + "/day", false);
  return DayLimit(std::move(by_user), recipients).Run("daily_limit " + day, true) && first;
}

}  // namespace
}  // namespace sluice::sim

int main(int argc, char** argv) {
  const bool full = argc == 2 && std::strcmp(argv[1], "--full") == 0;
  if (argc > 1 && !full) {
    std::fprintf(stderr, "usage: day_limit_sim [--full]\n");
    return 2;
  }
  return sluice::sim::RunBoth(full) ? 0 : 1;
}
