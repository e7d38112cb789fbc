// Question: how near does the adaptive rate come to a sender who knows the receiver's limits, and
// how often is it refused? Method: whole campaigns in virtual time against model receivers
// (tests/shard/rate_model.h): rates, windows, connection limits, a penalty box, greylisting, a
// tarpit, limits that change. Prediction: within 1.25 times the oracle's time, under 2% refused;
// worst where a refusal costs a long rest, because each look for the limit costs one.
//
//   adaptive_rate [FOLDER]
//
// With a folder, a picture of each is written there: black what the receiver takes a second, blue
// what it was sent, red the rate that was in force; from the left the time, upwards the rate.

#include <cstdio>
#include <string>

#include "bench/png.h"
#include "tests/shard/rate_model.h"

namespace sluice::engine {
namespace {

constexpr bench::Colour kLimit{0, 0, 0};
constexpr bench::Colour kTaken{60, 110, 220};
constexpr bench::Colour kRate{210, 50, 40};

bool Draw(const ModelOutcome& outcome, const std::string& file) {
  constexpr int kWidth = 1'000;
  constexpr int kHeight = 300;
  bench::Picture picture(kWidth, kHeight);
  double most = 1;
  for (const ModelSample& sample : outcome.samples)
    most = std::max({most, 1.2 * sample.limit, 1.2 * sample.taken});
  const double last = double(outcome.took.count());
  const auto across = [&](Duration at) { return int(double(at.count()) / last * (kWidth - 1)); };
  const auto up = [&](double rate) {
    return kHeight - 1 - int(std::min(rate, most) / most * (kHeight - 1));
  };
  const ModelSample* before = nullptr;
  for (const ModelSample& sample : outcome.samples) {
    if (before != nullptr) {
      const int x0 = across(before->at);
      const int x1 = across(sample.at);
      picture.Line(x0, up(before->taken), x1, up(sample.taken), kTaken);
      picture.Line(x0, up(before->rate), x1, up(sample.rate), kRate);
      if (sample.limit > 0) picture.Line(x0, up(before->limit), x1, up(sample.limit), kLimit);
    }
    before = &sample;
  }
  return picture.Write(file);
}

int Main(int argc, char** argv) {
  std::printf("%-22s %10s %10s %7s %9s\n", "receiver", "oracle s", "adaptive s", "times",
              "refused");
  for (const ModelReceiver& receiver : ModelReceivers()) {
    const ModelCampaign campaign{.messages = receiver.messages};
    const ModelOutcome oracle = RunOracle(receiver, campaign);
    const ModelOutcome found = RunAdaptive(receiver, campaign);
    std::printf("%-22s %10.0f %10.0f %7.3f %8.3f%%\n", receiver.name.c_str(),
                double(oracle.took.count()) / 1e6, double(found.took.count()) / 1e6,
                double(found.took.count()) / double(oracle.took.count()),
                found.refused_share() * 100);
    if (argc < 2) continue;
    const std::string file = std::string(argv[1]) + "/" + receiver.name + ".png";
    if (Draw(found, file)) continue;
    std::fprintf(stderr, "cannot write %s\n", file.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace sluice::engine

int main(int argc, char** argv) { return sluice::engine::Main(argc, argv); }
