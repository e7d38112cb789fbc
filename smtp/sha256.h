// smtp/sha256.h — SHA-256 of octets that come in pieces.

#ifndef SLUICE_SMTP_SHA256_H_
#define SLUICE_SMTP_SHA256_H_

#include <array>
#include <memory>
#include <string_view>

// OpenSSL's, which only sha256.cc looks into.
struct evp_md_ctx_st;
struct evp_md_st;

namespace sluice::smtp {

using Sha256Digest = std::array<unsigned char, 32>;

// OpenSSL's algorithm, found once per thread: a search by name costs a lock that all threads share.
const evp_md_st* Sha256OfThread();

class Sha256 {
 public:
  Sha256();
  void Update(std::string_view piece);
  // Once; nothing may follow.
  Sha256Digest Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* ctx) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> ctx_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_SHA256_H_
