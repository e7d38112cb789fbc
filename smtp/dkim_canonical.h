// smtp/dkim_canonical.h — header fields and bodies in the two forms that DKIM hashes.
//
// PURPOSE   RFC 6376 3.4: `simple` takes the octets as they are, `relaxed` bears what relays do to
//           white space. The body comes in pieces, cut anywhere, and goes on to a sink in pieces.
// RULES     What is fed is what leaves: CR LF line ends only (protocol.md 1). A CR or LF alone,
//           should one be there, is an octet like others.
// LIMITS    A body keeps two counters between pieces, no octets.
// TESTS     tests/smtp/dkim_canonical_test.cc, tests/fuzz/fuzz_smtp_dkim.cc

#ifndef SLUICE_SMTP_DKIM_CANONICAL_H_
#define SLUICE_SMTP_DKIM_CANONICAL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/content_receiver.h"

namespace sluice::smtp {

enum class Canonical : uint8_t { kSimple, kRelaxed };

// "simple", "relaxed": a half of the tag c=.
std::string_view NameOf(Canonical form);

// Appends one field, given with or without its last CR LF, in that form and without it.
void AppendCanonicalField(Canonical form, std::string_view field, std::string& out);

class CanonicalBody {
 public:
  // The sink outlives this.
  CanonicalBody(Canonical form, ContentSink& sink) : form_(form), sink_(sink) {}

  void Update(std::string_view piece);
  // The body is whole.
  void Finish();

 private:
  void UpdateSimple(std::string_view piece);
  void UpdateRelaxed(std::string_view piece);
  void Emit(std::string_view octets);
  void FlushLineEnds();
  size_t RunEnd(std::string_view piece, size_t at) const;
  void TakeCr(std::string_view& piece);

  const Canonical form_;
  ContentSink& sink_;
  uint64_t line_ends_ = 0;  // held back: those at the very end do not count
  bool cr_ = false;         // the last octet was a CR, held back
  bool space_ = false;      // relaxed: white space, held back
  bool any_ = false;        // something was emitted
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_DKIM_CANONICAL_H_
