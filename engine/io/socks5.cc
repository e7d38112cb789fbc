#include "engine/io/socks5.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

constexpr uint8_t kVersion = 5;
constexpr uint8_t kNoLogin = 0;
constexpr uint8_t kByPassword = 2;
constexpr uint8_t kNoneOfThese = 0xff;
constexpr uint8_t kConnect = 1;
constexpr uint8_t kV4 = 1;
constexpr uint8_t kName = 3;
constexpr uint8_t kV6 = 4;
// Version, reply, reserved, kind of address and its first octet: then the length is known.
constexpr size_t kReplyHead = 5;

void Put(std::string& out, uint8_t octet) { out.push_back(char(octet)); }

void PutText(std::string& out, const std::string& text) {
  Put(out, uint8_t(text.size()));
  out += text;
}

uint16_t PortAt(std::string_view octets) {
  return uint16_t(uint16_t(uint8_t(octets[0])) << 8 | uint8_t(octets[1]));
}

// What a reply other than 0 says (RFC 1928 section 6). Where it speaks of the far host, that is its
// fault and not the proxy's.
struct Refusal {
  CloseReason reason;
  std::string_view words;
};
constexpr Refusal kRefusals[] = {
    {CloseReason::kProxyFailed, "cannot connect, and does not say why"},
    {CloseReason::kProxyFailed, "is not allowed to connect there by its own rules"},
    {CloseReason::kUnreachable, "network unreachable"},
    {CloseReason::kUnreachable, "host unreachable"},
    {CloseReason::kRefused, "connection refused"},
    {CloseReason::kTimedOut, "timed out"},  // "TTL expired", given when TCP gives up
    {CloseReason::kProxyFailed, "cannot make connections for others (command not supported)"},
    {CloseReason::kProxyFailed, "does not take addresses of this family"},
};

}  // namespace

Socks5Client::Socks5Client(const Endpoint& to, std::string user, std::string password)
    : to_(to), user_(std::move(user)), password_(std::move(password)) {
  CHECK(user_.size() <= kSocksLoginMax);
  CHECK(password_.size() <= kSocksLoginMax);
  Put(output_, kVersion);
  Put(output_, user_.empty() ? 1 : 2);
  Put(output_, kNoLogin);
  if (!user_.empty()) Put(output_, kByPassword);
}

std::string Socks5Client::TakeOutput() { return std::exchange(output_, {}); }

size_t Socks5Client::OnBytes(std::string_view bytes) {
  size_t taken = 0;
  while (state_ == State::kGoing && taken < bytes.size()) {
    const std::string_view part = bytes.substr(taken, needed_ - answer_.size());
    answer_ += part;
    taken += part.size();
    if (answer_.size() == needed_) Step();
    CHECK(needed_ > answer_.size() || state_ != State::kGoing);
  }
  CHECK(answer_.size() <= kAnswerMax);
  return taken;
}

void Socks5Client::Step() {
  switch (phase_) {
    case Phase::kMethod:
      return OnMethod();
    case Phase::kLogin:
      return OnLogin();
    case Phase::kReply:
      return OnReply();
  }
}

void Socks5Client::OnMethod() {
  if (At(0) != kVersion) return Fail("does not speak SOCKS5");
  const uint8_t method = At(1);
  answer_.clear();
  if (method == kNoLogin) return AskToConnect();
  if (method == kByPassword && !user_.empty()) {
    phase_ = Phase::kLogin;
    Put(output_, 1);  // of the negotiation
    PutText(output_, user_);
    PutText(output_, password_);
    return;
  }
  if (method != kNoneOfThese) return Fail("wants a login of a kind that was not offered");
  Fail(user_.empty() ? "wants a login: set proxy_user and proxy_password"
                     : "takes no login by user and password");
}

// The version is not looked at: some proxies answer with that of SOCKS itself.
void Socks5Client::OnLogin() {
  if (At(1) != 0) return Fail("refuses the login of \"" + user_ + "\"");
  answer_.clear();
  AskToConnect();
}

void Socks5Client::AskToConnect() {
  phase_ = Phase::kReply;
  Put(output_, kVersion);
  Put(output_, kConnect);
  Put(output_, 0);
  const auto& bytes = to_.address.bytes();
  const bool v4 = to_.address.is_v4();
  Put(output_, v4 ? kV4 : kV6);
  for (size_t i = v4 ? 12 : 0; i < bytes.size(); ++i) Put(output_, bytes[i]);
  Put(output_, uint8_t(to_.port >> 8));
  Put(output_, uint8_t(to_.port));
}

// A proxy that refuses may send less than a whole reply, so its first two octets are looked at
// alone.
void Socks5Client::OnReply() {
  if (answer_.size() == kAnswerHead) return OnReplyCode();
  if (answer_.size() > kReplyHead) return OnBound();
  switch (At(3)) {
    case kV4:
      needed_ = 4 + 4 + 2;
      return;
    case kV6:
      needed_ = 4 + 16 + 2;
      return;
    case kName:
      needed_ = 4 + 1 + size_t(At(4)) + 2;
      return;
    default:
      Fail("answers with an address of unknown kind " + std::to_string(At(3)));
  }
}

void Socks5Client::OnReplyCode() {
  if (At(0) != kVersion) return Fail("does not speak SOCKS5");
  const uint8_t reply = At(1);
  if (reply == 0) {
    needed_ = kReplyHead;
    return;
  }
  if (reply > std::size(kRefusals))
    return Fail("refuses with code " + std::to_string(reply) + ", which SOCKS5 does not know");
  const Refusal& refusal = kRefusals[reply - 1];
  const bool far = refusal.reason != CloseReason::kProxyFailed;
  Fail((far ? "says of the way to the receiver: " : "") + std::string(refusal.words),
       refusal.reason);
}

void Socks5Client::OnBound() {
  const std::string_view octets = std::string_view(answer_).substr(4);
  if (At(3) == kV4) {
    uint32_t address = 0;
    for (size_t i = 0; i < 4; ++i) address = address << 8 | uint8_t(octets[i]);
    if (address != 0) bound_ = {IpAddress::V4(address), PortAt(octets.substr(4))};
  } else if (At(3) == kV6) {
    std::array<uint8_t, 16> address;
    std::memcpy(address.data(), octets.data(), address.size());
    bound_ = {IpAddress::V6(address), PortAt(octets.substr(16))};
  }
  state_ = State::kOpen;
}

void Socks5Client::Fail(std::string trouble, CloseReason reason) {
  state_ = State::kFailed;
  trouble_ = std::move(trouble);
  reason_ = reason;
}

}  // namespace sluice::io
