// tools/showcase/world.cc — see world.h.

#include "tools/showcase/world.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace sluice::tools {
namespace {

// A few large providers and a long tail, as every list has.
constexpr double kLargeWeights[] = {12, 9, 7, 6, 5, 4, 4, 3, 3, 2, 2, 2};

struct Exception {
  int domain;
  Temper temper;
};
constexpr Exception kExceptions[] = {
    {5, Temper::kGreylist},        {17, Temper::kGreylist},     {29, Temper::kGreylist},
    {41, Temper::kGreylist},       {53, Temper::kGreylist},     {7, Temper::kBusy},
    {19, Temper::kBusy},           {31, Temper::kBusy},         {43, Temper::kBusy},
    {3, Temper::kUnknownUsers},    {23, Temper::kUnknownUsers}, {37, Temper::kUnknownUsers},
    {47, Temper::kRefusesContent}, {51, Temper::kMoody},        {59, Temper::kTarpit},
};

// One rule for every domain of a temper.
void AddRules(std::vector<std::string>& arguments, const DemoDomain& domain) {
  const auto rule = [&](const std::string& stage, const std::string& rest) {
    arguments.insert(arguments.end(), {"--reply", stage + "@" + domain.name + ":" + rest});
  };
  switch (domain.temper) {
    case Temper::kFine:
      return rule("rcpt", "1:550 5.1.1 User unknown");
    case Temper::kGreylist:
      arguments.insert(arguments.end(), {"--greylist-match", "@" + domain.name});
      return;
    case Temper::kBusy:
      return rule("rcpt", "40x1:451 4.3.2 Busy, try again later");
    case Temper::kUnknownUsers:
      return rule("rcpt", "12:550 5.1.1 User unknown");
    case Temper::kRefusesContent:
      return rule("dot", "30:554 5.6.0 Message content not accepted");
    case Temper::kMoody:
      return rule("dot", "4x1:drop");
    case Temper::kTarpit:
      return;
  }
}

}  // namespace

const char* NameOf(Temper temper) {
  switch (temper) {
    case Temper::kFine:
      return "fine";
    case Temper::kGreylist:
      return "greylists 2 s";
    case Temper::kBusy:
      return "busy at first";
    case Temper::kUnknownUsers:
      return "unknown users";
    case Temper::kRefusesContent:
      return "refuses content";
    case Temper::kMoody:
      return "421 and drops";
    case Temper::kTarpit:
      return "tarpit";
  }
  return "";
}

std::vector<DemoDomain> MakeDemoDomains() {
  std::vector<DemoDomain> domains;
  for (int i = 0; i < kDemoDomains; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "d%02d.demo.test", i);
    const bool large = i < int(std::size(kLargeWeights));
    domains.push_back({name, Temper::kFine, large ? kLargeWeights[i] : 1.0});
  }
  for (const Exception& exception : kExceptions)
    domains[size_t(exception.domain)].temper = exception.temper;
  domains[kDemoDomains - 1].weight = 0.5;  // the tarpit: it would otherwise set the demo's length
  return domains;
}

SinkKind SinkOf(Temper temper) {
  if (temper == Temper::kMoody) return SinkKind::kMoody;
  return temper == Temper::kTarpit ? SinkKind::kTarpit : SinkKind::kCommon;
}

std::vector<std::string> SinkArguments(SinkKind kind, const std::vector<DemoDomain>& domains) {
  std::vector<std::string> arguments = {"sink"};
  for (const DemoDomain& domain : domains) {
    if (SinkOf(domain.temper) != kind) continue;
    arguments.insert(arguments.end(), {"--listen", "127.0.0.1:0"});
    AddRules(arguments, domain);
  }
  switch (kind) {
    case SinkKind::kCommon:
      // One more, for the engine's reports.
      arguments.insert(arguments.end(), {"--listen", "127.0.0.1:0", "--greylist", "2"});
      break;
    case SinkKind::kMoody:
      arguments.insert(arguments.end(), {"--max-messages-per-connection", "20"});
      break;
    case SinkKind::kTarpit:
      arguments.insert(arguments.end(), {"--latency", "30"});
      break;
  }
  return arguments;
}

std::string DomainWeights(const std::vector<DemoDomain>& domains) {
  std::string out;
  for (const DemoDomain& domain : domains) {
    char weight[32];
    std::snprintf(weight, sizeof weight, "=%g", domain.weight);
    out.append(out.empty() ? "" : ",").append(domain.name).append(weight);
  }
  return out;
}

std::string EngineConfig(const std::string& folder, int port,
                         const std::vector<DemoRoute>& routes) {
  std::string out = "hostname = \"demo.test\"\n\n[queue]\npath = \"" + folder +
                    "/queue\"\n\n[control]\nsocket = \"" + folder + "/control.sock\"\n\n" +
                    "[events]\nlog = \"" + folder +
                    "/events.jsonl\"\nrotate_bytes = 1099511627776\n\n" +
                    "[retry]\ngaps = [\"2s\", \"3s\", \"5s\", \"8s\"]\nmax_age = \"10m\"\n\n" +
                    "[reports]\nper_minute = 60000\n\n" +  // all go to one mailbox
                    "[[listener]]\nbind = [\"127.0.0.1:" + std::to_string(port) +
                    "\"]\nrole = \"submission\"\ntls = \"none\"\ntrusted = [\"127.0.0.0/8\"]\n";
  for (const DemoRoute& route : routes)
    out += "\n[[route]]\nmatch = \"" + route.domain + "\"\nhosts = [\"" + route.host + "\"]\n";
  return out;
}

// The shipped rules leave a greylist five minutes, as receivers want it. These here want two seconds.
std::string EngineReplies() {
  return "[[rule]]\nname = \"greylisted\"\ncode = 451\ntext = 'greylist'\nblame = \"nobody\"\n"
         "retry_after = \"2s\"\nsamples = ['451 4.7.1 Greylisted, please try again later']\n";
}

}  // namespace sluice::tools
