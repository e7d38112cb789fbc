// engine/signing/key_store.h — the private keys of DKIM, each file read once.
//
// PURPOSE   Checking a configuration and putting it in force ask for the same files, and a reload
//           asks for all of them again: a file is read and tried out anew only when it has changed.
// THREADS   Confined to one thread; the keys themselves are free to all.

#ifndef SLUICE_ENGINE_SIGNING_KEY_STORE_H_
#define SLUICE_ENGINE_SIGNING_KEY_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "config/surroundings.h"
#include "engine/base/error.h"
#include "smtp/dkim_key.h"

namespace sluice::engine {

class KeyStore {
 public:
  using Key = std::shared_ptr<const smtp::DkimKey>;

  Result<Key> Load(const std::string& file);

 private:
  // What tells a changed file from an unchanged one.
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t changed_s = 0;
    int64_t changed_ns = 0;

    friend bool operator==(const Identity&, const Identity&) = default;
  };
  struct Kept {
    Identity identity;
    Key key;
  };

  static bool IdentityOf(const std::string& file, Identity& out);

  std::map<std::string, Kept> keys_;
};

// The real machine for the checks of a configuration: it knows which keys can sign. The store
// outlives it.
class SigningSurroundings final : public config::SystemSurroundings {
 public:
  explicit SigningSurroundings(KeyStore& store) : store_(store) {}
  std::string WhyNoSigningKey(const std::string& path) const override {
    const auto key = store_.Load(path);
    return key ? "" : key.error().what;
  }

 private:
  KeyStore& store_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SIGNING_KEY_STORE_H_
