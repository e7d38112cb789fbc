// engine/submission/bulk_faults.h — what can be missing in a bulk message, as a set, and how often
// it was, by tenant.
//
// NOT HERE  Finding it: bulk_rules.h.
// LIMITS    kTenantsMax tenants are counted apart; beyond that the rest counts as one.
// THREADS   A BulkTally is confined to its shard.
// TESTS     tests/engine/bulk_rules_test.cc

#ifndef SLUICE_ENGINE_SUBMISSION_BULK_FAULTS_H_
#define SLUICE_ENGINE_SUBMISSION_BULK_FAULTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace sluice::engine {

enum class BulkFault : uint8_t {
  kNoFrom,
  kNotSigned,  // by the From domain
  kNoUnsubscribe,
  kNoLink,  // List-Unsubscribe has no https link
  kNotOneClick,
  kShared,  // the link cannot be added: the message goes to several recipients
};
inline constexpr size_t kBulkFaults = size_t(BulkFault::kShared) + 1;

class BulkFaultSet {
 public:
  void Add(BulkFault fault) { bits_ |= uint8_t(1u << unsigned(fault)); }
  bool Has(BulkFault fault) const { return (bits_ >> unsigned(fault) & 1u) != 0; }
  bool empty() const { return bits_ == 0; }

  friend bool operator==(const BulkFaultSet&, const BulkFaultSet&) = default;

 private:
  uint8_t bits_ = 0;
};

// "no_unsubscribe", for programs.
std::string_view BulkFaultId(BulkFault fault);
// "no List-Unsubscribe, no ...", for people.
std::string BulkFaultText(BulkFaultSet faults);

class BulkTally {
 public:
  static constexpr size_t kTenantsMax = 100;

  struct Row {
    uint64_t messages = 0;  // bulk ones, looked at
    uint64_t faulty = 0;
    std::array<uint64_t, kBulkFaults> faults{};

    void Add(const Row& other);
  };
  using Rows = std::map<std::string, Row>;  // by tenant

  void Note(const std::string& tenant, BulkFaultSet faults);
  const Rows& rows() const { return rows_; }

  // Puts the rows of one shard to those of others.
  static void Merge(const Rows& from, Rows& to);

 private:
  Rows rows_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_BULK_FAULTS_H_
