// tools/main.cc — the `sluice` command: reads the command line, calls one function a subcommand.
//
// EXIT      0 done, 1 it failed, 2 the command line or the configuration is wrong. `sendmail` has
//           its own: commands/sendmail.h.
// NOT HERE  What the subcommands do: tools/commands, tools/sink, tools/blast, tools/showcase.

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  CLI::App app{"sluice: a sending engine for bulk and transactional mail"};
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return 0;
}
