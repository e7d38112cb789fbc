#include "tests/io/test_ca.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/tls_settings.h"

namespace sluice::io {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;

constexpr long kDaySeconds = 24L * 3600L;

struct Issued {
  KeyPtr key;
  CertPtr cert;
};

void AddExtension(X509* cert, int nid, const std::string& value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  CHECK(extension != nullptr);
  CHECK(X509_add_ext(cert, extension.get(), -1) == 1);
}

// Signed by `issuer`; by itself when there is none.
Issued Make(const Issued* issuer, const std::string& subject, const TestCa::Leaf& leaf, bool is_ca,
            long serial) {
  Issued out{KeyPtr(leaf.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")), CertPtr(X509_new())};
  X509* cert = out.cert.get();
  CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
  CHECK(ASN1_INTEGER_set_int64(X509_get_serialNumber(cert), serial) == 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), leaf.from_days * kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(cert), leaf.until_days * kDaySeconds);
  X509_NAME* name = X509_get_subject_name(cert);
  CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(subject.data()),
                                   int(subject.size()), -1, 0) == 1);
  CHECK(X509_set_issuer_name(
            cert, issuer == nullptr ? name : X509_get_subject_name(issuer->cert.get())) == 1);
  CHECK(X509_set_pubkey(cert, out.key.get()) == 1);
  AddExtension(cert, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
  std::string names;
  for (const std::string& dns : leaf.names) names += (names.empty() ? "DNS:" : ",DNS:") + dns;
  if (!leaf.mail.empty()) names += (names.empty() ? "email:" : ",email:") + leaf.mail;
  if (!names.empty()) AddExtension(cert, NID_subject_alt_name, names);
  CHECK(X509_sign(cert, issuer == nullptr ? out.key.get() : issuer->key.get(), EVP_sha256()) > 0);
  return out;
}

FILE* Open(const std::string& path) {
  FILE* file = fopen(path.c_str(), "we");
  CHECK(file != nullptr);
  return file;
}

TlsaRecord RecordOf(X509* cert, uint8_t usage, uint8_t selector, uint8_t matching) {
  unsigned char* der = nullptr;
  const int size = selector == 0 ? i2d_X509(cert, &der) : i2d_PUBKEY(X509_get0_pubkey(cert), &der);
  CHECK(size > 0);
  std::string data(reinterpret_cast<char*>(der), size_t(size));
  OPENSSL_free(der);
  if (matching != 0) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned length = 0;
    CHECK(EVP_Digest(data.data(), data.size(), digest.data(), &length,
                     matching == 1 ? EVP_sha256() : EVP_sha512(), nullptr) == 1);
    data.assign(digest.begin(), digest.begin() + length);
  }
  return {usage, selector, matching, std::move(data)};
}

}  // namespace

struct TestCa::Parts {
  Issued ca;
  Issued last;
  long serial = 1;
};

TestCa::TestCa(std::string folder, const std::string& name)
    : folder_(std::move(folder)), name_(name), parts_(std::make_unique<Parts>()) {
  parts_->ca = Make(nullptr, name, {}, true, 1);
  FILE* file = Open(ca_file());
  CHECK(PEM_write_X509(file, parts_->ca.cert.get()) == 1);
  (void)fclose(file);
}

TestCa::~TestCa() = default;

std::string TestCa::ca_file() const { return folder_ + "/" + name_ + ".pem"; }

void TestCa::Issue(const std::string& file, const Leaf& leaf) {
  std::vector<Issued> links;
  const Issued* issuer = &parts_->ca;
  links.reserve(size_t(leaf.links));
  for (int i = 0; i < leaf.links; ++i) {
    links.push_back(Make(issuer, name_ + " " + std::to_string(i), {}, true, ++parts_->serial));
    issuer = &links.back();
  }
  parts_->last = Make(issuer, "leaf", leaf, false, ++parts_->serial);
  FILE* chain = Open(folder_ + "/" + file + ".pem");
  CHECK(PEM_write_X509(chain, parts_->last.cert.get()) == 1);
  while (!links.empty()) {
    CHECK(PEM_write_X509(chain, links.back().cert.get()) == 1);
    links.pop_back();
  }
  for (int i = 0; i < leaf.extra; ++i) CHECK(PEM_write_X509(chain, parts_->ca.cert.get()) == 1);
  (void)fclose(chain);
  FILE* key = Open(folder_ + "/" + file + ".key");
  CHECK(PEM_write_PrivateKey(key, parts_->last.key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
        1);
  (void)fclose(key);
}

TlsaRecord TestCa::CaRecord(uint8_t selector, uint8_t matching) const {
  return RecordOf(parts_->ca.cert.get(), 2, selector, matching);
}

TlsaRecord TestCa::LeafRecord(uint8_t selector, uint8_t matching) const {
  return RecordOf(parts_->last.cert.get(), 3, selector, matching);
}

}  // namespace sluice::io
