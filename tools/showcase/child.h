// tools/showcase/child.h — the demo's children: this same program with other arguments.
//
// PURPOSE   Started with their output in files, ended by their own process id, and told by the
//           kernel to end should the demo itself die.

#ifndef SLUICE_TOOLS_SHOWCASE_CHILD_H_
#define SLUICE_TOOLS_SHOWCASE_CHILD_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/time.h"

namespace sluice::tools {

class Child {
 public:
  Child() = default;
  // Ends it for good when it still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Standard output goes to the file `output`, standard error to `errors`. Signals that the caller
  // has blocked are open again in the child.
  Status Start(const std::vector<std::string>& arguments, const std::string& output,
               const std::string& errors);
  // Its exit status once it has ended (128 + signal when one ended it); none while it runs.
  std::optional<int> Poll();
  // SIGTERM, then SIGKILL after `bound`. Its exit status.
  int Stop(Duration bound);
  bool running() { return pid_ > 0 && !Poll().has_value(); }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// The whole file, or what there is of it; empty when it cannot be read.
std::string ReadWhole(const std::string& path);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SHOWCASE_CHILD_H_
