// config/tls_report_checks.h — what must hold of [tls_report].

#ifndef SLUICE_CONFIG_TLS_REPORT_CHECKS_H_
#define SLUICE_CONFIG_TLS_REPORT_CHECKS_H_

#include <string_view>

#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/surroundings.h"

namespace sluice::config {

// Tells `reader` what is wrong. A part of CheckConfig.
void CheckTlsReport(Reader& reader, const Value& root, const Surroundings& surroundings,
                    const Config& config);

// The [[domain]] with keys that signs mail From `domain`: itself or the nearest parent; null: none.
const Domain* SigningDomain(const Config& config, std::string_view domain);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_TLS_REPORT_CHECKS_H_
