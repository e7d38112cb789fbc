// config/keys_domain.h — rows of the key table: sending domains and how their mail is signed.

#ifndef SLUICE_CONFIG_KEYS_DOMAIN_H_
#define SLUICE_CONFIG_KEYS_DOMAIN_H_

#include "config/config.h"
#include "config/keys.h"
#include "config/keys_row.h"

namespace sluice::config {

inline constexpr Key kDomainKeys[] = {
    Row<&Domain::name>({.name = "name",
                        .kind = Kind::kDomain,
                        .required = true,
                        .doc = "A sending domain; subdomains use the nearest parent's entry."}),
    Row<&Domain::tenant>({.name = "tenant",
                          .kind = Kind::kName,
                          .default_text = "`default`",
                          .doc = "Tenant that owns the domain."}),
    Row<&Domain::dkim>(
        {.name = "dkim",
         .kind = Kind::kTables,
         .default_text = "none",
         .doc = "Keys to sign with: `[{ selector = \"s1\", key = \"dkim/s1.pem\" }]`."}),
    Row<&Domain::return_path>(
        {.name = "return_path",
         .kind = Kind::kDomain,
         .default_text = "none: the envelope sender is left alone",
         .later = true,
         .doc = "Domain of the return paths made for each recipient (VERP)."}),
    Row<&Domain::dmarc_reports>(
        {.name = "dmarc_reports",
         .kind = Kind::kText,
         .default_text = "that of `[domains]`",
         .doc = "Mailbox that receivers send this domain's DMARC reports to."}),
    Row<&Domain::retired>(
        {.name = "retired",
         .kind = Kind::kBoolean,
         .doc = "A domain that is given up: its mail is answered 451 4.7.0 and its records are no "
                "longer checked, but it stays listed. Domains are retired, not deleted."}),
};

inline constexpr Key kDomainsKeys[] = {
    Row<&DomainRules::unverified>(
        {.name = "unverified",
         .kind = Kind::kChoice,
         .choices = "warn|refuse",
         .doc =
             "What becomes of mail from a `[[domain]]` whose DNS records were never found right: "
             "sent with a warning event, or refused with 451 4.7.0. One that was verified and "
             "fails now is treated the same after a day."}),
    Row<&DomainRules::check_every>(
        {.name = "check_every",
         .kind = Kind::kDuration,
         .max = 30 * kDay,
         .doc = "How often the engine looks up the records of each domain; those that are not "
                "right are looked up again after 5 minutes. `\"0s\"`: never."}),
    Row<&DomainRules::dmarc_reports>(
        {.name = "dmarc_reports",
         .kind = Kind::kText,
         .default_text = "none",
         .doc = "Mailbox that receivers send DMARC reports to (`rua=` of the printed records). "
                "Where it lies in another domain, that domain must agree by a record of its own, "
                "which is printed and checked as well."}),
    Row<&DomainRules::dnsbl>(
        {.name = "dnsbl",
         .kind = Kind::kDomains,
         .default_text = "`[\"zen.spamhaus.org\", \"bl.spamcop.net\"]`",
         .doc = "Block lists that every source is looked up in. A listing is told, nothing more: "
                "only a receiver's reply holds mail back. They need a resolver of your own."}),
};

inline constexpr Key kDkimKeys[] = {
    Row<&DkimKey::selector>({.name = "selector",
                             .kind = Kind::kName,
                             .required = true,
                             .doc = "Selector under which the public key is published."}),
    Row<&DkimKey::key>({.name = "key",
                        .kind = Kind::kPath,
                        .required = true,
                        .doc = "Private key, PEM: RSA of 2048 to 4096 bits, or Ed25519."}),
    Row<&DkimKey::identity>(
        {.name = "identity",
         .kind = Kind::kName,
         .default_text = "none",
         .doc = "The tag `i=`: `@` and the domain or one below it, with or without a local part."}),
};

inline constexpr Key kDkimRuleKeys[] = {
    Row<&Dkim::header>({.name = "header",
                        .kind = Kind::kChoice,
                        .choices = "relaxed|simple",
                        .doc = "Canonical form of header fields. `simple` breaks with any relay "
                               "that folds a line anew."}),
    Row<&Dkim::body>({.name = "body",
                      .kind = Kind::kChoice,
                      .choices = "relaxed|simple",
                      .doc = "Canonical form of the body."}),
    Row<&Dkim::expire>(
        {.name = "expire",
         .kind = Kind::kDuration,
         .min = kDay,
         .max = 3660 * kDay,
         .default_text = "none: no `x=`",
         .doc = "Signatures say that they expire (`x=`) this long after they were made. At least "
                "`max_hold` + `max_age` + 1 day, so that none expires before its mail is sent."}),
    Row<&Dkim::also_sign>({.name = "also_sign",
                           .kind = Kind::kFields,
                           .default_text = "none",
                           .doc = "Header fields to sign where present, besides the usual ones "
                                  "(`docs/dkim.md` lists them)."}),
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_DOMAIN_H_
