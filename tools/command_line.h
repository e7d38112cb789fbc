// tools/command_line.h — how a subcommand is put on the command line.
//
// PURPOSE   What main.cc and the lines of single subcommands (order_lines.h) share. App is CLI::App,
//           whose heavy header stays in the sources.

#ifndef SLUICE_TOOLS_COMMAND_LINE_H_
#define SLUICE_TOOLS_COMMAND_LINE_H_

#include <functional>
#include <memory>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

// What the command line asks for; run when all of it was read.
using Action = std::function<int()>;

// A subcommand whose options live as long as the action.
template <typename App, typename Options>
App* AddCommand(App& app, Action& action, const char* name, const char* about,
                std::shared_ptr<Options> options, int (*run)(const Options&)) {
  App* command = app.add_subcommand(name, about);
  command->callback([&action, options, run] { action = [options, run] { return run(*options); }; });
  return command;
}

template <typename App>
void AddEngineAddress(App* command, EngineAddress& address) {
  command->add_option("-c,--config", address.config, "Configuration of the engine to ask")
      ->type_name("FILE")
      ->default_str(kDefaultConfig);
  command
      ->add_option("--socket", address.socket, "Its control socket, instead of the configuration's")
      ->type_name("PATH");
}

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMAND_LINE_H_
