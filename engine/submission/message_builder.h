// engine/submission/message_builder.h — from received content to what is stored: generated fields,
// header, body, cuts.
//
// PURPOSE   Holds the header until it is whole, looks at it (smtp/header_scan.h), writes Received
//           and what is missing in front of it, then lets the rest through to the Body as it comes,
//           hashing it on the way when it will be signed.
// FLOW      Begin -> OnContent... -> Finish -> take what was built. Reset at any time.
// LIMITS    A header over kHeaderMax is refused 552 5.3.4; nothing else is held back.
// THREADS   Confined to its session.

#ifndef SLUICE_ENGINE_SUBMISSION_MESSAGE_BUILDER_H_
#define SLUICE_ENGINE_SUBMISSION_MESSAGE_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/body.h"
#include "engine/base/message_id.h"
#include "engine/base/ref.h"
#include "engine/base/time.h"
#include "queue/records.h"
#include "smtp/answer.h"
#include "smtp/content_receiver.h"
#include "smtp/dkim_signature.h"
#include "smtp/header_scan.h"

namespace sluice::engine {

// What Received tells, and what the message is named.
struct Origin {
  MessageId id = 0;
  WallTime now{};
  std::string hostname;
  std::string from;       // "client.example ([192.0.2.1])"
  std::string with;       // "ESMTPSA"
  std::string tls;        // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: none
  std::string recipient;  // when there is exactly one; else empty
  uint32_t hops_max = 50;
  // The form in which the body is hashed for our signatures; none: nobody signs.
  std::optional<smtp::Canonical> hash_body;
  // List-Unsubscribe and its twin, for bulk mail that has none; empty: nothing is added.
  std::string unsubscribe;
  // The class that the sender's settings demand; none: the message tells.
  std::optional<bool> bulk;
};

class MessageBuilder final : public smtp::ContentSink {
 public:
  // Many times the largest header seen in the wild.
  static constexpr size_t kHeaderMax = size_t(256) << 10;

  void Begin(Origin origin, BodyBudget* budget);
  void OnContent(std::string_view piece) override;
  // The content is whole. The refusal; empty: it can be kept.
  smtp::Answer Finish();
  void Reset();

  // The content so far, for the disk, once the header is whole; what follows gathers anew.
  Ref<const Body> TakePiece();
  // After Finish without a refusal: all, or what came after the last piece.
  Ref<Body> TakeBody();
  // Nothing more is kept: there is nowhere to put it.
  void Discard();
  const smtp::HeaderFacts& header() const { return facts_; }
  size_t header_length() const {
    return header_length_;
  }  // generated fields and blank line included
  std::vector<queue::Cut> cuts() const;
  // With Origin.hash_body, once: the header as it leaves, without the blank line; the body's hash.
  std::string TakeLeavingHeader() { return std::move(leaving_header_); }
  std::optional<smtp::Canonical> hashed() const {
    return body_hash_ ? std::optional(body_hash_->form()) : std::nullopt;
  }
  smtp::Sha256Digest TakeBodyHash() { return body_hash_->Finish(); }

  MessageId id() const { return origin_.id; }
  // Octets in memory.
  size_t size() const { return held_.size() + (body_ ? body_->size() : 0); }
  bool header_done() const { return header_done_; }
  bool keeps() const { return body_.get() != nullptr; }

 private:
  void TakeHeader(std::string_view header);
  void Refuse(uint16_t code, const char* enhanced, std::string text);
  std::string GeneratedFields() const;
  void KeepLeavingHeader(std::string_view generated, std::string_view header);

  Origin origin_;
  BodyBudget* budget_ = nullptr;
  Ref<Body> body_;
  std::string held_;  // of the header, until it is whole
  bool header_done_ = false;
  smtp::HeaderFacts facts_;
  size_t generated_ = 0;
  size_t header_length_ = 0;
  std::string leaving_header_;
  std::optional<smtp::DkimBodyHash> body_hash_;
  smtp::Answer refusal_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_MESSAGE_BUILDER_H_
