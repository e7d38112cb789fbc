// queue/records.h — what the queue keeps of a message, a recipient, a lane and an event.
//
// PURPOSE   Plain values, used by the engine as they are. Their stored form (versioned, compact,
//           checksummed) is made and checked by codec.h only.
// LIMITS    Every string has a bound (kMax... below); submission refuses or cuts what is longer.

#ifndef SLUICE_QUEUE_RECORDS_H_
#define SLUICE_QUEUE_RECORDS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/message_id.h"
#include "engine/base/text.h"
#include "engine/base/time.h"
#include "queue/send_window.h"

namespace sluice::queue {

// Octets. Addresses: RFC 5321 4.5.3.1 allows 64 + 1 + 255, UTF-8 included.
inline constexpr size_t kMaxAddress = 320;
inline constexpr size_t kMaxName = 128;       // tenant, campaign, source, user
inline constexpr size_t kMaxReplyText = 512;  // the part of a remote reply we keep
inline constexpr size_t kMaxOrcpt = 500;      // RFC 3461 4.2
inline constexpr size_t kMaxEnvid = 100;      // RFC 3461 4.4
inline constexpr size_t kMaxCuts = 64;        // header fields cut out on the way out
inline constexpr size_t kMaxSigners = 8;      // signatures of ours on one message
inline constexpr size_t kMaxSuspensionKey = 512;
// Suspensions on disk; a further one is not kept, and costs a probe after a restart.
inline constexpr size_t kMaxSuspensions = 20'000;

// Orders on disk; a further one is refused. kMaxOrderText: of each of their texts.
inline constexpr size_t kMaxOrders = 1'000;
inline constexpr size_t kMaxOrderText = 320;

// Where a body lies in the segment files.
struct BodyLocation {
  uint32_t segment = 0;
  uint32_t length = 0;
  uint64_t offset = 0;
  uint64_t checksum = 0;  // XXH3 of the stored octets

  friend bool operator==(const BodyLocation&, const BodyLocation&) = default;
};

// Octets [offset, offset + length) of the stored body that never leave (Bcc, Return-Path, ...).
struct Cut {
  uint32_t offset = 0;
  uint32_t length = 0;

  friend bool operator==(const Cut&, const Cut&) = default;
};

// What our signatures of a message are made over, to make them anew without reading its body.
struct Signature {
  uint32_t length =
      0;  // octets of the stored body that they take, from its start; 0: there are none
  uint8_t body_form = 0;                // smtp::Canonical of the hash
  std::array<uint8_t, 32> body_hash{};  // SHA-256 of the body in that form
  std::vector<uint64_t> selectors;      // whose they are (engine/signing/keyring.h)

  friend bool operator==(const Signature&, const Signature&) = default;
};

enum class DsnRet : uint8_t { kUnset, kFull, kHeaders };  // RFC 3461 4.3

// RFC 3461 4.1. None of the bits: the default (failure).
enum NotifyBits : uint8_t {
  kNotifyNever = 1,
  kNotifySuccess = 2,
  kNotifyFailure = 4,
  kNotifyDelay = 8,
};

enum MessageFlags : uint16_t {
  kFlag8Bit = 1,       // the body or header has octets over 127
  kFlagSmtpUtf8 = 2,   // submitted with SMTPUTF8: addresses or header need it
  kFlagDots = 4,       // some line begins with a dot: DATA needs stuffing
  kFlagBulk = 8,       // class bulk, else transactional
  kFlagReport = 16,    // our own DSN: no report about it, lane of its own
  kFlagSigned = 32,    // came with a signature of somebody else's: never altered
  kFlagCaptured = 64,  // came in to be captured (design 12.15): see kCapturedDue
  // Transactional though it has a campaign: waits in a lane of its own, ahead of the campaign's
  // bulk.
  kFlagUrgent = 128,
  kFlagScheduled = 256,  // `window` is set
  kFlagPool = 512,       // `pool` is set
};

// When a captured recipient is due: never, by itself (9999-12-31). Its release gives it another
// time.
inline constexpr WallTime kCapturedDue = WallFromMicros(253'402'300'799'000'000);

// One accepted message. The stored body is: our signatures + generated fields (Received, ...) +
// content as received.
struct Message {
  MessageId id = 0;
  WallTime accepted{};
  // max_age runs from here (design 12.1); later than `accepted` only for held mail.
  WallTime released{};
  std::string sender;  // empty: the null sender
  std::string tenant;
  std::string campaign;
  std::string user;   // the login, empty for trusted networks
  std::string envid;  // RFC 3461, xtext as given
  std::string pool;   // that its header asked for, a pool's or source's name; with kFlagPool only
  DsnRet ret = DsnRet::kUnset;
  uint16_t flags = 0;
  uint32_t header_length = 0;  // octets of the stored body up to and with the blank line
  uint32_t recipients = 0;     // accepted at first; how many are still open is the queue's business
  BodyLocation body;
  std::vector<Cut> cuts;  // ascending, disjoint
  Signature signature;
  SendWindow window;

  friend bool operator==(const Message&, const Message&) = default;
};

struct RecipientId {
  MessageId message = 0;
  uint32_t index = 0;

  friend auto operator<=>(const RecipientId&, const RecipientId&) = default;
};

// One envelope recipient: what is scheduled, tried and reported.
struct Recipient {
  RecipientId id;
  std::string address;  // local part as given, domain lower case, in its ASCII (A-label) form
  std::string orcpt;    // RFC 3461, as given
  uint8_t notify = 0;   // NotifyBits
  uint16_t attempts = 0;
  bool delay_told = false;  // a delay notice went out
  WallTime due{};           // of the next attempt; at first the time of acceptance
  // max_age runs from here where it is later than the message's: a quota or rate of ours kept it
  // back. Zero: none did.
  WallTime released{};
  std::string last_reply;  // "421 4.7.0 ..." or our own words; at most kMaxReplyText
  // The source that was told to come back later (greylisting): a mark of its name
  // (engine/shard/rotation.h); 0: none.
  uint32_t source = 0;

  friend bool operator==(const Recipient&, const Recipient&) = default;
};

// (recipient domain, tenant, campaign): what fairness and pausing work on.
struct LaneKey {
  std::string domain;
  std::string tenant;
  std::string campaign;

  friend auto operator<=>(const LaneKey&, const LaneKey&) = default;
};

// Begin the campaign of a lane of reports, and of one of urgent mail; no campaign of a message has
// control characters.
inline constexpr char kReportLaneMark = '\x01';
inline constexpr char kUrgentLaneMark = '\x02';
// Ends the campaign of a lane whose messages ask for a pool; its name follows.
inline constexpr char kPoolLaneMark = '\x03';

// Our own reports wait in a lane for each mailbox (design 12.8).
inline LaneKey LaneKeyOf(const Message& message, const std::string& address) {
  std::string campaign = message.campaign;
  if ((message.flags & kFlagReport) != 0) {
    campaign = kReportLaneMark + address;
  } else if ((message.flags & kFlagUrgent) != 0) {
    campaign.insert(campaign.begin(), kUrgentLaneMark);
  }
  if ((message.flags & kFlagPool) != 0) campaign += kPoolLaneMark + message.pool;
  return {std::string(DomainOf(address)), message.tenant, std::move(campaign)};
}
// The campaign is that of a lane's key here and below.
inline bool IsReportLane(std::string_view campaign) {
  return campaign.starts_with(kReportLaneMark);
}

// Which mail goes first.
enum class MailClass : uint8_t { kTransactional, kBulk };

// All mail of a lane is of one class: mail without a campaign is transactional, campaigns are bulk
// unless marked. Our own reports do not press.
inline MailClass MailClassOf(std::string_view campaign) {
  const bool named =
      !campaign.empty() && campaign.front() != kUrgentLaneMark && campaign.front() != kPoolLaneMark;
  return named ? MailClass::kBulk : MailClass::kTransactional;
}
// The pool that the messages of a lane ask for; empty: for none.
inline std::string_view PoolOf(std::string_view campaign) {
  const size_t mark = campaign.find(kPoolLaneMark);
  return mark == std::string_view::npos ? std::string_view() : campaign.substr(mark + 1);
}
// The campaign of a lane as its messages name it. All reports of a tenant count as one campaign,
// which is named by the mark.
inline std::string_view CampaignOf(std::string_view campaign) {
  if (IsReportLane(campaign)) return campaign.substr(0, 1);
  if (campaign.starts_with(kUrgentLaneMark)) campaign.remove_prefix(1);
  return campaign.substr(0, campaign.find(kPoolLaneMark));
}

// XXH3-128 of the LaneKey under the queue's own random seed (so that nobody can make two collide).
struct LaneId {
  uint64_t high = 0;
  uint64_t low = 0;

  friend auto operator<=>(const LaneId&, const LaneId&) = default;
};

// What the queue knows of a lane that has rows in the due index.
struct LaneRow {
  LaneId id;
  LaneKey key;
  uint64_t waiting = 0;  // rows in the due index
  WallTime next_due{};   // of the first of them
};

// What is suspended. One table holds all kinds; a kind that this program does not know is left
// alone.
enum class SuspensionKind : uint8_t {
  kSite = 1,
  // By reply rules, the mail of whom towards whom.
  kPath,
  kSendingDomain,
  kTenant,
  kCampaign,
  // A source is used with care: with TLS only, over IPv4 only, over one connection, over at most so
  // many (`failures`), with at most so many messages on one (`failures`).
  kTls,
  kIpv4,
  kOneConnection,
  kConnections,
  kPerConnection,
  // Kept here for their form's sake: the recipients of a user in one window (`failures`); until
  // when a rate has been used up; how far a source is warmed up.
  kQuota = 32,
  kRate,
  kWarmup,
};

struct SuspensionId {
  SuspensionKind kind = SuspensionKind::kSite;
  // kSite: its name; of reply rules: who towards whom, "mailing-1 > @google". At most
  // kMaxSuspensionKey.
  std::string key;

  friend auto operator<=>(const SuspensionId&, const SuspensionId&) = default;
};

// Not tried before `until`; after that carefully, as long as it is there.
struct Suspension {
  SuspensionId id;
  WallTime until{};
  uint32_t failures = 0;  // in a row
  std::string reason;     // what the last failure said; at most kMaxReplyText

  friend bool operator==(const Suspension&, const Suspension&) = default;
};

// What an operator has ordered (`sluice pause`, `cancel`, ...). Numbers are on disk.
enum class OrderKind : uint8_t { kPause = 1, kCancel, kRetry, kRate, kReroute };

// Whose mail is meant.
enum class OrderScope : uint8_t {
  kTenant = 1,
  kCampaign,   // of `tenant`
  kDomain,     // recipient domain
  kRecipient,  // an address
  kMessage,    // the text of its id
  kSite,
  kProvider,
  kSource,
  kPath,  // `source` to the site or provider in `name`, the latter as "@name"
};

// Stays until it is over or taken back. Unused texts are empty; each at most kMaxOrderText.
struct Order {
  uint64_t id = 0;  // ascending, never used twice
  OrderKind kind = OrderKind::kPause;
  OrderScope scope = OrderScope::kTenant;
  std::string name;    // of what the scope says
  std::string tenant;  // kCampaign
  std::string source;  // kPath
  std::string value;   // kCancel: "bounce" or empty; kRate: "100/h"; kReroute: the pool
  std::string why;     // the operator's own words
  std::string by;      // who: "uid 1000"
  WallTime given{};    // of cancel and retry: mail accepted later is not meant
  WallTime until = WallTime::max();  // max: until it is taken back
  WallTime ended{};    // a pause that is over, but what it held is not late; a cancel that is done
  uint64_t count = 0;  // recipients that a cancel or retry has settled, once it is done

  friend bool operator==(const Order&, const Order&) = default;
};

enum class EventType : uint8_t {
  kAccepted = 1,
  kDeferred,
  kDelivered,
  kBounced,
  kExpired,
  kSuppressed,
  kCancelled,
  kCaptured,
  kAlert,  // to the operator: `text` says what and what to do
  kOrder,  // an operator has ordered something, or an order is over
};

// Ends a recipient's life: exactly one of these per recipient (promise 2). A captured one may still
// be released.
constexpr bool IsFinal(EventType type) {
  return type != EventType::kAccepted && type != EventType::kDeferred &&
         type != EventType::kCaptured && type != EventType::kAlert && type != EventType::kOrder;
}

// One line of the record. Unused fields are empty. Its id is given by the commit that carries it.
struct Event {
  EventType type = EventType::kAccepted;
  WallTime time{};
  MessageId message = 0;
  uint32_t recipient_index = 0;
  uint64_t size = 0;
  std::string recipient;
  std::string sender;
  std::string tenant;
  std::string campaign;
  std::string site;
  std::string host;  // "mx1.example.net [192.0.2.1]:25"
  std::string source;
  std::string user;
  std::string peer;      // accepted: the client's address
  std::string text;      // the reply's text, cleaned, at most kMaxReplyText
  std::string enhanced;  // "5.1.1"
  std::string tls;       // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: in clear
  // Which policy TLS followed, and after a blank what was verified: "dane dane-ee",
  // "opportunistic".
  std::string tls_policy;
  std::string reason;  // our own class of the outcome: "max_age", "null_mx", "protocol_fault", ...
  uint16_t code = 0;   // basic reply code; 0: no reply
  uint16_t attempt = 0;
  int64_t queue_ms = 0;  // from acceptance to now
  WallTime next_due{};   // deferred: when it is tried again

  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_RECORDS_H_
