// config/keys_source.h — rows of the key table: the addresses that mail leaves from, and their pools.
//
// Sentences are for operators: what the value does, and when to change it.

#ifndef SLUICE_CONFIG_KEYS_SOURCE_H_
#define SLUICE_CONFIG_KEYS_SOURCE_H_

#include "config/config.h"
#include "config/keys.h"
#include "config/keys_row.h"

namespace sluice::config {

inline constexpr Key kSourceKeys[] = {
    Row<&Source::name>({.name = "name",
                        .kind = Kind::kName,
                        .required = true,
                        .doc = "Name of the source, for pools and events."}),
    Row<&Source::address>({.name = "address",
                           .kind = Kind::kAddress,
                           .default_text = "the system's choice",
                           .doc = "Local address that connections are made from."}),
    Row<&Source::public_address>(
        {.name = "public_address",
         .kind = Kind::kAddress,
         .default_text = "`address`",
         .doc = "What receivers see behind NAT; SPF, PTR, DNSBL checks and events use it."}),
    Row<&Source::ehlo>(
        {.name = "ehlo",
         .kind = Kind::kDomain,
         .default_text = "`hostname`",
         .doc = "Name told in EHLO; it should resolve to the public address and back."}),
    Row<&Source::proxy>(
        {.name = "proxy",
         .kind = Kind::kEndpoint,
         .default_text = "none: `address` is this machine's",
         .doc = "Proxy on the box where `address` lives; connections of this source are made "
                "there (docs/sources.md)."}),
    Row<&Source::proxy_kind>(
        {.name = "proxy_kind",
         .kind = Kind::kChoice,
         .choices = "socks5|proxy-v2",
         .doc = "What the proxy speaks: SOCKS5, or the PROXY protocol, version 2, whose header "
                "tells it `address` and the receiver's."}),
    Row<&Source::proxy_user>({.name = "proxy_user",
                              .kind = Kind::kName,
                              .default_text = "none: no login",
                              .doc = "User name for the SOCKS5 proxy."}),
    Row<&Source::proxy_password_file>(
        {.name = "proxy_password",
         .kind = Kind::kPath,
         .default_text = "none",
         .doc = "File with that user's password, one line of at most 255 octets. Read again on "
                "reload."}),
    Row<&Source::warmup>(
        {.name = "warmup",
         .kind = Kind::kText,
         .default_text = "none: it is warm",
         .doc =
             "Day plan of a new address, counted at each provider (docs/warmup.md): "
             "`\"by-provider\"`, a plan by name such as `\"google-default\"`, or the recipients of "
             "each day, `\"50, 100, 200\"`."}),
    Row<&Source::warmup_for>(
        {.name = "warmup_for",
         .kind = Kind::kTables,
         .default_text = "none",
         .doc =
             "Other plans at some providers: `[{ provider = \"google\", plan = \"50, 100\" }]`."}),
    Row<&Source::warmup_start>({.name = "warmup_start",
                                .kind = Kind::kText,
                                .default_text = "with its first mail",
                                .doc = "Day on which the plan begins, `\"2026-12-01\"`; nothing is "
                                       "sent from the source before."}),
    Row<&Source::warmup_overflow>(
        {.name = "warmup_overflow",
         .kind = Kind::kChoice,
         .choices = "pool|wait",
         .doc = "Where mail goes when the day's count is used up: to the `pool`'s other sources, "
                "or it waits for the next day."}),
    Row<&Source::warmup_max_deferred>(
        {.name = "warmup_max_deferred",
         .kind = Kind::kCount,
         .max = 100,
         .doc = "Percent of a day's attempts that may be deferred; with more, the same day of the "
                "plan comes again."}),
    Row<&Source::warmup_max_bounced>({.name = "warmup_max_bounced",
                                      .kind = Kind::kCount,
                                      .max = 100,
                                      .doc = "The same of attempts that bounce."}),
};

inline constexpr Key kWarmupForKeys[] = {
    Row<&WarmupFor::provider>({.name = "provider",
                               .kind = Kind::kName,
                               .required = true,
                               .doc = "Name of the provider, as in the reply rules."}),
    Row<&WarmupFor::plan>({.name = "plan",
                           .kind = Kind::kText,
                           .required = true,
                           .doc = "Its plan, as in `warmup`."}),
};

inline constexpr Key kPoolKeys[] = {
    Row<&Pool::name>({.name = "name",
                      .kind = Kind::kName,
                      .required = true,
                      .doc = "Name of the pool. Mail that nothing else is said of leaves by "
                             "`default`, or by the first pool."}),
    Row<&Pool::members>(
        {.name = "sources",
         .kind = Kind::kTables,
         .required = true,
         .doc = "Its sources with their weights: `[{ name = \"mailing-1\", weight = 1 }]`."}),
};

inline constexpr Key kPoolMemberKeys[] = {
    Row<&PoolMember::source>(
        {.name = "name", .kind = Kind::kName, .required = true, .doc = "Name of a `[[source]]`."}),
    Row<&PoolMember::weight>(
        {.name = "weight",
         .kind = Kind::kCount,
         .min = 1,
         .max = 10'000,
         .doc = "Its share of the pool's mail, relative to the other members."}),
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_SOURCE_H_
