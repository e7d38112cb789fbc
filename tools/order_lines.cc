#include "tools/order_lines.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "tools/commands/campaign.h"
#include "tools/commands/orders.h"
#include "tools/commands/suspensions.h"
#include "tools/commands/warmup.h"

namespace sluice::tools {
namespace {

void AddRecipients(CLI::App* command, OrderOptions& options) {
  command->add_option("--message", options.message, "The id from `queued as ID`")->type_name("ID");
  command->add_option("--recipient", options.recipient, "Mail to this address")
      ->type_name("ADDRESS");
  command->add_option("--domain", options.domain, "Mail to this recipient domain");
}

void AddPaths(CLI::App* command, OrderOptions& options) {
  command->add_option("--site", options.site, "Mail to these servers, as `queues` names them");
  command->add_option("--provider", options.provider, "Mail to this provider");
  command->add_option("--source", options.source,
                      "Mail from this source; with --site or --provider: of that path");
}

void AddOrder(CLI::App* command, OrderOptions& options) {
  AddEngineAddress(command, options.engine);
  command->add_option("--campaign", options.campaign, "Mail of this campaign");
  command->add_option("--tenant", options.tenant, "Mail of this tenant, or whose campaign it is");
  command->add_option("--why", options.why, "For the record")->type_name("TEXT");
  command->add_flag("--json", options.json, "As JSON");
}

}  // namespace

void AddOrders(CLI::App& app, Action& action) {
  auto cancel = std::make_shared<OrderOptions>();
  CLI::App* command =
      AddCommand(app, action, "cancel", "Drop what waits, or bounce it", cancel, Cancel);
  AddOrder(command, *cancel);
  AddRecipients(command, *cancel);
  command->add_flag("--bounce", cancel->bounce, "Tell the senders");
  command->add_flag("--no-wait", cancel->no_wait, "Do not wait until it is done");

  auto retry = std::make_shared<OrderOptions>();
  command = AddCommand(app, action, "retry", "Try what is deferred now", retry, Retry);
  AddOrder(command, *retry);
  AddRecipients(command, *retry);
  command->add_flag("--no-wait", retry->no_wait, "Do not wait until it is done");

  auto pause = std::make_shared<OrderOptions>();
  command = AddCommand(app, action, "pause", "Hold mail back", pause, Pause);
  AddOrder(command, *pause);
  AddPaths(command, *pause);
  command->add_option("--for", pause->length, "Then it is resumed")->type_name("DURATION");

  auto rate = std::make_shared<OrderOptions>();
  command = AddCommand(app, action, "rate", "Another rate than the shaping file's", rate, SetRate);
  AddEngineAddress(command, rate->engine);
  AddPaths(command, *rate);
  command->add_option("RATE", rate->rate, "Messages of each source, as 100/h")->required();
  command->add_option("--for", rate->length, "Then it is over")->type_name("DURATION");
  command->add_option("--why", rate->why, "For the record")->type_name("TEXT");
  command->add_flag("--json", rate->json, "As JSON");

  auto reroute = std::make_shared<OrderOptions>();
  command = AddCommand(app, action, "reroute", "Send mail by another pool", reroute, Reroute);
  AddOrder(command, *reroute);
  command->add_option("--pool", reroute->pool, "The pool, or a source")->required();
  command->add_option("--for", reroute->length, "Then it is over")->type_name("DURATION");

  auto resume = std::make_shared<OrderOptions>();
  command = AddCommand(app, action, "resume", "Let paused mail go, or end a rate or reroute",
                       resume, Resume);
  AddEngineAddress(command, resume->engine);
  command->add_option("--campaign", resume->campaign, "Mail of this campaign");
  command->add_option("--tenant", resume->tenant, "Mail of this tenant, or whose campaign it is");
  AddPaths(command, *resume);
  command->add_flag("--json", resume->json, "As JSON");
  command->add_option("ORDER", resume->order, "Its number in `orders`");

  auto orders = std::make_shared<OrderOptions>();
  command = AddCommand(app, action, "orders", "What was ordered", orders, ShowOrders);
  AddEngineAddress(command, orders->engine);
  command->add_flag("--json", orders->json, "As JSON");
}

void AddSuspensions(CLI::App& app, Action& action) {
  auto list = std::make_shared<SuspensionOptions>();
  CLI::App* command =
      AddCommand(app, action, "suspensions", "What is suspended or slowed down, and why", list,
                 ShowSuspensions);
  AddEngineAddress(command, list->engine);
  command->add_flag("--json", list->json, "As JSON");

  auto lift = std::make_shared<SuspensionOptions>();
  command = AddCommand(app, action, "lift", "End a suspension or slow-down now", lift, Lift);
  AddEngineAddress(command, lift->engine);
  command->add_option("KEY", lift->key, "As `suspensions` shows it")->required();
  command->add_option("--kind", lift->kind, "This kind of it only")->type_name("KIND");
}

void AddWarmup(CLI::App& app, Action& action) {
  auto warmup = std::make_shared<WarmupOptions>();
  CLI::App* command = AddCommand(app, action, "warmup", "How far new sources are", warmup, Warmup);
  AddEngineAddress(command, warmup->engine);
  command->add_option("ACTION", warmup->action, "list (without: that), pause, resume or reset")
      ->check(CLI::IsMember({"list", "pause", "resume", "reset"}));
  command->add_option("SOURCE", warmup->source, "Whose plan");
  command->add_option("PROVIDER", warmup->provider,
                      "At one provider, or `others`; without: at all");
  command->add_flag("--json", warmup->json, "As JSON");
}

void AddCampaign(CLI::App& app, Action& action) {
  auto campaign = std::make_shared<CampaignOptions>();
  CLI::App* command =
      AddCommand(app, action, "campaign", "How far campaigns are", campaign, ShowCampaigns);
  AddEngineAddress(command, campaign->engine);
  command->add_option("NAME", campaign->campaign, "Of the campaign; without: all");
  command->add_option("--tenant", campaign->tenant, "Of this tenant alone");
  command->add_flag("--json", campaign->json, "As JSON");
}

}  // namespace sluice::tools
