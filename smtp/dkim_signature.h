// smtp/dkim_signature.h — DKIM-Signature fields (RFC 6376, 8301, 8463): what they say, how they are
// folded, and the one place where they are made.
//
// PURPOSE   From a header as it leaves and the hash of a body as it leaves to the fields that go in
//           front of both. Several signers make several fields; none covers another.
// DECIDED   Never l=. t= always, x= and i= when asked for. Lines of at most kSignatureLineMax
//           octets where the tags allow, folded before a tag, behind a colon of h= or within
//           base64, with one space: relays that fold long lines anew, or make spaces of tabs, find
//           nothing to do. b= is the last tag and has nothing behind it.
// THREADS   Pure; runs on the signer pool.
// TESTS     tests/smtp/dkim_signature_test.cc, tests/integration/dkim_test.py

#ifndef SLUICE_SMTP_DKIM_SIGNATURE_H_
#define SLUICE_SMTP_DKIM_SIGNATURE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "smtp/dkim_canonical.h"
#include "smtp/dkim_fields.h"
#include "smtp/dkim_key.h"
#include "smtp/sha256.h"

namespace sluice::smtp {

// The hash of a body in one canonical form, fed in pieces.
class DkimBodyHash final : private ContentSink {
 public:
  explicit DkimBodyHash(Canonical form) : form_(form), body_(form, *this) {}

  Canonical form() const { return form_; }
  void Update(std::string_view piece) { body_.Update(piece); }
  // Once; nothing may follow.
  Sha256Digest Finish() {
    body_.Finish();
    return sha_.Finish();
  }

 private:
  void OnContent(std::string_view piece) override { sha_.Update(piece); }

  const Canonical form_;
  Sha256 sha_;
  CanonicalBody body_;
};

// Who signs, and how.
struct DkimSigner {
  std::string_view domain;    // d=, ASCII
  std::string_view selector;  // s=
  std::string_view identity;  // i=, with its '@'; empty: left out
  Canonical header = Canonical::kRelaxed;
  Canonical body = Canonical::kRelaxed;
  const DkimKey* key = nullptr;
};

struct DkimContent {
  // As it leaves: whole lines ending in CR LF, without the blank line, cuts made.
  std::string_view header;
  // By form; what the signers ask for is there.
  std::optional<Sha256Digest> simple_body;
  std::optional<Sha256Digest> relaxed_body;
  std::span<const FieldRule> rules;
  int64_t signed_at = 0;              // t=, seconds since 1970
  std::optional<int64_t> expires_at;  // x=
};

// Of a line of the field, without its CR LF.
inline constexpr size_t kSignatureLineMax = 76;

// The fields of all signers, each ending in CR LF, in their order. Fails when OpenSSL does: then
// there is no signature at all.
Result<std::string> SignMessage(std::span<const DkimSigner> signers, const DkimContent& content);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_DKIM_SIGNATURE_H_
