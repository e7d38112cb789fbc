// config/edit.h — a configuration file changed by a command: one block more, all else untouched.
//
// PURPOSE   `sluice domain add` appends a [[domain]]. The new text is checked as `sluice check`
//           does before the file is replaced, in one step, with its mode and owner: at no moment is
//           there half a file or a wrong one.
// TESTS     tests/config/edit_test.cc

#ifndef SLUICE_CONFIG_EDIT_H_
#define SLUICE_CONFIG_EDIT_H_

#include <functional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parser.h"
#include "engine/base/error.h"

namespace sluice::config {

// The text of a [[domain]] block, with its own line ends ("\n"). Key files as they shall be
// written.
std::string DomainBlock(const Domain& domain);

// `text` and the block behind it, an empty line between; the block takes the line ends of the text.
std::string AppendBlock(std::string_view text, std::string_view block);

// Replaces `file` (through symbolic links) by its text and the block. `check` sees what was read
// from the new text and may refuse; its problems are the error, and the file is as before. So it is
// when somebody else changed it meanwhile (kBusy).
Result<Loaded> AppendToFile(const std::string& file, std::string_view block,
                            const std::function<Problems(const Config&)>& check);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_EDIT_H_
