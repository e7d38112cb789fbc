// AUTH of the server session: SASL PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 (RFC 7677) and EXTERNAL
// (RFC 4422 appendix A), with and without initial response.

#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "smtp/server_session.h"

namespace sluice::smtp {
namespace {

// Why a mechanism is none of ours, and what to use.
const char* AdviceOn(std::string_view mechanism) {
  if (EqualsNoCase(mechanism, "OAUTHBEARER") || EqualsNoCase(mechanism, "XOAUTH2"))
    return "Tokens are not taken here: use PLAIN or LOGIN with user name and password";
  if (EqualsNoCase(mechanism, "SCRAM-SHA-256-PLUS"))
    return "Channel binding is not offered: use SCRAM-SHA-256 without it";
  if (EqualsNoCase(mechanism, "EXTERNAL"))
    return "Client certificates are not asked for here: use PLAIN, LOGIN or SCRAM-SHA-256";
  return "Mechanism not supported: use PLAIN, LOGIN or SCRAM-SHA-256";
}

}  // namespace

void ServerSession::OnAuth(std::string_view arguments) {
  const size_t space = std::min(arguments.find_first_of(" \t"), arguments.size());
  const std::string_view mechanism = arguments.substr(0, space);
  const std::string_view initial = Trim(arguments.substr(space));
  const bool plain = EqualsNoCase(mechanism, "PLAIN");
  const bool scram = EqualsNoCase(mechanism, "SCRAM-SHA-256");
  const bool external = rules_.external && EqualsNoCase(mechanism, "EXTERNAL");
  const bool login = EqualsNoCase(mechanism, "LOGIN");
  if (rules_.role == ServerRole::kInbound) {
    Fault(502, "5.5.1", "No logins here");
  } else if (!tls_) {
    Fault(538, "5.7.11", "Encryption required for authentication: issue STARTTLS first");
  } else if (hello_.empty()) {
    Fault(503, "5.5.1", "Say EHLO first");
  } else if (logged_in_) {
    Fault(503, "5.5.1", "Already authenticated");
  } else if (transaction_) {
    Fault(503, "5.5.1", "Not within a transaction");
  } else if (mechanism.empty()) {
    Fault(501, "5.5.4", "Syntax: AUTH mechanism");
  } else if (!plain && !scram && !external && !login) {
    Fault(504, "5.5.4", AdviceOn(mechanism));
  } else {
    login_ = {};
    phase_ = plain      ? Phase::kPlain
             : scram    ? Phase::kScramFirst
             : external ? Phase::kExternal
                        : Phase::kLoginUser;
    if (!initial.empty())
      OnAuthResponse(initial == "=" ? std::string_view() : initial);  // "=": an empty response
    else
      output_ += login ? "334 VXNlcm5hbWU6\r\n" : "334 \r\n";  // "Username:"
  }
}

// A client's response, base64 or "*".
void ServerSession::OnAuthResponse(std::string_view line) {
  const Phase phase = std::exchange(phase_, Phase::kCommand);
  if (line == "*") {
    scram_.reset();
    Fault(501, "5.7.0", "Authentication cancelled");
    return;
  }
  std::string decoded;
  if (!Base64Decode(line, decoded)) {
    scram_.reset();
    Fault(501, "5.5.2", "Malformed base64");
    return;
  }
  switch (phase) {
    case Phase::kPlain:
      AskPlain(decoded);
      break;
    case Phase::kLoginUser:
      login_.user = std::move(decoded);
      phase_ = Phase::kLoginPassword;
      output_ += "334 UGFzc3dvcmQ6\r\n";  // "Password:"
      break;
    case Phase::kLoginPassword:
      login_.password = std::move(decoded);
      AskDriver();
      break;
    case Phase::kExternal:
      login_.external = true;
      login_.user = std::move(decoded);
      AskDriver();
      break;
    case Phase::kScramFirst:
      OnScramFirst(decoded);
      break;
    case Phase::kScramLast:
      OnScramLast(decoded);
      break;
    case Phase::kScramEnd:
      scram_.reset();
      if (decoded.empty())
        LoggedIn();
      else
        Fault(501, "5.5.2", "Malformed SCRAM message");
      break;
    default:
      CHECK(false);
  }
}

// authorisation identity NUL user NUL password.
void ServerSession::AskPlain(const std::string& decoded) {
  const size_t first = decoded.find('\0');
  const size_t second = first == std::string::npos ? first : decoded.find('\0', first + 1);
  if (second == std::string::npos || decoded.find('\0', second + 1) != std::string::npos) {
    Fault(501, "5.5.2", "Malformed PLAIN response");
    return;
  }
  const std::string_view identity = std::string_view(decoded).substr(0, first);
  login_.user = decoded.substr(first + 1, second - first - 1);
  login_.password = decoded.substr(second + 1);
  if (!identity.empty() && identity != login_.user) {
    Fault(535, "5.7.8", "Authentication credentials invalid");
    return;
  }
  AskDriver();
}

void ServerSession::OnScramFirst(std::string_view message) {
  scram_ = std::make_unique<ScramExchange>();
  if (const Answer refusal = scram_->First(message); !refusal.empty()) {
    scram_.reset();
    Fault(refusal);
    return;
  }
  login_.user = scram_->user();
  phase_ = Phase::kScram;
  Raise(ServerEvent::kScram);
}

void ServerSession::AnswerScram(ScramKeys keys, std::string_view nonce) {
  CHECK(phase_ == Phase::kScram);
  phase_ = Phase::kScramLast;
  output_ += "334 " + Base64Encode(scram_->Challenge(std::move(keys), nonce)) + "\r\n";
}

void ServerSession::OnScramLast(std::string_view message) {
  const ScramExchange::Proof proof = scram_->Last(message);
  if (proof == ScramExchange::Proof::kMalformed) {
    scram_.reset();
    Fault(501, "5.5.2", "Malformed SCRAM message");
    return;
  }
  login_.scram = true;
  login_.proven = proof == ScramExchange::Proof::kGood;
  AskDriver();
}

void ServerSession::LoggedIn() {
  logged_in_ = true;
  Reply(235, "2.7.0", "Authentication successful");
}

void ServerSession::AskDriver() {
  phase_ = Phase::kAuth;
  Raise(ServerEvent::kAuth);
}

void ServerSession::LogIn(bool message_faults_temporary) {
  CHECK(phase_ == Phase::kMail);
  CHECK(!logged_in_);
  logged_in_ = true;
  message_faults_temporary_ = message_faults_temporary;
}

void ServerSession::AnswerAuth(AuthVerdict verdict, bool message_faults_temporary,
                               std::string_view why) {
  CHECK(phase_ == Phase::kAuth || phase_ == Phase::kScram);
  phase_ = Phase::kCommand;
  login_.password.clear();
  if (verdict != AuthVerdict::kGood) scram_.reset();
  switch (verdict) {
    case AuthVerdict::kGood:
      message_faults_temporary_ = message_faults_temporary;
      if (!login_.scram) return LoggedIn();
      CHECK(login_.proven);
      phase_ = Phase::kScramEnd;
      output_ += "334 " + Base64Encode(scram_->Signature()) + "\r\n";
      break;
    case AuthVerdict::kWrong:
      Fault(535, "5.7.8", why.empty() ? "Authentication credentials invalid" : why);
      break;
    case AuthVerdict::kBusy:
      Reply(454, "4.7.0", "Too many logins under way, try again");
      break;
    case AuthVerdict::kTooMany:
      End({421, "4.7.0", rules_.hostname + " Too many failed logins, try later"});
      break;
  }
}

}  // namespace sluice::smtp
