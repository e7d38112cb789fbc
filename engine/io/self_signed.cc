#include "engine/io/self_signed.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/io/tls_context.h"

namespace sluice::io {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

constexpr long kValidSeconds = 10L * 366L * 24L * 3600L;
constexpr long kBackdateSeconds = 24L * 3600L;  // for peers whose clock is behind
constexpr size_t kNameMax = 64;                 // of a common name, RFC 5280 upper bounds

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
    return IsAlpha(c) || IsDigit(c) || c == '.' || c == '-' || c == '_';
  });
}

CertPtr MakeCertificate(EVP_PKEY* key, const std::string& hostname) {
  CertPtr cert(X509_new());
  CHECK(cert != nullptr);
  int64_t serial = 0;
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1);
  CHECK(X509_set_version(cert.get(), X509_VERSION_3) == 1);
  CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), uint64_t(serial) & INT64_MAX) ==
        1);
  CHECK(X509_gmtime_adj(X509_getm_notBefore(cert.get()), -kBackdateSeconds) != nullptr);
  CHECK(X509_gmtime_adj(X509_getm_notAfter(cert.get()), kValidSeconds) != nullptr);
  X509_NAME* name = X509_get_subject_name(cert.get());
  CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(hostname.data()),
                                   int(hostname.size()), -1, 0) == 1);
  CHECK(X509_set_issuer_name(cert.get(), name) == 1);
  CHECK(X509_set_pubkey(cert.get(), key) == 1);
  const std::string names = "DNS:" + hostname;
  const ExtensionPtr extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
  CHECK(extension != nullptr);
  CHECK(X509_add_ext(cert.get(), extension.get(), -1) == 1);
  CHECK(X509_sign(cert.get(), key, EVP_sha256()) > 0);
  return cert;
}

Status WriteFile(const std::string& path, mode_t mode, BIO* content) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(content, &bytes);
  CHECK(size > 0);
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  bool done = fd >= 0 && fchmod(fd, mode) == 0 && write(fd, bytes, size_t(size)) == size;
  const int error = errno;
  if (fd >= 0 && close(fd) != 0) done = false;
  if (done) return {};
  return Fail(ErrorCode::kIo, path + ": cannot write: " + std::strerror(error));
}

}  // namespace

Status WriteSelfSigned(const std::string& cert_path, const std::string& key_path,
                       const std::string& hostname) {
  if (!IsPlainName(hostname))
    return Fail(ErrorCode::kInvalid, "\"" + hostname + "\" is no name for a certificate");
  const KeyPtr key(EVP_EC_gen("P-256"));
  CHECK(key != nullptr);
  const CertPtr cert = MakeCertificate(key.get(), hostname);
  const BioPtr cert_pem(BIO_new(BIO_s_mem()));
  const BioPtr key_pem(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(cert_pem.get(), cert.get()) == 1);
  CHECK(PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
        1);
  if (Status status = WriteFile(key_path, 0600, key_pem.get()); !status) return status;
  return WriteFile(cert_path, 0644, cert_pem.get());
}

}  // namespace sluice::io
