// config/keys_host.h — rows of the key table: this machine, its queue, clients and logins.
//
// Sentences are for operators: what the value does, and when to change it.

#ifndef SLUICE_CONFIG_KEYS_HOST_H_
#define SLUICE_CONFIG_KEYS_HOST_H_

#include "config/config.h"
#include "config/keys.h"
#include "config/keys_row.h"

namespace sluice::config {

inline constexpr Key kTop[] = {
    Row<&Config::hostname>(
        {.name = "hostname",
         .kind = Kind::kDomain,
         .required = true,
         .doc = "The name of this engine: in the banner, the EHLO of the default source, Received "
                "fields and reports. It must resolve to this machine and back."}),
    Row<&Config::timezone>({.name = "timezone",
                            .kind = Kind::kName,
                            .doc = "Whose calendar days daily quotas count: a name of the time "
                                   "zone database, `\"Europe/Berlin\"`."}),
    Row<&Config::unsigned_mail>(
        {.name = "unsigned",
         .kind = Kind::kChoice,
         .choices = "by-class|warn|default-signer|refuse",
         .doc = "What becomes of mail whose From domain has no key in its tenant's `[[domain]]`s: "
                "sent with a warning event, signed by the default signer alone, or refused with "
                "451 4.7.0. `by-class` refuses bulk mail once there is a `[[domain]]`, and sends "
                "all other mail with a warning."}),
    Row<&Config::default_signer>(
        {.name = "default_signer",
         .kind = Kind::kDomain,
         .default_text = "none",
         .doc = "Name of a `[[domain]]` of your own (the provider's) whose keys sign all mail, "
                "besides those of the From domain."}),
    Row<&Config::shaping_file>(
        {.name = "shaping",
         .kind = Kind::kPath,
         .default_text = "the built-in one",
         .doc = "File that says how hard each receiver may be worked (docs/shaping.md). The "
                "built-in one is `config/shaping.toml` as it is shipped: published values of the "
                "large providers."}),
};

inline constexpr Key kQueueKeys[] = {
    Row<&Queue::path>({.name = "path",
                       .kind = Kind::kPath,
                       .doc = "Folder of the queue: made when missing, with mode 0700. Put it on a "
                              "disk whose sync is fast; the rate of acceptance hangs on it."}),
    Row<&Queue::map_size>({.name = "map_size",
                           .kind = Kind::kSize,
                           .min = 16 * kMiB,
                           .max = 16384 * kGiB,
                           .doc = "Address space reserved for records. It costs nothing until used "
                                  "and never grows while running."}),
    Row<&Queue::max_bytes>({.name = "max_bytes",
                            .kind = Kind::kSize,
                            .min = kMiB,
                            .max = 65536 * kGiB,
                            .doc = "Our own bound on what the queue may take on disk; beyond it "
                                   "MAIL is answered 452 4.3.1."}),
    Row<&Queue::segment_bytes>({.name = "segment_bytes",
                                .kind = Kind::kSize,
                                .min = kMiB,
                                .max = 2 * kGiB,
                                .doc = "Size of one body file. A larger one means fewer files, a "
                                       "smaller one means space comes back sooner. At least a "
                                       "1024th of max_bytes, whatever is written here."}),
    Row<&Queue::min_free_bytes>(
        {.name = "min_free_bytes",
         .kind = Kind::kSize,
         .max = 1024 * kGiB,
         .doc =
             "Space that must stay free in the file system; below it MAIL is answered 452 4.3.1. "
             "Looked at when a new body file is begun."}),
    Row<&Queue::body_memory>({.name = "body_memory",
                              .kind = Kind::kSize,
                              .min = 4 * kMiB,
                              .max = 1024 * kGiB,
                              .doc = "Memory for message bodies on their way through, all shards "
                                     "together. When it is used up, reading from clients pauses."}),
};

inline constexpr Key kDnsKeys[] = {
    Row<&Dns::servers>(
        {.name = "servers",
         .kind = Kind::kEndpoints,
         .default_text = "the system's (`/etc/resolv.conf`)",
         .default_port = 53,
         .restart = true,
         .doc = "Resolvers to ask. An own resolver on this machine serves a sending engine best."}),
    Row<&Dns::trusted>({.name = "trusted",
                        .kind = Kind::kBoolean,
                        .doc =
                            "Do these servers validate DNSSEC, and may their word (the AD bit) be "
                            "believed? Only over a path nobody can tamper with, best loopback. "
                            "DANE needs it."}),
    Row<&Dns::allow_special>(
        {.name = "allow_special",
         .kind = Kind::kBoolean,
         .doc = "May an MX lookup lead to loopback, private and other special addresses? For tests "
                "and closed networks; routes may always."}),
    Row<&Dns::port>({.name = "port",
                     .kind = Kind::kCount,
                     .min = 1,
                     .max = 65535,
                     .doc = "Port of hosts found by MX lookup. Anything but 25 is for tests."}),
};

inline constexpr Key kControlKeys[] = {
    Row<&Control::socket>({.name = "socket",
                           .kind = Kind::kPath,
                           .restart = true,
                           .doc = "Local socket of `sluice status`, `queues`, `reload`, `sendmail` "
                                  "and the like, for the engine's user and root; mode 0600."}),
};

inline constexpr Key kEventsKeys[] = {
    Row<&Events::log>({.name = "log",
                       .kind = Kind::kPath,
                       .doc = "File of events, one JSON object a line (docs/events.md)."}),
    Row<&Events::rotate_bytes>({.name = "rotate_bytes",
                                .kind = Kind::kSize,
                                .min = 4 * kKiB,
                                .max = 1024 * kGiB,
                                .doc = "A log of this size is renamed and a new one begun."}),
    Row<&Events::rotate_after>({.name = "rotate_after",
                                .kind = Kind::kDuration,
                                .min = kSecond,
                                .max = 366 * kDay,
                                .doc = "A log of this age is renamed and a new one begun."}),
    Row<&Events::keep_files>(
        {.name = "keep_files",
         .kind = Kind::kCount,
         .max = 100'000,
         .doc = "How many renamed logs are kept; the oldest beyond it are deleted. 0 keeps all."}),
};

inline constexpr Key kLogKeys[] = {
    Row<&Log::level>({.name = "level",
                      .kind = Kind::kChoice,
                      .choices = "debug|info|warn|error",
                      .doc = "What the diagnostic log on standard error tells. It never holds "
                             "passwords or message content."}),
};

inline constexpr Key kEngineKeys[] = {
    Row<&Engine::shards>({.name = "shards",
                          .kind = Kind::kCount,
                          .max = 256,
                          .default_text = "`0`: one per core",
                          .restart = true,
                          .doc = "Event loops, each on a thread of its own."}),
    Row<&Engine::stop_within>({.name = "stop_within",
                               .kind = Kind::kDuration,
                               .min = 100 * kMs,
                               .max = kMinute,
                               .doc = "Time that open transactions get after SIGTERM."}),
};

inline constexpr Key kListenerKeys[] = {
    Row<&Listener::bind>({.name = "bind",
                          .kind = Kind::kEndpoints,
                          .required = true,
                          .doc = "Addresses and ports to listen on. Port 0 takes a free one. A "
                                 "new one is opened, and an old one closed, by a restart."}),
    Row<&Listener::role>({.name = "role",
                          .kind = Kind::kChoice,
                          .choices = "submission|inbound",
                          .doc = "`submission` accepts mail to send from logins and trusted "
                                 "networks; `inbound` takes returning mail only."}),
    Row<&Listener::tls>(
        {.name = "tls",
         .kind = Kind::kChoice,
         .choices = "starttls|implicit|none",
         .doc = "`starttls` for 587, `implicit` for 465, `none` on loopback only."}),
    Row<&Listener::cert>({.name = "cert",
                          .kind = Kind::kPath,
                          .doc = "Certificate chain, PEM. Read again when it changes."}),
    Row<&Listener::key>(
        {.name = "key", .kind = Kind::kPath, .doc = "Private key of the certificate, PEM."}),
    Row<&Listener::certificates>(
        {.name = "certificates",
         .kind = Kind::kTables,
         .default_text = "none",
         .doc = "Further certificates: `[{ cert = \"tls/b.pem\", key = \"tls/b.key\" }]`. A client "
                "that asks for a name (SNI) is shown the first one that carries it, exactly or by "
                "a wildcard for one label; all others get `cert`. One with an RSA and one with an "
                "ECDSA key may carry the same names. Read again when they change."}),
    Row<&Listener::client_certificates>(
        {.name = "client_certificates",
         .kind = Kind::kChoice,
         .choices = "off|optional|required",
         .doc = "Ask clients for a certificate? One that belongs to a `[[user]]` is a login "
                "(docs/submission-tls.md). `optional`: clients without a good one log in by "
                "password; `required`: they are answered 421, and nothing is said before TLS."}),
    Row<&Listener::client_ca>(
        {.name = "client_ca",
         .kind = Kind::kPath,
         .default_text = "none: only fingerprints count",
         .doc = "CA certificates, PEM, under which clients' certificates are verified, so that "
                "users may be known by `certificate_names`. Use a CA of your own. Read again when "
                "it changes."}),
    Row<&Listener::login_without_auth>(
        {.name = "login_without_auth",
         .kind = Kind::kBoolean,
         .doc = "Is a client with a user's certificate logged in as that user at its first MAIL, "
                "without AUTH? Many platforms show a certificate and never send AUTH EXTERNAL."}),
    Row<&Listener::trusted>(
        {.name = "trusted",
         .kind = Kind::kNetworks,
         .default_text = "none",
         .doc =
             "Networks that may relay without a login. Their mail belongs to tenant `default`."}),
    Row<&Listener::old_clients>({.name = "old_clients",
                                 .kind = Kind::kBoolean,
                                 .doc = "On an implicit-TLS port: greet a client that is silent "
                                        "for 3 s in clear text and let it use STARTTLS."}),
};

inline constexpr Key kCertificateKeys[] = {
    Row<&CertificateFiles::cert>(
        {.name = "cert", .kind = Kind::kPath, .required = true, .doc = "Certificate chain, PEM."}),
    Row<&CertificateFiles::key>(
        {.name = "key", .kind = Kind::kPath, .required = true, .doc = "Its private key, PEM."}),
};

inline constexpr Key kUserKeys[] = {
    Row<&User::name>({.name = "name", .kind = Kind::kName, .required = true, .doc = "Login name."}),
    Row<&User::passwords>({.name = "password",
                           .kind = Kind::kHashes,
                           .default_text = "required without a certificate",
                           .doc =
                               "What `sluice user hash` or `sluice user hash --scram` printed; a "
                               "list lets old and new passwords, and both kinds, work side by "
                               "side. SCRAM-SHA-256 is offered where every user has a string "
                               "for it."}),
    Row<&User::tenant>({.name = "tenant",
                        .kind = Kind::kName,
                        .default_text = "the login name",
                        .doc = "Whose mail this is: quotas, fairness and reports go by it."}),
    Row<&User::certificate_fingerprints>(
        {.name = "certificate_fingerprints",
         .kind = Kind::kFingerprints,
         .default_text = "none",
         .doc = "SHA-256 fingerprints of the user's client certificates, or of their public keys "
                "(which outlive a renewal with the same key). No CA is needed for them; a listener "
                "with `client_certificates` is."}),
    Row<&User::certificate_names>(
        {.name = "certificate_names",
         .kind = Kind::kCertificateNames,
         .default_text = "none",
         .doc = "Names by which certificates under the listener's `client_ca` are the user's: a "
                "DNS name or mail address among the alternative names; in a certificate without "
                "any, the common name of the subject."}),
    Row<&User::local_users>(
        {.name = "local_users",
         .kind = Kind::kLocalUsers,
         .default_text = "none",
         .doc = "Users of this machine whose mail by `sluice sendmail` counts as this user's: its "
                "tenant, class and delivery. Mail of others belongs to tenant `default`."}),
    Row<&User::mail_class>({.name = "class",
                            .kind = Kind::kChoice,
                            .choices = "by-message|bulk|transactional",
                            .doc = "Class of everything this user sends; `by-message` decides by "
                                   "the header fields of each message."}),
    Row<&User::priority_header>(
        {.name = "priority_header",
         .kind = Kind::kBoolean,
         .doc = "May a message decide its class by `X-Priority-Class: transactional` or `bulk`? It "
                "counts before `class`. Without this the field has no effect; it never leaves."}),
    Row<&User::schedule_headers>(
        {.name = "schedule_headers",
         .kind = Kind::kBoolean,
         .doc = "May a message say by `X-Schedule-Start`, `-End`, `-Hours` and `-Parts` when it "
                "goes (docs/fairness.md)? Without this they have no effect; they never leave."}),
    Row<&User::pool_header>(
        {.name = "pool_header",
         .kind = Kind::kBoolean,
         .doc = "May a message choose its pool, or a source, by `X-Virtual-MTA` or `X-Pool`? It "
                "counts before those of campaign and tenant (docs/sources.md). Without this the "
                "fields have no effect; they never leave."}),
    Row<&User::deliver>(
        {.name = "deliver",
         .kind = Kind::kChoice,
         .choices = "send|capture",
         .doc = "`capture` accepts and keeps messages and sends none (`sluice captured`)."}),
    Row<&User::message_fault_451>({.name = "message_fault",
                                   .kind = Kind::kChoice,
                                   .choices = "5xx|451",
                                   .doc = "Reply to a faulty message. `451` is for platforms that "
                                          "book any 5xx as the contact's bounce (CiviMail)."}),
    Row<&User::any_from>(
        {.name = "any_from",
         .kind = Kind::kBoolean,
         .doc = "May this user's From lie outside the tenant's `[[domain]]`s? Otherwise such mail "
                "is answered 550 5.7.1 once the tenant has one."}),
    Row<&User::daily_limit>(
        {.name = "daily_limit",
         .kind = Kind::kCount,
         .max = 1'000'000'000'000,
         .default_text = "`0`: none",
         .doc = "Recipients per calendar day (of `timezone`) that are released; the rest waits for "
                "the next day."}),
    Row<&User::hourly_limit>({.name = "hourly_limit",
                              .kind = Kind::kCount,
                              .max = 1'000'000'000,
                              .default_text = "`0`: none",
                              .doc = "The same for an hour by the clock."}),
    Row<&User::refuse_over_limit>(
        {.name = "over_limit",
         .kind = Kind::kChoice,
         .choices = "hold|refuse",
         .doc = "What becomes of mail over a limit: `hold` accepts it and keeps it until the next "
                "day or hour with room; `refuse` answers MAIL with 452 4.7.0 until then."}),
};

inline constexpr Key kTenantKeys[] = {
    Row<&Tenant::name>({.name = "name",
                        .kind = Kind::kName,
                        .required = true,
                        .doc = "Name of the tenant, as users and domains give it."}),
    Row<&Tenant::bulk_rules>(
        {.name = "bulk_rules",
         .kind = Kind::kChoice,
         .choices = "off|warn|add",
         .doc = "What receivers demand of bulk mail (docs/deliverability.md): leave it alone, warn "
                "by an event, or also add List-Unsubscribe with one click where it is missing."}),
    Row<&Tenant::unsubscribe_url>(
        {.name = "unsubscribe_url",
         .kind = Kind::kText,
         .default_text = "none",
         .doc = "Where a click unsubscribes, `https://...`; a signed token that names the "
                "recipient goes behind it."}),
    Row<&Tenant::unsubscribe_address>(
        {.name = "unsubscribe_address",
         .kind = Kind::kText,
         .default_text = "none",
         .doc = "Mailbox that unsubscribes by mail; the token goes behind a plus: "
                "`leave+TOKEN@example.com`."}),
    Row<&Tenant::weight>(
        {.name = "weight",
         .kind = Kind::kCount,
         .min = 1,
         .max = 1'000,
         .doc = "Its share of what a site takes while several tenants have mail waiting for it: "
                "one of weight 3 gets three times as much as one of weight 1."}),
    Row<&Tenant::pool>({.name = "pool",
                        .kind = Kind::kName,
                        .default_text = "`default`",
                        .doc = "Pool, or source, that its mail leaves by."}),
};

inline constexpr Key kCampaignKeys[] = {
    Row<&Campaign::name>({.name = "name",
                          .kind = Kind::kName,
                          .required = true,
                          .doc = "Name of the campaign, as events show it."}),
    Row<&Campaign::tenant>({.name = "tenant",
                            .kind = Kind::kName,
                            .default_text = "any",
                            .doc = "Whose campaign it is."}),
    Row<&Campaign::pool>({.name = "pool",
                          .kind = Kind::kName,
                          .required = true,
                          .doc = "Pool, or source, that its mail leaves by."}),
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_HOST_H_
