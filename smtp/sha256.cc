#include "smtp/sha256.h"

#include <openssl/evp.h>

#include "engine/base/check.h"

namespace sluice::smtp {
namespace {

struct FreeMd {
  void operator()(EVP_MD* md) const { EVP_MD_free(md); }
};

}  // namespace

const evp_md_st* Sha256OfThread() {
  thread_local const std::unique_ptr<EVP_MD, FreeMd> md(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  CHECK(md != nullptr);
  return md.get();
}

void Sha256::Free::operator()(evp_md_ctx_st* ctx) const { EVP_MD_CTX_free(ctx); }

Sha256::Sha256() : ctx_(EVP_MD_CTX_new()) {
  CHECK(ctx_ != nullptr);
  CHECK(EVP_DigestInit_ex2(ctx_.get(), Sha256OfThread(), nullptr) == 1);
}

void Sha256::Update(std::string_view piece) {
  CHECK(EVP_DigestUpdate(ctx_.get(), piece.data(), piece.size()) == 1);
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest{};
  unsigned int size = 0;
  CHECK(EVP_DigestFinal_ex(ctx_.get(), digest.data(), &size) == 1);
  CHECK(size == digest.size());
  return digest;
}

}  // namespace sluice::smtp
