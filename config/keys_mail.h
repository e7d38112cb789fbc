// config/keys_mail.h — rows of the key table: how mail leaves, how hard, and within which limits.
//
// Sentences are for operators: what the value does, and when to change it.

#ifndef SLUICE_CONFIG_KEYS_MAIL_H_
#define SLUICE_CONFIG_KEYS_MAIL_H_

#include "config/config.h"
#include "config/keys.h"
#include "config/keys_row.h"

namespace sluice::config {

inline constexpr Key kRouteKeys[] = {
    Row<&Route::match>({.name = "match",
                        .kind = Kind::kPattern,
                        .required = true,
                        .doc = "Recipient domains: a domain, `*.suffix` for all below it, or `*` "
                               "for all. The most specific route wins."}),
    Row<&Route::hosts>({.name = "hosts",
                        .kind = Kind::kHosts,
                        .default_text = "by MX lookup",
                        .doc = "Hosts to deliver to instead of MX lookup, `HOST:PORT`, tried in "
                               "this order; loopback is allowed here."}),
    Row<&Route::tls>(
        {.name = "tls",
         .kind = Kind::kChoice,
         .choices = "opportunistic|required|verified|off",
         .doc = "What connections must be: `required` is encrypted, `verified` also shows a "
                "certificate of a known CA for the host's name. DANE and MTA-STS of the receiver "
                "are never weakened by it."}),
};

inline constexpr Key kTlsKeys[] = {
    Row<&Tls::min_version>({.name = "min_version",
                            .kind = Kind::kChoice,
                            .choices = "1.2|1.3",
                            .doc = "Least version of TLS spoken to receivers. Where encryption is "
                                   "not demanded, mail to older ones goes in clear."}),
    Row<&Tls::ca_file>({.name = "ca_file",
                        .kind = Kind::kPath,
                        .default_text = "the system's",
                        .doc = "CAs that are believed, PEM: for verified connections and, "
                               "from the next restart on, for MTA-STS policy hosts."}),
    Row<&Tls::cert>({.name = "cert",
                     .kind = Kind::kPath,
                     .default_text = "none",
                     .doc = "Certificate chain shown to receivers that ask for one, PEM."}),
    Row<&Tls::key>({.name = "key",
                    .kind = Kind::kPath,
                    .default_text = "none",
                    .doc = "Private key of the certificate, PEM."}),
    Row<&Tls::dane>({.name = "dane",
                     .kind = Kind::kBoolean,
                     .doc = "Keep to TLSA records of MX hosts (RFC 7672). Without effect unless "
                            "`dns.trusted`."}),
    Row<&Tls::mta_sts>({.name = "mta_sts",
                        .kind = Kind::kBoolean,
                        .doc = "Look up and keep to MTA-STS policies of recipient domains "
                               "(RFC 8461)."}),
    Row<&Tls::mta_sts_port>({.name = "mta_sts_port",
                             .kind = Kind::kCount,
                             .min = 1,
                             .max = 65535,
                             .restart = true,
                             .doc = "Port of policy hosts. Anything but 443 is for tests."}),
};

inline constexpr Key kRetryKeys[] = {
    Row<&Retry::gaps>(
        {.name = "gaps",
         .kind = Kind::kDurations,
         .min = 100 * kMs,
         .max = 7 * kDay,
         .doc = "Times between attempts; the last one repeats. Up to 20% is added at random."}),
    Row<&Retry::max_age>(
        {.name = "max_age",
         .kind = Kind::kDuration,
         .min = kSecond,
         .max = 30 * kDay,
         .doc = "How long a recipient is tried, counted from its release; then it expires."}),
    Row<&Retry::max_hold>({.name = "max_hold",
                           .kind = Kind::kDuration,
                           .min = kMinute,
                           .max = 366 * kDay,
                           .doc = "How long we ourselves may hold a recipient back (quota, "
                                  "schedule, pause); then it expires."}),
    Row<&Retry::delay_notice>(
        {.name = "delay_notice",
         .kind = Kind::kDuration,
         .min = kSecond,
         .max = 30 * kDay,
         .default_text = "none: off",
         .doc = "After this time a delay report goes to senders who asked for it (NOTIFY=DELAY)."}),
};

inline constexpr Key kReportKeys[] = {
    Row<&Reports::per_minute>(
        {.name = "per_minute",
         .kind = Kind::kCount,
         .min = 1,
         .max = 60'000,
         .doc = "Reports that one mailbox gets in a minute at most, evenly spread; the others wait "
                "in a lane of that mailbox and hold up nothing else."}),
};

inline constexpr Key kTlsReportKeys[] = {
    Row<&TlsReport::organization>({.name = "organization",
                                   .kind = Kind::kName,
                                   .default_text = "none: no reports",
                                   .doc = "Who sends the reports, as receivers shall read it. With "
                                          "`contact` it switches them on."}),
    Row<&TlsReport::contact>(
        {.name = "contact",
         .kind = Kind::kName,
         .default_text = "none: no reports",
         .doc = "Mail address of somebody whom receivers can ask about the reports."}),
    Row<&TlsReport::from>(
        {.name = "from",
         .kind = Kind::kName,
         .default_text = "`tls-reports@` and the `hostname`",
         .doc = "Address that reports by mail come from. Its domain is the submitter, and a "
                "`[[domain]]` with a key must sign for it."}),
    Row<&TlsReport::spread>(
        {.name = "spread",
         .kind = Kind::kDuration,
         .max = 12 * kHour,
         .doc = "A day's reports leave one by one, at random, within this time after midnight "
                "UTC."}),
};

inline constexpr Key kTimeoutKeys[] = {
    Row<&Timeouts::connect>({.name = "connect",
                             .kind = Kind::kDuration,
                             .min = 100 * kMs,
                             .max = kHour,
                             .doc = "TCP connection, each address."}),
    Row<&Timeouts::banner>({.name = "banner",
                            .kind = Kind::kDuration,
                            .min = 100 * kMs,
                            .max = kHour,
                            .doc = "Greeting of the receiver."}),
    Row<&Timeouts::ehlo>({.name = "ehlo",
                          .kind = Kind::kDuration,
                          .min = 100 * kMs,
                          .max = kHour,
                          .doc = "Reply to EHLO or HELO."}),
    Row<&Timeouts::mail>({.name = "mail",
                          .kind = Kind::kDuration,
                          .min = 100 * kMs,
                          .max = kHour,
                          .doc = "Reply to MAIL."}),
    Row<&Timeouts::rcpt>({.name = "rcpt",
                          .kind = Kind::kDuration,
                          .min = 100 * kMs,
                          .max = kHour,
                          .doc = "Reply to RCPT."}),
    Row<&Timeouts::data>({.name = "data",
                          .kind = Kind::kDuration,
                          .min = 100 * kMs,
                          .max = kHour,
                          .doc = "Reply to DATA."}),
    Row<&Timeouts::block>(
        {.name = "block",
         .kind = Kind::kDuration,
         .min = 100 * kMs,
         .max = kHour,
         .doc = "Progress of the content: the longest time without an octet taken."}),
    Row<&Timeouts::dot>(
        {.name = "dot",
         .kind = Kind::kDuration,
         .min = 100 * kMs,
         .max = kHour,
         .doc = "Reply to the end of the data. A short time here makes duplicates."}),
    Row<&Timeouts::quit>({.name = "quit",
                          .kind = Kind::kDuration,
                          .min = 100 * kMs,
                          .max = kHour,
                          .doc = "Reply to QUIT."}),
    Row<&Timeouts::starttls>({.name = "starttls",
                              .kind = Kind::kDuration,
                              .min = 100 * kMs,
                              .max = kHour,
                              .doc = "Reply to STARTTLS and the handshake."}),
};

inline constexpr Key kLimitKeys[] = {
    Row<&Limits::connections>({.name = "connections",
                               .kind = Kind::kCount,
                               .min = 1,
                               .max = 1'000'000,
                               .doc = "Client connections in all; one more is answered 421."}),
    Row<&Limits::connections_per_address>({.name = "connections_per_address",
                                           .kind = Kind::kCount,
                                           .min = 1,
                                           .max = 1'000'000,
                                           .doc = "Client connections from one address (one /64 of "
                                                  "IPv6); `trusted` networks have no such limit."}),
    Row<&Limits::message_size>(
        {.name = "message_size",
         .kind = Kind::kSize,
         .min = kKiB,
         .max = kGiB,
         .doc = "Largest message, offered as SIZE; larger ones are answered 552 5.3.4."}),
    Row<&Limits::recipients>({.name = "recipients",
                              .kind = Kind::kCount,
                              .min = 1,
                              .max = 100'000,
                              .doc = "Recipients of one message; one more is answered 452 4.5.3."}),
    Row<&Limits::errors_per_session>({.name = "errors_per_session",
                                      .kind = Kind::kCount,
                                      .min = 1,
                                      .max = 1'000,
                                      .doc = "Faulty commands of one session; then 421."}),
    Row<&Limits::idle>({.name = "idle",
                        .kind = Kind::kDuration,
                        .min = kSecond,
                        .max = kHour,
                        .doc = "A client silent for this long gets 421."}),
    Row<&Limits::received_hops>(
        {.name = "received_hops",
         .kind = Kind::kCount,
         .min = 1,
         .max = 1'000,
         .doc = "Received fields beyond which a message is taken for a loop: 554 5.4.6."}),
};

inline constexpr Key kDeliveryKeys[] = {
    Row<&Delivery::connections_per_path>({.name = "connections_per_path",
                                          .kind = Kind::kCount,
                                          .min = 1,
                                          .max = 10'000,
                                          .doc = "Open connections of one source to one site."}),
    Row<&Delivery::messages_per_connection>(
        {.name = "messages_per_connection",
         .kind = Kind::kCount,
         .min = 1,
         .max = 1'000'000,
         .doc = "Messages sent over one connection before it is closed."}),
    Row<&Delivery::recipients_per_transaction>(
        {.name = "recipients_per_transaction",
         .kind = Kind::kCount,
         .min = 1,
         .max = 1'000,
         .doc = "Recipients of one message in one transaction."}),
    Row<&Delivery::connections>({.name = "connections",
                                 .kind = Kind::kCount,
                                 .min = 1,
                                 .max = 100'000,
                                 .doc = "Outbound connections in all."}),
    Row<&Delivery::idle_connection>({.name = "idle_connection",
                                     .kind = Kind::kDuration,
                                     .max = 5 * kMinute,
                                     .doc = "How long a connection without work is kept open."}),
};

inline constexpr Key kSubmissionKeys[] = {
    Row<&Submission::bare_line_ends>({.name = "bare_line_ends",
                                      .kind = Kind::kChoice,
                                      .choices = "normalise|refuse",
                                      .doc = "What to do with a bare CR or LF in the content: make "
                                             "it CR LF, or refuse the message with 550 5.6.11."}),
    Row<&Submission::refuse_long_lines>({.name = "refuse_long_lines",
                                         .kind = Kind::kBoolean,
                                         .doc = "Refuse messages with lines over 998 octets."}),
    Row<&Submission::address_literals>({.name = "address_literals",
                                        .kind = Kind::kBoolean,
                                        .doc = "Accept recipients such as `user@[192.0.2.1]`."}),
    Row<&Submission::local_socket>(
        {.name = "local_socket",
         .kind = Kind::kPath,
         .default_text = "none",
         .restart = true,
         .doc = "Local socket by which every user of this machine may hand in mail with `sluice "
                "sendmail`; mode 0666, nothing else is possible there. Write "
                "`\"/run/sluice/submit.sock\"`: it is looked for there where the configuration "
                "cannot be read."}),
    Row<&Submission::queued_as_plain>({.name = "queued_as_plain",
                                       .kind = Kind::kBoolean,
                                       .doc = "Answer `250 Ok: queued as ID` without the enhanced "
                                              "code, for clients that parse the reply by words."}),
};

inline constexpr Key kInboundKeys[] = {
    Row<&Inbound::forward>(
        {.name = "forward",
         .kind = Kind::kText,
         .default_text = "none",
         .later = true,
         .doc =
             "Address that mail to postmaster and abuse of the inbound domains is forwarded to."}),
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_MAIL_H_
