#include "engine/submission/bulk_faults.h"

namespace sluice::engine {
namespace {

struct Words {
  std::string_view id;
  std::string_view text;
};
constexpr std::array<Words, kBulkFaults> kWords = {
    {{"no_from", "no From with a domain"},
     {"not_signed", "no signature of the From domain"},
     {"no_unsubscribe", "no List-Unsubscribe"},
     {"no_link", "no https link in List-Unsubscribe"},
     {"not_one_click", "no List-Unsubscribe-Post: List-Unsubscribe=One-Click"},
     {"several_recipients",
      "no link could be added for several recipients at once: send one message to each"}}};

constexpr char kOthers[] = "further tenants";

// Whose row counts for `tenant`.
std::string KeyOf(const BulkTally::Rows& rows, const std::string& tenant) {
  return rows.contains(tenant) || rows.size() < BulkTally::kTenantsMax ? tenant : kOthers;
}

}  // namespace

std::string_view BulkFaultId(BulkFault fault) { return kWords[size_t(fault)].id; }

std::string BulkFaultText(BulkFaultSet faults) {
  std::string out;
  for (size_t i = 0; i < kBulkFaults; ++i) {
    if (!faults.Has(BulkFault(i))) continue;
    if (!out.empty()) out += ", ";
    out += kWords[i].text;
  }
  return out;
}

void BulkTally::Row::Add(const Row& other) {
  messages += other.messages;
  faulty += other.faulty;
  for (size_t i = 0; i < kBulkFaults; ++i) faults[i] += other.faults[i];
}

void BulkTally::Note(const std::string& tenant, BulkFaultSet faults) {
  Row& row = rows_[KeyOf(rows_, tenant)];
  ++row.messages;
  row.faulty += faults.empty() ? 0 : 1;
  for (size_t i = 0; i < kBulkFaults; ++i) row.faults[i] += faults.Has(BulkFault(i)) ? 1 : 0;
}

void BulkTally::Merge(const Rows& from, Rows& to) {
  for (const auto& [tenant, row] : from) to[KeyOf(to, tenant)].Add(row);
}

}  // namespace sluice::engine
