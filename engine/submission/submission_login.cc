// What a session does about logins: passwords and SCRAM by the Authenticator, certificates by the
// listener's CertificateUsers.

#include <algorithm>
#include <utility>

#include "config/users.h"
#include "engine/base/check.h"
#include "engine/submission/submission_session.h"

namespace sluice::engine {
namespace {

using ClientCertificates = config::Listener::ClientCertificates;

}  // namespace

void SubmissionSession::AskLogin() {
  const auto& login = session_.login();
  if (login.external) return StartProof(&SubmissionSession::OnExternal);
  if (login.scram) return EndProof(login.user, login.proven);
  listener_.parts_.authenticator.Check(
      {login.user, login.password, peer_.address},
      [listener = &listener_, self = self_](AuthOutcome outcome) {
        if (SubmissionSession* session = listener->sessions_.Get(self)) session->OnLogin(outcome);
      });
}

// Tells `then`, of the session while it lives, that the address may try.
void SubmissionSession::StartProof(void (SubmissionSession::*then)(ScramStart)) {
  listener_.parts_.authenticator.StartScram(
      {session_.login().user, {}, peer_.address},
      [listener = &listener_, self = self_, then](ScramStart start) {
        SubmissionSession* session = listener->sessions_.Get(self);
        if (session == nullptr || session->stage_ == Stage::kClosing) return;
        if (start.outcome != AuthOutcome::kGood) return session->OnLogin(start.outcome);
        (session->*then)(std::move(start));
      });
}

void SubmissionSession::OnScramKeys(ScramStart start) {
  session_.AnswerScram(std::move(start.keys), start.nonce);
  active_ = Now();
  Feed({});
}

// The proof was the handshake's; failures count, slow and stop an address as those of passwords do.
void SubmissionSession::OnExternal(ScramStart) {
  std::string why;
  const config::User* user = CertificateUser(session_.login().user, why);
  EndProof(user != nullptr ? user->name : session_.login().user, user != nullptr);
}

void SubmissionSession::EndProof(std::string user, bool proven) {
  listener_.parts_.authenticator.EndScram(
      {std::move(user), {}, peer_.address}, proven,
      [listener = &listener_, self = self_](AuthOutcome outcome) {
        if (SubmissionSession* session = listener->sessions_.Get(self)) session->OnLogin(outcome);
      });
}

void SubmissionSession::OnLogin(AuthOutcome outcome) {
  if (stage_ == Stage::kClosing) return;
  smtp::AuthVerdict verdict = smtp::AuthVerdict::kWrong;
  const auto& login = session_.login();
  std::string why;
  // A reload may have taken the user, or his certificate, away since the question.
  const config::User* user = login.external
                                 ? CertificateUser(login.user, why)
                                 : config::FindUser(*listener_.parts_.context.config, login.user);
  switch (outcome) {
    case AuthOutcome::kGood:
      if (user == nullptr) break;
      TakeUser(*user, login.external);
      verdict = smtp::AuthVerdict::kGood;
      break;
    case AuthOutcome::kWrong:
      break;
    case AuthOutcome::kBusy:
      verdict = smtp::AuthVerdict::kBusy;
      break;
    case AuthOutcome::kTooMany:
      verdict = smtp::AuthVerdict::kTooMany;
      break;
  }
  if (user_ == nullptr) ++listener_.counters_.logins_failed;
  session_.AnswerAuth(verdict, user_ != nullptr && user_->message_fault_451, why);
  active_ = Now();
  Feed({});
}

void SubmissionSession::TakeUser(const config::User& user, bool by_certificate) {
  config_ = listener_.parts_.context.config;
  user_ = &user;
  by_certificate_ = by_certificate;
  ++listener_.counters_.logins;
  if (by_certificate) ++listener_.counters_.certificate_logins;
}

const config::User* SubmissionSession::CertificateUser(std::string_view asked,
                                                       std::string& why) const {
  // A certificate was verified under the CA file of its handshake.
  if (!listener_.certificate_users_ || client_ca_ != listener_.settings_.client_ca) {
    why = "Client certificates are not taken here any more, or others are: connect anew";
    return nullptr;
  }
  const CertificateUsers::Found found =
      listener_.certificate_users_->Find(certificate_.get(), listener_.parts_.context.clock.Wall());
  why = found.why;
  if (found.user == nullptr || asked.empty() || asked == found.user->name) return found.user;
  why = "The client certificate belongs to another user than the one asked for";
  return nullptr;
}

// What the certificate allows here: after the handshake, and after each reload. Says why the client
// may not stay; empty: it may.
std::string SubmissionSession::LookAtCertificate() {
  if (asks_ == ClientCertificates::kOff || !session_.tls()) return {};
  std::string why;
  const bool known = CertificateUser({}, why) != nullptr;
  smtp::ServerRules& rules = session_.mutable_rules();
  rules.external = true;
  rules.external_offered = known;
  rules.login_at_mail = known && listener_.settings_.login_without_auth;
  if (asks_ != ClientCertificates::kRequired || !listener_.certificate_users_) return {};
  // A certificate that was verified under another CA file opens no door any more.
  if (client_ca_ != listener_.settings_.client_ca) return why;
  return listener_.certificate_users_
                 ->Find(certificate_.get(), listener_.parts_.context.clock.Wall())
                 .good
             ? std::string()
             : why;
}

// False: the certificate's user is there no more, which was answered.
bool SubmissionSession::LogInAtMail() {
  if (session_.logged_in() || !session_.rules().login_at_mail) return true;
  std::string why;
  const config::User* user = CertificateUser({}, why);
  if (user == nullptr) {
    session_.AnswerMail({530, "5.7.0", why});
    return false;
  }
  TakeUser(*user, true);
  session_.LogIn(user->message_fault_451);
  return true;
}

void SubmissionSession::OnReload() {
  const config::Config& config = *listener_.parts_.context.config;
  smtp::ServerRules& rules = session_.mutable_rules();
  rules.size_max = config.limits.message_size;
  rules.recipients_max = config.limits.recipients;
  rules.errors_max = config.limits.errors_per_session;
  if (user_ != nullptr) {
    std::string why;
    const config::User* user =
        by_certificate_ ? CertificateUser(user_->name, why) : config::FindUser(config, user_->name);
    revoked_ = user == nullptr;
    if (!revoked_) {
      user_ = user;
      config_ = listener_.parts_.context.config;
    }
  }
  revoked_ |= !LookAtCertificate().empty();
  // Who was not asked then can show none now: the next connection is asked.
  revoked_ |= listener_.settings_.client_certificates == ClientCertificates::kRequired &&
              asks_ != ClientCertificates::kRequired && session_.tls() && certificate_ == nullptr;
  Settle();
}

}  // namespace sluice::engine
