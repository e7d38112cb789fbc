// What is suspended: a small table beside the messages, so that a restart does not storm.

#include "engine/base/check.h"
#include "queue/hash.h"
#include "queue/keys.h"
#include "queue/store.h"

namespace sluice::queue {
namespace {

LaneId NameOf(const SuspensionId& id, uint64_t seed) { return HashLane({id.key, {}, {}}, seed); }

bool Decode(const Cursor& row, Suspension& out, bool& known) {
  return DecodeSuspension(row.value(), SuspensionNameOf(row.key()), out, known);
}

}  // namespace

void Store::ApplySuspensions(Txn& txn, const Transaction& transaction) {
  for (const Suspension& suspension : transaction.suspensions) {
    CHECK(suspension.id.key.size() <= kMaxSuspensionKey);
    const LaneId name = NameOf(suspension.id, seed_);
    const auto key = SuspensionKey(suspension.id.kind, name);
    const bool there = txn.Get(Table::kSuspension, key.view()).has_value();
    if (!there && txn.Rows(Table::kSuspension) >= kMaxSuspensions) continue;
    EncodeSuspension(suspension, name, record_);
    txn.Put(Table::kSuspension, key.view(), record_);
  }
  for (const SuspensionId& id : transaction.lifted)
    txn.Delete(Table::kSuspension, SuspensionKey(id.kind, NameOf(id, seed_)).view());
}

// A row that cannot be read would hold its place for good: nobody knows its name.
void Store::DropDamagedSuspensions(Txn& txn) {
  Cursor row(txn, Table::kSuspension);
  for (bool more = row.First(); more; more = row.Next()) {
    Suspension suspension;
    bool known = false;
    if (!Decode(row, suspension, known)) row.Delete();
  }
}

Result<std::vector<Suspension>> Store::Suspensions() {
  Txn txn(*env_, Txn::Mode::kRead);
  std::vector<Suspension> out;
  {
    Cursor row(txn, Table::kSuspension);
    for (bool more = row.First(); more; more = row.Next()) {
      Suspension suspension;
      bool known = false;
      if (Decode(row, suspension, known) && known) out.push_back(std::move(suspension));
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return out;
}

}  // namespace sluice::queue
