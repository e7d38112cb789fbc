// engine/submission/bulk_rules.h — what the large receivers demand of campaign mail, looked at
// while the platform still listens.
//
// PURPOSE   Google, Yahoo, Microsoft and Orange refuse or file away bulk mail that is not signed by
//           its From domain or cannot be unsubscribed from with one click. Per tenant it is left
//           alone, told of, or mended where that is possible (docs/deliverability.md).
// NOT HERE  Date and Message-ID, which are always added; several From fields, which are always
//           refused (message_builder.h); the receiving end of what is added.
// TESTS     tests/engine/bulk_rules_test.cc

#ifndef SLUICE_ENGINE_SUBMISSION_BULK_RULES_H_
#define SLUICE_ENGINE_SUBMISSION_BULK_RULES_H_

#include <string>
#include <string_view>

#include "config/config.h"
#include "engine/submission/bulk_faults.h"
#include "smtp/header_scan.h"
#include "smtp/recipient_token.h"

namespace sluice::engine {

// What is wrong with a bulk message. `aligned`: a signature of its From domain goes out with it.
BulkFaultSet FindBulkFaults(const smtp::HeaderFacts& header, bool aligned);

// What the alert says of a campaign with such faults.
std::string BulkWords(const std::string& tenant, const std::string& campaign, BulkFaultSet faults);

// The settings of a tenant; those of nobody in particular when the configuration has none of it.
const config::Tenant& TenantOf(const config::Config& config, std::string_view name);

// List-Unsubscribe and its one-click twin for one recipient; empty: the tenant has no link for it.
std::string UnsubscribeFields(const config::Tenant& tenant, const smtp::TokenSecrets& secrets,
                              const smtp::RecipientToken& recipient);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_BULK_RULES_H_
