#include "config/tls_report_checks.h"

#include <algorithm>
#include <string>

#include "config/check_tools.h"
#include "config/syntax.h"
#include "engine/base/parent_domain.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

// RFC 5321 4.5.3.1.1.
constexpr size_t kLocalPartMax = 64;

class TlsReportChecker : private CheckTools {
 public:
  using CheckTools::CheckTools;

  void Run() {
    const TlsReport& report = config_.tls_report;
    const Member* section = root_.Find("tls_report");
    if (section == nullptr) return;
    const bool named = section->value.Find("organization") != nullptr;
    if (named != (section->value.Find("contact") != nullptr))
      return Wrong(named ? "organization" : "contact",
                   named ? "needs somebody to ask: set tls_report.contact"
                         : "needs a name beside it: set tls_report.organization");
    if (!named) return;
    for (const auto& [key, address] :
         {std::pair<std::string_view, const std::string&>("contact", report.contact),
          std::pair<std::string_view, const std::string&>("from", report.from)})
      if (!address.empty() && !IsMailbox(address, kLocalPartMax, "+_="))
        return Wrong(key, Quote(address) + " is no mail address: write \"postmaster@example.com\"");
    if (SigningDomain(config_, DomainOf(report.from)) == nullptr)
      Wrong("from", "no [[domain]] with a key signs for " + Quote(report.from) +
                        ", and receivers drop reports without a signature of the submitter: "
                        "add a key, or use an address of a domain that has one");
  }

 private:
  // Where the key is not written, its section is the place.
  void Wrong(std::string_view key, std::string what) {
    const Member* section = root_.Find("tls_report");
    const Member* member = section->value.Find(key);
    reader_.Fail(member == nullptr ? section->value.at : member->value.at,
                 "tls_report." + std::string(key), std::move(what));
  }
};

}  // namespace

void CheckTlsReport(Reader& reader, const Value& root, const Surroundings& surroundings,
                    const Config& config) {
  TlsReportChecker(reader, root, surroundings, config).Run();
}

const Domain* SigningDomain(const Config& config, std::string_view domain) {
  const std::string lower = Lower(domain);
  for (std::string_view name = lower; !name.empty(); name = ParentDomain(name)) {
    const auto found = std::ranges::find(config.domains, name, &Domain::name);
    if (found != config.domains.end() && !found->dkim.empty()) return &*found;
  }
  return nullptr;
}

}  // namespace sluice::config
