// config/keys.h — the one table of configuration keys.
//
// PURPOSE   Every section and key of sluice.toml once: name, kind, range, choices, a sentence, and
//           how it is read into config.h's structs. The parser, "did you mean", the checks of range
//           and docs/configuration.md all come from it, so they cannot disagree. Defaults are those
//           of the structs themselves.
// TO ADD    A member with its default in config.h and a row in keys.cc; then build the target
//           `reference` to renew docs/configuration.md. Tests fail until both are done.

#ifndef SLUICE_CONFIG_KEYS_H_
#define SLUICE_CONFIG_KEYS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/document.h"

namespace sluice::config {

class Reader;

enum class Kind : uint8_t {
  kText,
  kName,              // 1 to 128 printable octets: a name that events and logs carry
  kDomain,            // fully qualified, ASCII
  kDomains,           // list of them
  kPath,              // relative ones start at the file's folder
  kBoolean,           // true, false
  kCount,             // integer
  kSize,              // octets: integer or "64MiB"
  kDuration,          // "5m"
  kDurations,         // list of them
  kChoice,            // one of `choices`
  kAddress,           // IP address
  kEndpoint,          // ADDRESS:PORT
  kEndpoints,         // list of them
  kNetworks,          // list of ADDRESS/PREFIX
  kLocalUsers,        // list of user names of this machine, or uids
  kFingerprints,      // SHA-256 in hex, colons allowed, or a list of them
  kCertificateNames,  // names that a certificate carries, or a list of them
  kHashes,            // argon2id or SCRAM string, or a list of them
  kPattern,           // domain, *.suffix or *
  kHosts,             // list of HOST:PORT
  kFields,            // list of names of header fields
  kSuffixes,          // list of host names that stand for all below them: ".google.com"
  kRate,              // "100/s burst 20"
  kTables,            // list of inline tables: a section of its own
};

struct Key {
  std::string_view name;
  Kind kind = Kind::kText;
  int64_t min = 0;  // of counts, sizes (octets) and durations (microseconds)
  int64_t max = INT64_MAX;
  std::string_view choices = {};       // "starttls|implicit|none", in the order of the enum
  std::string_view default_text = {};  // where the struct's default does not tell it
  uint16_t default_port = 0;           // of endpoints; 0: must be written
  bool required = false;
  bool later = false;         // read and checked, but without effect in this version
  bool restart = false;       // read at the start only (restart.h)
  std::string_view doc = {};  // a sentence

  // Filled in by Row (keys_row.h).
  std::string_view member = {};  // of the struct in config.h
  void (*read)(Reader&, const Key&, const std::string& path, const Value&, void* section) = nullptr;
  std::string (*print_default)(const Key&) = nullptr;
};

struct Section {
  enum class Shape : uint8_t { kRoot, kTable, kList, kInline };

  std::string_view name;  // empty: the top of the file
  Shape shape = Shape::kTable;
  std::string_view doc;
  std::span<const Key> keys;
  void* (*slot)(Config&);  // where to read to; of a list: a new element. Inline: null
  bool later = false;
  bool restart = false;  // all of it
};

// In the order of the reference.
std::span<const Section> Sections();
// Null when there is none.
const Section* FindSection(std::string_view name);
const Key* FindKey(const Section& section, std::string_view name);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_H_
