// engine/signing/signing.h — a message's signatures, made on the signer pool.
//
// PURPOSE   A signature costs a loop more than ten messages do: what is to be signed is handed to a
//           worker with all it needs, and the fields come back to the loop.
// NOT HERE  Whether and by whom (keyring.h, submission/sender_policy.h), the field itself
//           (smtp/dkim_signature.h).
// THREADS   Sign on the loop; MakeSignatures is pure and runs on a worker.

#ifndef SLUICE_ENGINE_SIGNING_SIGNING_H_
#define SLUICE_ENGINE_SIGNING_SIGNING_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/time.h"
#include "engine/base/workers.h"
#include "engine/signing/keyring.h"
#include "queue/records.h"
#include "smtp/dkim_signature.h"

namespace sluice::engine {

struct SignTask {
  std::shared_ptr<const Keyring> keyring;  // keeps the keys alive
  std::vector<const SigningKey*> keys;     // at least one
  // As it leaves: whole lines, without the blank line and without what is cut out.
  std::string header;
  // Of the body as it leaves, in the form that the keyring asks for or that was hashed before.
  smtp::Canonical body_form = smtp::Canonical::kRelaxed;
  smtp::Sha256Digest body_hash{};
  WallTime now{};
};

// The fields that go in front of the message, in the order of the keys.
Result<std::string> MakeSignatures(const SignTask& task);

// What a message's record keeps of it, but for the length of the fields.
queue::Signature SignatureOf(const SignTask& task);
// `length` octets of fields have been put in front of the stored message.
void PutSignature(queue::Signature signature, size_t length, queue::Message& message);

class Signing {
 public:
  using DoneFn = std::move_only_function<void(Result<std::string>)>;

  // `workers` outlives this.
  explicit Signing(Workers& workers) : workers_(workers) {}
  Signing(const Signing&) = delete;
  Signing& operator=(const Signing&) = delete;

  // `done` runs on the loop, never within this call.
  void Sign(SignTask task, DoneFn done);
  // Not answered yet.
  size_t open() const { return open_; }

 private:
  Workers& workers_;
  size_t open_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SIGNING_SIGNING_H_
