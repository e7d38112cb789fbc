// AUTH of the server session: SASL PLAIN (RFC 4616) and LOGIN, with and without initial response.

#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "smtp/server_session.h"

namespace sluice::smtp {

void ServerSession::OnAuth(std::string_view arguments) {
  const size_t space = std::min(arguments.find_first_of(" \t"), arguments.size());
  const std::string_view mechanism = arguments.substr(0, space);
  const std::string_view initial = Trim(arguments.substr(space));
  const bool plain = EqualsNoCase(mechanism, "PLAIN");
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
  } else if (!plain && !EqualsNoCase(mechanism, "LOGIN")) {
    Fault(504, "5.5.4", "Mechanism not supported: use PLAIN or LOGIN");
  } else {
    phase_ = plain ? Phase::kPlain : Phase::kLoginUser;
    if (!initial.empty())
      OnAuthResponse(initial == "=" ? std::string_view() : initial);  // "=": an empty response
    else
      output_ += plain ? "334 \r\n" : "334 VXNlcm5hbWU6\r\n";  // "Username:"
  }
}

// A client's response, base64 or "*".
void ServerSession::OnAuthResponse(std::string_view line) {
  const Phase phase = std::exchange(phase_, Phase::kCommand);
  if (line == "*") {
    Fault(501, "5.7.0", "Authentication cancelled");
    return;
  }
  std::string decoded;
  if (!Base64Decode(line, decoded)) {
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

void ServerSession::AskDriver() {
  phase_ = Phase::kAuth;
  Raise(ServerEvent::kAuth);
}

void ServerSession::AnswerAuth(AuthVerdict verdict, bool message_faults_temporary) {
  CHECK(phase_ == Phase::kAuth);
  phase_ = Phase::kCommand;
  login_.password.clear();
  switch (verdict) {
    case AuthVerdict::kGood:
      logged_in_ = true;
      message_faults_temporary_ = message_faults_temporary;
      Reply(235, "2.7.0", "Authentication successful");
      break;
    case AuthVerdict::kWrong:
      Fault(535, "5.7.8", "Authentication credentials invalid");
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
