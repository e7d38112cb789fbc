#include "engine/signing/key_store.h"

#include <sys/stat.h>

#include <utility>

namespace sluice::engine {

bool KeyStore::IdentityOf(const std::string& file, Identity& out) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return false;
  out = {info.st_dev, info.st_ino, info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
  return true;
}

Result<KeyStore::Key> KeyStore::Load(const std::string& file) {
  Identity identity;
  const bool known = IdentityOf(file, identity);
  if (known) {
    const auto kept = keys_.find(file);
    if (kept != keys_.end() && kept->second.identity == identity) return kept->second.key;
  }
  keys_.erase(file);
  Result<smtp::DkimKey> loaded = smtp::DkimKey::Load(file);
  if (!loaded) return std::unexpected(loaded.error());
  auto key = std::make_shared<const smtp::DkimKey>(std::move(*loaded));
  if (known) keys_[file] = {identity, key};
  return key;
}

}  // namespace sluice::engine
