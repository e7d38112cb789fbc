// tools/showcase/world.h — the receivers of the demo: 60 domains and their tempers.
//
// PURPOSE   One table says who they are; the sinks' arguments, the engine's routes, the weights of
//           the source and the closing table all come from it.

#ifndef SLUICE_TOOLS_SHOWCASE_WORLD_H_
#define SLUICE_TOOLS_SHOWCASE_WORLD_H_

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::tools {

enum class Temper : uint8_t {
  kFine,
  kGreylist,
  kBusy,
  kUnknownUsers,
  kRefusesContent,
  kMoody,
  kTarpit
};

// As the closing table names it.
const char* NameOf(Temper temper);

struct DemoDomain {
  std::string name;
  Temper temper = Temper::kFine;
  double weight = 1;
};

inline constexpr int kDemoDomains = 60;
// Where the engine's reports about bounces go.
inline constexpr const char* kReportDomain = "sender.demo.test";

std::vector<DemoDomain> MakeDemoDomains();

// The sinks are separate processes where a temper belongs to a whole process (latency, messages per
// connection). Each listens on one port a domain, so that each domain is a site of its own.
enum class SinkKind : uint8_t { kCommon, kMoody, kTarpit };
inline constexpr int kSinkKinds = 3;
SinkKind SinkOf(Temper temper);

std::vector<std::string> SinkArguments(SinkKind kind, const std::vector<DemoDomain>& domains);

// "d00.demo.test=12,…" for the source.
std::string DomainWeights(const std::vector<DemoDomain>& domains);

struct DemoRoute {
  std::string domain;
  std::string host;  // ADDR:PORT
};
std::string EngineConfig(const std::string& folder, int port, const std::vector<DemoRoute>& routes);
// Of replies.toml beside it.
std::string EngineReplies();

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SHOWCASE_WORLD_H_
