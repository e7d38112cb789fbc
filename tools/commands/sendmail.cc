#include "tools/commands/sendmail.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/io/system_clock.h"
#include "tools/base/json_text.h"
#include "tools/commands/control_client.h"
#include "tools/commands/sendmail_arguments.h"
#include "tools/commands/sendmail_message.h"
#include "tools/commands/table.h"

namespace sluice::tools {
namespace {

// The engine answers when the message is durable, which a busy disk may delay.
constexpr Duration kQueuedWithin = std::chrono::seconds(120);

constexpr const char* kHelp =
    R"(Usage: sluice sendmail [OPTIONS] [RECIPIENT...]
Hands the message on standard input to the running engine. Can stand as /usr/sbin/sendmail.

  -t             recipients from To, Cc and Bcc, beside those given
  -i, -oi        a line of a dot alone does not end the message
  -f ADDRESS     envelope sender; "<>" for none. Default: this user
  -F NAME        full name, where the message has no From
  -N LIST        reports asked for: never, or success,failure,delay
  -R hdrs|full   how much of the message a report returns
  -V ENVID       its name in reports
  -C, -c FILE    configuration (/etc/sluice/sluice.toml)
  --socket PATH  the engine's socket, instead of the configuration's

Other options of sendmail are taken and ignored. Exit status: 0 queued durably, 75 try again later,
64 it can never go.
)";

struct Person {
  std::string login;
  std::string full_name;
};

// Who runs this. The full name is the first part of the GECOS field; & stands for the login.
Person WhoAmI() {
  Person out{"uid-" + std::to_string(getuid()), ""};
  std::array<char, 16384> room;
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
    return out;
  out.login = entry.pw_name;
  const std::string gecos = entry.pw_gecos == nullptr ? "" : entry.pw_gecos;
  for (const char c : gecos.substr(0, gecos.find(',')))
    out.full_name += c == '&' ? out.login : std::string(1, c);
  return out;
}

std::string HostnameOf(const EngineFacts& facts) {
  if (!facts.hostname.empty()) return facts.hostname;
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data()
                                                                           : "localhost";
}

int Refuse(int status, const std::string& what) {
  std::fprintf(stderr, "sendmail: %s\n", what.c_str());
  return status;
}

// The address that From gets: the envelope sender unless that is the null sender.
Author AuthorOf(const SendmailOptions& options, const Person& me, const EngineFacts& facts) {
  Author author;
  const bool named = options.sender && !options.sender->empty();
  author.address = named ? *options.sender : me.login;
  if (!author.address.contains('@')) author.address += "@" + HostnameOf(facts);
  author.full_name = !options.full_name.empty() ? options.full_name
                     : named                    ? std::string()
                                                : me.full_name;
  return author;
}

std::string Request(const SendmailOptions& options, const std::string& sender,
                    const std::vector<std::string>& recipients, std::string_view message) {
  std::string out = "{";
  AppendJsonField(out, "command", "sendmail");
  AppendJsonField(out, "sender", sender);
  AppendJsonKey(out, "recipients");
  out += '[';
  for (size_t i = 0; i < recipients.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, recipients[i]);
  }
  out += ']';
  if (!options.notify.empty()) AppendJsonField(out, "notify", options.notify);
  if (!options.ret.empty()) AppendJsonField(out, "ret", options.ret);
  if (!options.envid.empty()) AppendJsonField(out, "envid", Xtext(options.envid));
  AppendJsonField(out, "message", Base64Encode(message));
  return out + "}";
}

// The socket for everybody comes first; where it is not known to be there, the control socket
// serves the engine's user and root.
int Submit(const EngineFacts& facts, const std::string& request) {
  std::string socket = facts.local_socket.empty() ? facts.socket : facts.local_socket;
  auto line = AskEngine(socket, request, kQueuedWithin);
  if (!line && line.error().code == ErrorCode::kNotFound && socket == kDefaultLocalSocket) {
    socket = facts.socket;
    line = AskEngine(socket, request, kQueuedWithin);
  }
  if (!line) {
    const bool closed_door = line.error().code == ErrorCode::kDenied && socket == facts.socket;
    return Refuse(kSendmailTemporary,
                  line.error().what +
                      (closed_door ? "; [submission] local_socket opens one for everybody" : ""));
  }
  const auto response = ReadResponse(*std::move(line));
  if (!response) return Refuse(kSendmailTemporary, socket + ": " + response.error().what);
  if (response->ok) return 0;
  const bool forever = response->code >= 500;
  return Refuse(forever ? kSendmailUsage : kSendmailTemporary,
                (response->code == 0 ? "" : std::to_string(response->code) + " ") +
                    Printable(response->error));
}

}  // namespace

int Sendmail(std::span<const std::string> arguments) {
  const auto options = ParseSendmailArguments(arguments);
  if (!options) return Refuse(kSendmailUsage, options.error() + " (--help lists what there is)");
  if (options->help) return Print(kHelp) ? 0 : 1;
  const auto facts = FindEngine(options->engine);
  if (!facts) return Refuse(kSendmailTemporary, facts.error().what);
  if (!options->recipients_in_header && options->recipients.empty())
    return Refuse(kSendmailUsage, "no recipients: name them, or use -t (--help tells more)");

  const auto text = ReadSubmission(stdin, options->dot_is_text, kSendmailMax);
  if (!text)
    return Refuse(text.error().code == ErrorCode::kInvalid ? kSendmailUsage : kSendmailTemporary,
                  text.error().what);
  std::vector<std::string> recipients = options->recipients;
  if (options->recipients_in_header) {
    auto found = HeaderRecipients(SplitMessage(*text).header);
    if (!found) return Refuse(kSendmailUsage, found.error());
    for (std::string& recipient : *found) recipients.push_back(std::move(recipient));
  }
  if (recipients.empty()) return Refuse(kSendmailUsage, "no recipients in To, Cc or Bcc");

  const Person me = WhoAmI();
  const io::SystemClock clock;
  const std::string message =
      Complete(*text, AuthorOf(*options, me, *facts), FormatRfc5322(clock.Wall()));
  return Submit(*facts, Request(*options, options->sender.value_or(me.login), recipients, message));
}

}  // namespace sluice::tools
