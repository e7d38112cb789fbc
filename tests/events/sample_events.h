// Events as the engine makes them, for golden lines.

#ifndef SLUICE_TESTS_EVENTS_SAMPLE_EVENTS_H_
#define SLUICE_TESTS_EVENTS_SAMPLE_EVENTS_H_

#include "engine/base/message_id.h"
#include "engine/base/time.h"
#include "queue/records.h"

namespace sluice::engine {

// 2026-11-21T07:51:00.000123Z
inline WallTime SampleTime() { return WallFromMicros(1'795'247'460'000'123); }

inline queue::Event SampleAccepted() {
  queue::Event event;
  event.type = queue::EventType::kAccepted;
  event.time = SampleTime();
  event.message = FirstMessageIdOfRun(1) + 5;
  event.recipient = "ann@example.net";
  event.sender = "b@example.com";
  event.tenant = "crm";
  event.campaign = "spring";
  event.size = 10'240;
  event.user = "crm";
  event.peer = "192.0.2.7";
  return event;
}

inline queue::Event SampleDelivered() {
  queue::Event event = SampleAccepted();
  event.type = queue::EventType::kDelivered;
  event.site = "mx.example.net";
  event.host = "mx1.example.net [192.0.2.1]:25";
  event.source = "default";
  event.attempt = 2;
  event.code = 250;
  event.enhanced = "2.0.0";
  event.text = "queued as 4711";
  event.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
  event.tls_policy = "dane dane-ee";
  event.queue_ms = 1'500;
  return event;
}

inline queue::Event SampleDeferred() {
  queue::Event event = SampleAccepted();
  event.type = queue::EventType::kDeferred;
  event.site = "mx.example.net";
  event.source = "default";
  event.attempt = 1;
  event.reason = "dns_temporary";
  event.queue_ms = 1'500;
  event.next_due = WallFromMicros(1'795'247'760'000'000);
  return event;
}

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_EVENTS_SAMPLE_EVENTS_H_
