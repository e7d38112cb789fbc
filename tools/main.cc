// tools/main.cc — the `sluice` command: reads the command line, calls one function a subcommand.
//
// EXIT      0 done, 1 it failed, 2 the command line or the configuration is wrong. `sendmail` has
//           its own: commands/sendmail.h.
// NOT HERE  What the subcommands do: tools/commands, tools/sink, tools/blast, tools/showcase.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/blast/blast.h"
#include "tools/command_line.h"
#include "tools/commands/captured.h"
#include "tools/commands/check.h"
#include "tools/commands/domain_add.h"
#include "tools/commands/domain_check.h"
#include "tools/commands/domain_records.h"
#include "tools/commands/explain.h"
#include "tools/commands/queues.h"
#include "tools/commands/reload.h"
#include "tools/commands/run.h"
#include "tools/commands/sendmail.h"
#include "tools/commands/shaping.h"
#include "tools/commands/status.h"
#include "tools/commands/tls_report.h"
#include "tools/commands/user_hash.h"
#include "tools/order_lines.h"
#include "tools/showcase/showcase.h"
#include "tools/sink/sink.h"

namespace sluice::tools {
namespace {

constexpr int kUsage = 2;

void AddRunAndCheck(CLI::App& app, Action& action) {
  auto run = std::make_shared<RunOptions>();
  AddCommand(app, action, "run", "Run the engine in the foreground", run, RunEngine)
      ->add_option("-c,--config", run->config, "Configuration")
      ->type_name("FILE")
      ->required();

  auto check = std::make_shared<CheckOptions>();
  CLI::App* command = AddCommand(app, action, "check", "Check a configuration", check, CheckConfig);
  command->add_option("-c,--config", check->config, "Configuration")
      ->type_name("FILE")
      ->default_str(kDefaultConfig);
  command->add_flag("--reference", check->reference, "Print the reference of all keys (Markdown)");
  command->add_flag("--shaping-reference", check->shaping_reference,
                    "Print the tables of keys of shaping.toml (Markdown)");
  command->require_option(0, 1);
}

void AddShaping(CLI::App& app, Action& action) {
  auto shaping = std::make_shared<ShapingOptions>();
  CLI::App* command =
      AddCommand(app, action, "shaping", "What holds for mail to a domain, and which line says so",
                 shaping, ShowShaping);
  command->add_option("-c,--config", shaping->engine.config, "Configuration")
      ->type_name("FILE")
      ->default_str(kDefaultConfig);
  command->add_option("DOMAIN", shaping->domain, "Recipient domain")->required();
  command->add_option("--source", shaping->source, "For mail from this [[source]]");
  command->add_option("--mx", shaping->hosts, "Its MX host, instead of asking DNS (repeat)")
      ->type_name("HOST")
      ->allow_extra_args(false);
  command->add_flag("--json", shaping->json, "As JSON");
}

void AddUser(CLI::App& app, Action& action) {
  CLI::App* user = app.add_subcommand("user", "Users of the configuration");
  user->require_subcommand(1);
  auto hash = std::make_shared<UserHashOptions>();
  CLI::App* command = AddCommand(*user, action, "hash",
                                 "Read a password on standard input, print its argon2id string",
                                 hash, HashUserPassword);
  command->add_flag("--scram", hash->scram, "Print the string for SCRAM-SHA-256 instead");
}

void AddLooks(CLI::App& app, Action& action) {
  auto status = std::make_shared<StatusOptions>();
  CLI::App* command =
      AddCommand(app, action, "status", "What the running engine is doing", status, ShowStatus);
  AddEngineAddress(command, status->engine);
  command->add_flag("--json", status->json, "As JSON");

  auto queues = std::make_shared<QueuesOptions>();
  command = AddCommand(app, action, "queues", "What waits, and why", queues, ShowQueues);
  AddEngineAddress(command, queues->engine);
  CLI::Option* domain =
      command->add_option("DOMAIN", queues->domain, "Recipient domain; without: all");
  command->add_option("--by", queues->by, "Add up by one of these")
      ->check(CLI::IsMember({"site", "tenant", "campaign", "source", "provider", "reason"}))
      ->excludes(domain);
  command->add_flag("--json", queues->json, "As JSON");

  auto explain = std::make_shared<ExplainOptions>();
  command = AddCommand(app, action, "explain", "Why a message has not left yet", explain, Explain);
  AddEngineAddress(command, explain->engine);
  command
      ->add_option("WHAT", explain->what,
                   "The id from `queued as ID`, an address, a domain, site or campaign")
      ->type_name("ID|ADDRESS|DOMAIN|CAMPAIGN")
      ->required();
  command->add_flag("--json", explain->json, "As JSON");

  auto reload = std::make_shared<ReloadOptions>();
  AddEngineAddress(
      AddCommand(app, action, "reload", "Read the configuration again", reload, Reload),
      reload->engine);
}

void AddCaptured(CLI::App& app, Action& action) {
  CLI::App* captured =
      app.add_subcommand("captured", "Messages of users with deliver = \"capture\"");
  captured->require_subcommand(1);
  auto options = std::make_shared<CapturedOptions>();
  CLI::App* list =
      AddCommand(*captured, action, "list", "List them, the oldest first", options, ListCaptured);
  AddEngineAddress(list, options->engine);
  list->add_flag("--json", options->json, "As JSON");
  CLI::App* show = AddCommand(*captured, action, "show", "Print one", options, ShowCaptured);
  CLI::App* release =
      AddCommand(*captured, action, "release", "Deliver one after all", options, ReleaseCaptured);
  for (CLI::App* command : {show, release}) {
    AddEngineAddress(command, options->engine);
    command->add_option("ID", options->id, "Of the message")->required();
  }
}

void AddTlsReport(CLI::App& app, Action& action) {
  CLI::App* report = app.add_subcommand("tls-report", "Reports to receivers of how TLS went");
  report->require_subcommand(1);
  auto options = std::make_shared<TlsReportOptions>();
  CLI::App* show =
      AddCommand(*report, action, "show", "What is counted and waits", options, ShowTlsReports);
  show->add_flag("--json", options->json, "As JSON");
  CLI::App* send = AddCommand(*report, action, "send", "Send now what has been gathered", options,
                              SendTlsReports);
  for (CLI::App* command : {show, send}) AddEngineAddress(command, options->engine);
}

void AddRecordFormats(CLI::App* command, RecordFormat& format) {
  CLI::Option* zone = command->add_flag("--zone", format.zone, "As a zone-file fragment");
  CLI::Option* steps =
      command->add_flag("--steps", format.steps, "As instructions for a DNS provider's web form");
  CLI::Option* json = command->add_flag("--json", format.json, "As JSON");
  zone->excludes(steps)->excludes(json);
  steps->excludes(json);
}

void AddDomains(CLI::App& app, Action& action) {
  CLI::App* domain = app.add_subcommand("domain", "Sending domains: keys, DNS records, states");
  domain->require_subcommand(1);
  auto options = std::make_shared<DomainOptions>();
  CLI::App* add = AddCommand(*domain, action, "add",
                             "Make keys, add it to the configuration, print the records to publish",
                             options, AddDomain);
  CLI::App* records = AddCommand(*domain, action, "records", "Print the records to publish",
                                 options, ShowDomainRecords);
  CLI::App* check =
      AddCommand(*domain, action, "check",
                 "Look the records up; say what is right, missing or wrong", options, CheckDomains);
  CLI::App* list = AddCommand(*domain, action, "list", "States that the running engine keeps",
                              options, ListDomains);
  for (CLI::App* command : {add, records, check})
    command->add_option("-c,--config", options->engine.config, "Configuration")
        ->type_name("FILE")
        ->default_str(kDefaultConfig);
  AddEngineAddress(list, options->engine);
  for (CLI::App* command : {add, records}) {
    command->add_option("DOMAIN", options->domain, "As in example.com")->required();
    AddRecordFormats(command, options->format);
  }
  check->add_option("DOMAIN", options->domain, "Without: all that are not retired");
  for (CLI::App* command : {check, list})
    command->add_flag("--json", options->format.json, "As JSON");
  add->add_option("--tenant", options->tenant, "Whose it is; default: the only one there is");
  add->add_option("--selector", options->selector, "Of its DKIM key; default: s1");
  add->add_flag("--ed25519", options->ed25519, "Make an Ed25519 key too, as a second signature");
  add->add_option("--return-path", options->return_path,
                  "Domain that returned mail comes back to, as in bounces.example.com");
}

void AddSinkExtensions(CLI::App* command, SinkOptions& sink) {
  command->add_flag("--no-pipelining", sink.no_pipelining, "Do not offer PIPELINING");
  command->add_flag("--no-8bitmime", sink.no_8bitmime, "Do not offer 8BITMIME");
  command->add_flag("--no-chunking", sink.no_chunking, "Do not offer CHUNKING");
  command->add_flag("--no-size", sink.no_size, "Do not offer SIZE");
  command->add_flag("--no-smtputf8", sink.no_smtputf8, "Do not offer SMTPUTF8");
  command->add_flag("--no-dsn", sink.no_dsn, "Do not offer DSN");
  command->add_flag("--ehlo-off", sink.ehlo_off, "Answer EHLO 502, as HELO times did");
}

void AddSinkTemper(CLI::App* command, SinkOptions& sink) {
  command
      ->add_option("--reply", sink.replies,
                   "STAGE[@SUBSTRING]:PERCENT:CODE TEXT; stages connect, ehlo, mail, rcpt, data, "
                   "dot; the first that applies answers (repeat)")
      ->allow_extra_args(false);
  command->add_option("--greylist", sink.greylist_s,
                      "451 at RCPT until so many seconds after the first try");
  command
      ->add_option("--greylist-match", sink.greylist_match,
                   "Only recipients holding this text (repeat)")
      ->allow_extra_args(false);
  command->add_option("--latency", sink.latency_ms, "Milliseconds before each reply");
  command->add_option("--drop-after-data", sink.drop_after_data,
                      "Close without a reply after so many percent of the final dots");
  command->add_option("--max-connections", sink.max_connections, "Beyond it 421");
  command->add_option("--max-per-source", sink.max_per_source, "The same, per peer address");
  command->add_option("--max-messages-per-connection", sink.max_messages_per_connection,
                      "Then 421 at MAIL");
  command->add_option("--max-recipients", sink.max_recipients, "Then 452 4.5.3 at RCPT");
  command->add_option("--max-size", sink.max_size, "Octets of a message")->capture_default_str();
}

void AddSink(CLI::App& app, Action& action) {
  auto sink = std::make_shared<SinkOptions>();
  CLI::App* command =
      AddCommand(app, action, "sink", "A scriptable receiver, for tests and demos", sink, RunSink);
  command->add_option("--listen", sink->listen, "ADDR:PORT, port 0 is any free one (repeat)")
      ->allow_extra_args(false)
      ->default_str("127.0.0.1:0");
  command->add_option("--threads", sink->threads, "Loops")->capture_default_str();
  command->add_option("--hostname", sink->hostname, "In greeting and EHLO")->capture_default_str();
  AddSinkTemper(command, *sink);
  auto tls = std::make_shared<std::vector<std::string>>();
  command->add_option("--starttls", *tls, "Offer STARTTLS with this certificate and key")
      ->type_name("CERT KEY")
      ->expected(2);
  command->add_flag("--starttls-self-signed", sink->tls_self_signed,
                    "Offer STARTTLS with a certificate made for this run");
  AddSinkExtensions(command, *sink);
  command->add_option("--capture", sink->capture, "A JSON line per message into this file");
  command->add_option("--maildir", sink->maildir, "A file per message in DIR/new")
      ->type_name("DIR");
  command->add_option("--count", sink->count_s, "A line of statistics every so many seconds");
  command->add_option("--stop-after", sink->stop_after, "End after so many messages");
  command->add_option("--duration", sink->duration_s, "End after so many seconds");
  command->callback([&action, sink, tls] {
    if (tls->size() == 2) {
      sink->tls_cert = tls->at(0);
      sink->tls_key = tls->at(1);
    }
    action = [sink] { return RunSink(*sink); };
  });
}

void AddBlastContent(CLI::App* command, BlastOptions& blast) {
  command->add_option("--size", blast.size, "Octets of a message")->capture_default_str();
  command->add_option("--recipients-per-message", blast.recipients, "Recipients of each")
      ->capture_default_str();
  command->add_option("--domains", blast.domains, "Weighted: a.test=5,b.test=1");
  command->add_option("--domains-count", blast.domain_count, "So many: d0.test, d1.test, ...");
  command->add_flag("--zipf", blast.zipf, "The domains of --domains-count weigh 1/rank");
  command->add_option("--from", blast.from, "Envelope sender")->capture_default_str();
  command->add_flag("--dots", blast.dots, "Body lines that begin with dots");
  command->add_flag("--8bit", blast.eight_bit, "UTF-8 in the body, BODY=8BITMIME");
  command->add_option("--campaign", blast.campaign, "An X-Campaign field");
  command->add_option("--run-id", blast.run_id,
                      "Part of Message-ID and recipients; default: by time and process");
}

int BlastAndPrint(const BlastOptions& options) {
  const BlastReport report = RunBlast(options);
  if (report.wrong_options) {
    Complain(report.error);
    return kUsage;
  }
  if (!options.quiet || options.json) PrintBlastReport(report, options.json);
  if (!report.ok && options.quiet && !report.error.empty()) Complain(report.error);
  return report.ok ? 0 : 1;
}

void AddBlast(CLI::App& app, Action& action) {
  auto blast = std::make_shared<BlastOptions>();
  CLI::App* command =
      AddCommand(app, action, "blast", "A bounded source of load", blast, BlastAndPrint);
  command->add_option("--to", blast->to, "ADDR:PORT of the server")->required();
  command->add_option("--connections", blast->connections, "At once")->capture_default_str();
  command->add_option("--messages", blast->messages, "In all")->capture_default_str();
  command->add_option("--rate", blast->rate, "Messages per second in all; 0: as fast as it goes");
  command->add_option("--per-connection", blast->per_connection,
                      "Messages before QUIT and a new one; 0: all");
  AddBlastContent(command, *blast);
  command->add_option("--helo", blast->helo, "EHLO name")->capture_default_str();
  command->add_option("--tls", blast->tls, "Without verification")
      ->check(CLI::IsMember({"none", "starttls", "implicit"}))
      ->capture_default_str();
  command->add_option("--auth", blast->user, "Log in as this user")->type_name("USER");
  command->add_option("--password-file", blast->password_file,
                      "Its password; default: the environment's SLUICE_BLAST_PASSWORD");
  command->add_flag("--pipelining", blast->pipelining, "The next envelope goes with the content");
  command->add_flag("--bdat", blast->bdat, "BDAT where the server offers CHUNKING");
  command->add_option("--duration", blast->duration_s,
                      "No new message after so many seconds; 0: no bound");
  command
      ->add_option("--timeout", blast->timeout_s,
                   "Without any reply for so many seconds, a connection is lost")
      ->capture_default_str();
  command->add_flag("--retry", blast->retry, "Reconnect after a lost connection and go on");
  command
      ->add_option("--retry-for", blast->retry_for_s,
                   "Give up after so many seconds without any connection")
      ->capture_default_str();
  command->add_option("--log", blast->log, "A JSON line per message whose fate is known");
  command->add_flag("--json", blast->json, "The summary as JSON");
  command->add_flag("--quiet", blast->quiet, "No progress, no summary in text");
}

void AddDemo(CLI::App& app, Action& action) {
  auto demo = std::make_shared<DemoOptions>();
  CLI::App* command =
      AddCommand(app, action, "demo", "Sink, engine and source in one go, on this machine alone",
                 demo, RunDemo);
  command->add_option("--recipients", demo->recipients, "In all")->capture_default_str();
  command->add_option("--recipients-per-message", demo->recipients_per_message, "")
      ->capture_default_str();
  command->add_option("--connections", demo->connections, "Of the source")->capture_default_str();
  command->add_option("--size", demo->size, "Octets of a message")->capture_default_str();
  command->add_flag("--keep", demo->keep, "Leave the temporary folder");
  command->add_option("--folder", demo->folder, "Work here; default: a new temporary one");
  command->add_option("--timeout", demo->timeout_s, "Seconds for the whole demo")
      ->capture_default_str();
}

int Main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  // Its options are not of the ordinary kind: sendmail_arguments.h reads them.
  if (!words.empty() && std::string_view(words[0]).substr(words[0].rfind('/') + 1) == "sendmail")
    return Sendmail(std::span(words).subspan(1));
  if (words.size() > 1 && words[1] == "sendmail") return Sendmail(std::span(words).subspan(2));

  CLI::App app{"Sluice: a sending engine for bulk and transactional mail", "sluice"};
  // Not more than one; none is told below, so that a misspelt one is named by the parser.
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  Action action;
  AddRunAndCheck(app, action);
  AddShaping(app, action);
  AddUser(app, action);
  AddLooks(app, action);
  app.add_subcommand("sendmail", "A message on standard input, as /usr/sbin/sendmail takes it");
  AddOrders(app, action);
  AddSuspensions(app, action);
  AddWarmup(app, action);
  AddCampaign(app, action);
  AddCaptured(app, action);
  AddTlsReport(app, action);
  AddDomains(app, action);
  AddSink(app, action);
  AddBlast(app, action);
  AddDemo(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (!action) {
    std::fputs(app.help().c_str(), stderr);
    return kUsage;
  }
  return action();
}

}  // namespace
}  // namespace sluice::tools

int main(int argc, char** argv) { return sluice::tools::Main(argc, argv); }
