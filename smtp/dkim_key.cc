#include "smtp/dkim_key.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr size_t kEd25519Octets = 32;

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using KeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;

// RSASSA-PKCS1-v1_5 over a SHA-256 made already.
bool UsePkcs1(EVP_PKEY_CTX* ctx) {
  return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(ctx, Sha256OfThread()) == 1;
}

const unsigned char* Octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Nobody is there to be asked for a passphrase.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Error Refused(const std::string& file, std::string what) {
  return {ErrorCode::kInvalid, file + ": " + std::move(what)};
}

constexpr const char* kMakeOne = ": make one with `sluice domain add`";

// Why no private key was found in this text.
std::string WhyNoKey(std::string_view pem, bool encrypted) {
  if (encrypted)
    return "the private key has a passphrase: remove it with `openssl pkey -in FILE -out FILE.new`";
  if (pem.contains("-----BEGIN PUBLIC KEY-----") || pem.contains("-----BEGIN RSA PUBLIC KEY-----"))
    return "this is the public key, and signing needs the private one";
  if (pem.contains("-----BEGIN CERTIFICATE-----"))
    return "this is a certificate, and signing needs a private key";
  const bool ssh = pem.contains("-----BEGIN OPENSSH PRIVATE KEY-----");
  if (!ssh && pem.contains("PRIVATE KEY-----")) return "the private key is damaged: copy it anew";
  std::string why = ssh ? "this is a key for SSH, and signing needs one in PEM (PKCS#8)"
                        : "there is no private key in PEM in it";
  why += kMakeOne;
  return why;
}

// The whole file, at most kFileMax octets.
Result<std::string> ReadKeyFile(const std::string& file) {
  const auto fail = [&](int error) {
    return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                file + ": cannot read the private key: " + std::strerror(error));
  };
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(errno);
  std::string text(DkimKey::kFileMax + 1, '\0');
  size_t used = 0;
  ssize_t got = 0;
  do {
    got = read(fd, text.data() + used, text.size() - used);
    if (got > 0) used += size_t(got);
  } while (got > 0 || (got < 0 && errno == EINTR));
  const int error = errno;
  close(fd);
  if (got < 0) return fail(error);
  if (used > DkimKey::kFileMax)
    return std::unexpected(Refused(file, "this is no private key: it is over 64 KiB long"));
  text.resize(used);
  return text;
}

void Wipe(std::string& secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

std::string Taken(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  CHECK(size > 0);
  return std::string(bytes, size_t(size));
}

}  // namespace

std::string_view NameOf(DkimAlgorithm algorithm) {
  return algorithm == DkimAlgorithm::kRsaSha256 ? "rsa-sha256" : "ed25519-sha256";
}

void DkimKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<DkimKey> DkimKey::FromPem(std::string_view pem, const std::string& file) {
  if (pem.size() > kFileMax)
    return std::unexpected(Refused(file, "this is no private key: it is over 64 KiB long"));
  ERR_clear_error();
  const BioPtr bio(BIO_new_mem_buf(pem.data(), int(pem.size())));
  CHECK(bio != nullptr);
  bool encrypted = false;
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &encrypted));
  ERR_clear_error();
  if (!key) return std::unexpected(Refused(file, WhyNoKey(pem, encrypted)));
  DkimAlgorithm algorithm = DkimAlgorithm::kEd25519Sha256;
  if (EVP_PKEY_is_a(key.get(), "RSA")) {
    algorithm = DkimAlgorithm::kRsaSha256;
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits < kRsaBitsMin)
      return std::unexpected(Refused(file, "an RSA key of " + std::to_string(bits) +
                                               " bits is too short for receivers, who want 2048" +
                                               kMakeOne));
    if (bits > kRsaBitsMax)
      return std::unexpected(Refused(file, "an RSA key of " + std::to_string(bits) +
                                               " bits is longer than receivers need to know "
                                               "(4096 at most)" +
                                               kMakeOne));
  } else if (!EVP_PKEY_is_a(key.get(), "ED25519")) {
    const char* type = EVP_PKEY_get0_type_name(key.get());
    return std::unexpected(
        Refused(file, std::string("DKIM knows RSA and Ed25519 keys, and this is ") +
                          (type != nullptr ? type : "another one") + kMakeOne));
  }
  DkimKey made(std::move(key), algorithm);
  std::string signature;
  const Sha256Digest tried{1};
  const bool fits = made.SignInto(tried, signature) && made.Verifies(tried, signature);
  ERR_clear_error();
  if (!fits)
    return std::unexpected(Refused(file,
                                   "the private and the public part of the key do not belong "
                                   "together: nobody could verify its signatures"));
  return made;
}

Result<DkimKey> DkimKey::Load(const std::string& file) {
  Result<std::string> text = ReadKeyFile(file);
  if (!text) return std::unexpected(text.error());
  Result<DkimKey> key = FromPem(*text, file);
  Wipe(*text);
  return key;
}

DkimKey DkimKey::Generate(DkimAlgorithm algorithm) {
  KeyPtr key(algorithm == DkimAlgorithm::kRsaSha256
                 ? EVP_RSA_gen(kRsaBitsMin)
                 : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  CHECK(key != nullptr);
  return {std::move(key), algorithm};
}

int DkimKey::bits() const { return EVP_PKEY_get_bits(key_.get()); }

std::string DkimKey::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  CHECK(bio != nullptr);
  CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1);
  return Taken(bio.get());
}

Status DkimKey::WriteNew(const std::string& file) const {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST)
    return Fail(ErrorCode::kBusy, file +
                                      ": is there already, and a key is never overwritten: "
                                      "move it away, or take another name");
  if (fd < 0)
    return Fail(ErrorCode::kIo, file + ": cannot write the private key: " + std::strerror(errno));
  std::string pem = ToPem();
  // Whatever the umask says.
  bool done = fchmod(fd, 0600) == 0 && write(fd, pem.data(), pem.size()) == ssize_t(pem.size()) &&
              fsync(fd) == 0;
  const int error = errno;
  Wipe(pem);
  if (close(fd) != 0) done = false;
  if (done) return {};
  (void)unlink(file.c_str());
  return Fail(ErrorCode::kIo, file + ": cannot write the private key: " + std::strerror(error));
}

std::string DkimKey::PublicBase64() const {
  if (algorithm_ == DkimAlgorithm::kEd25519Sha256) {
    std::string raw(kEd25519Octets, '\0');
    size_t size = raw.size();
    CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()),
                                      &size) == 1);
    CHECK(size == raw.size());
    return Base64Encode(raw);
  }
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CHECK(bio != nullptr);
  CHECK(i2d_PUBKEY_bio(bio.get(), key_.get()) == 1);
  return Base64Encode(Taken(bio.get()));
}

std::string DkimKey::RecordText() const {
  const char* kind = algorithm_ == DkimAlgorithm::kRsaSha256 ? "rsa" : "ed25519";
  return std::string("v=DKIM1; k=") + kind + "; p=" + PublicBase64();
}

Result<std::string> DkimKey::Sign(const Sha256Digest& digest) const {
  std::string signature;
  if (SignInto(digest, signature)) return signature;
  ERR_clear_error();
  return Fail(ErrorCode::kIo, "OpenSSL could not make a signature");
}

bool DkimKey::SignInto(const Sha256Digest& digest, std::string& out) const {
  out.resize(size_t(EVP_PKEY_get_size(key_.get())));
  size_t size = out.size();
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  bool made = false;
  if (algorithm_ == DkimAlgorithm::kEd25519Sha256) {
    const MdCtxPtr ctx(EVP_MD_CTX_new());
    made = ctx != nullptr &&
           EVP_DigestSignInit(ctx.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
           EVP_DigestSign(ctx.get(), to, &size, digest.data(), digest.size()) == 1;
  } else {
    const KeyCtxPtr ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    made = ctx != nullptr && EVP_PKEY_sign_init(ctx.get()) == 1 && UsePkcs1(ctx.get()) &&
           EVP_PKEY_sign(ctx.get(), to, &size, digest.data(), digest.size()) == 1;
  }
  return made && size == out.size();
}

bool DkimKey::Verifies(const Sha256Digest& digest, const std::string& signature) const {
  if (algorithm_ == DkimAlgorithm::kEd25519Sha256) {
    const MdCtxPtr ctx(EVP_MD_CTX_new());
    return ctx != nullptr &&
           EVP_DigestVerifyInit(ctx.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(ctx.get(), Octets(signature), signature.size(), digest.data(),
                            digest.size()) == 1;
  }
  const KeyCtxPtr ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  return ctx != nullptr && EVP_PKEY_verify_init(ctx.get()) == 1 && UsePkcs1(ctx.get()) &&
         EVP_PKEY_verify(ctx.get(), Octets(signature), signature.size(), digest.data(),
                         digest.size()) == 1;
}

}  // namespace sluice::smtp
