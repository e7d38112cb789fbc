// smtp/header_scan.h — one pass over the header block of a message at submission.
//
// PURPOSE   Says whether it is a header at all, and everything submission decides by it: what is
//           missing, what must not leave, which campaign it belongs to (design part 2), its class.
// NOT HERE  Finding the end of the header, writing generated fields (engine/submission), MIME.
// LIMITS    A pure function; time is linear in the header, which the caller bounds.

#ifndef SLUICE_SMTP_HEADER_SCAN_H_
#define SLUICE_SMTP_HEADER_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::smtp {

// Of a campaign's name; longer ones are cut, at a character.
inline constexpr size_t kCampaignMax = 128;

enum class HeaderFault : uint8_t {
  kNone,
  kNotAField,  // neither a field nor a continuation
  kTwoFrom,
};

struct HeaderCut {
  size_t offset;
  size_t length;
};

// X-Schedule-... fields that are kept; there are fewer kinds of them.
inline constexpr size_t kScheduleFieldsMax = 8;

struct ScheduleField {
  std::string name;
  std::string value;  // unfolded and cleaned
};

struct HeaderFacts {
  HeaderFault fault = HeaderFault::kNone;
  size_t fault_line = 0;  // counted from 1
  uint32_t received = 0;  // Received fields: hops so far
  bool date = false;
  bool message_id = false;
  bool from = false;
  bool list_mail = false;  // List-Unsubscribe, List-Id, Precedence: bulk or list
  bool is_signed = false;  // DKIM-Signature
  // RFC 2369, 8058: there is a List-Unsubscribe, one of its links is https, and its twin says that
  // a POST there needs no more clicks.
  bool unsubscribe = false;
  bool unsubscribe_https = false;
  bool one_click = false;
  bool eight_bit = false;
  std::string from_domain;  // of the first mailbox, lower case; empty: none found
  std::vector<std::string> more_from_domains;  // of further mailboxes in From, unlike the first
  std::string campaign;                        // by the sender's own fields; empty: none of them
  // X-Priority-Class as written, unfolded and cleaned; empty: none. The first counts.
  std::string priority_class;
  std::string pool;  // X-Virtual-MTA or X-Pool, the same way
  // X-Schedule-... as they stand, at most kScheduleFieldsMax.
  std::vector<ScheduleField> schedule;
  // Campaign mail, as far as the message itself tells (design part 2).
  bool bulk() const { return !campaign.empty() || list_mail; }
  // Whole fields that never leave: Bcc, Return-Path, control headers. Ascending; neighbours merged.
  std::vector<HeaderCut> cuts;
};

// `header` is whole lines ending in CR LF, without the blank line.
HeaderFacts ScanHeader(std::string_view header);

// The domain of a mailbox, lower case; of several the first that has one; empty: none.
std::string FromDomain(std::string_view value);

// The mailboxes of a From field's value, split at the commas (and colons and semicolons of groups)
// that stand outside comments, quotes and brackets.
std::vector<std::string_view> SplitMailboxes(std::string_view value);

// The job of CiviMail's return address "...b.<job>.<queue>.<16 hex>@..."; empty: it is none.
std::string_view CiviMailJob(std::string_view value);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_HEADER_SCAN_H_
