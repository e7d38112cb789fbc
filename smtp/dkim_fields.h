// smtp/dkim_fields.h — which header fields a signature covers: the tag h=.
//
// PURPOSE   Says by name what is signed, and what is over-signed: named once more than it is there,
//           so that a field added on the way breaks the signature. Finds them in a header.
// DECIDED   RFC 6376 5.4.1, the fields of MIME, of list mail (List-Unsubscribe and its one-click
//           twin must be signed for Google and Yahoo), Feedback-ID, our own reference. Over-signed
//           always: what a mail program shows or interprets. Over-signed where present: what only
//           some mail has, so that a mailing list may add its own to the rest. Never: fields that
//           relays add or change (Received, Return-Path, Authentication-Results, signatures).
// RULES     RFC 6376 5.4.2: of several fields of one name the lowest comes first.
// LIMITS    kSignedFieldsMax names; time is linear in the header.
// TESTS     tests/smtp/dkim_fields_test.cc, tests/fuzz/fuzz_smtp_dkim.cc

#ifndef SLUICE_SMTP_DKIM_FIELDS_H_
#define SLUICE_SMTP_DKIM_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::smtp {

// Names in one signature. Real mail has under 30; what stands above the lowest of so many is left
// unsigned.
inline constexpr size_t kSignedFieldsMax = 128;

enum class Cover : uint8_t {
  kPresent,           // signed where present
  kPresentAndAdded,   // and then over-signed
  kAlwaysOversigned,  // over-signed also where absent
};

struct FieldRule {
  std::string_view name;
  Cover cover;
};

// In the order of h=.
std::span<const FieldRule> DefaultFieldRules();
// Fields that no signature of ours ever covers, whatever the configuration says.
bool IsNeverSigned(std::string_view name);

struct SignedFields {
  // The names of h=, as the rules write them.
  std::vector<std::string_view> names;
  // Those that are there, in the order in which they are hashed: whole fields with their CR LF.
  std::vector<std::string_view> fields;
};

// `header` is whole lines ending in CR LF, without the blank line and without what does not leave.
SignedFields SelectFields(std::string_view header, std::span<const FieldRule> rules);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_DKIM_FIELDS_H_
