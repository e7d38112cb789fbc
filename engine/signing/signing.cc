#include "engine/signing/signing.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

int64_t SecondsOf(WallTime time) { return MicrosOf(time) / 1'000'000; }

}  // namespace

Result<std::string> MakeSignatures(const SignTask& task) {
  CHECK(!task.keys.empty());
  std::vector<smtp::DkimSigner> signers;
  for (const SigningKey* key : task.keys) {
    smtp::DkimSigner& signer = signers.emplace_back();
    signer.domain = key->domain;
    signer.selector = key->selector;
    signer.identity = key->identity;
    signer.header = task.keyring->header_form();
    signer.body = task.body_form;
    signer.key = key->key.get();
  }
  smtp::DkimContent content;
  content.header = task.header;
  (task.body_form == smtp::Canonical::kSimple ? content.simple_body : content.relaxed_body) =
      task.body_hash;
  content.rules = task.keyring->rules();
  content.signed_at = SecondsOf(task.now);
  if (task.keyring->expire()) content.expires_at = SecondsOf(task.now + *task.keyring->expire());
  return smtp::SignMessage(signers, content);
}

queue::Signature SignatureOf(const SignTask& task) {
  queue::Signature out;
  out.body_form = uint8_t(task.body_form);
  out.body_hash = task.body_hash;
  for (const SigningKey* key : task.keys) out.selectors.push_back(key->mark);
  return out;
}

void PutSignature(queue::Signature signature, size_t length, queue::Message& message) {
  signature.length = uint32_t(length);
  message.signature = std::move(signature);
  message.header_length += uint32_t(length);
  for (queue::Cut& cut : message.cuts) cut.offset += uint32_t(length);
}

void Signing::Sign(SignTask task, DoneFn done) {
  struct State {
    SignTask task;
    Result<std::string> fields;
  };
  ++open_;
  auto state = std::make_unique<State>(std::move(task), Result<std::string>());
  // The job's end happens before `done`, which owns what it wrote.
  State* const shared = state.get();
  workers_.Run([shared] { shared->fields = MakeSignatures(shared->task); },
               [this, state = std::move(state), done = std::move(done)]() mutable {
                 --open_;
                 done(std::move(state->fields));
               });
}

}  // namespace sluice::engine
