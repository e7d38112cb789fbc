// config/problem.h — one thing that is wrong with a configuration, and where.

#ifndef SLUICE_CONFIG_PROBLEM_H_
#define SLUICE_CONFIG_PROBLEM_H_

#include <string>
#include <vector>

#include "config/document.h"

namespace sluice::config {

struct Problem {
  std::string file;
  Position at;
  std::string key;   // "listener[0].tls"; empty: the file as a whole
  std::string what;  // what is wrong and how to put it right

  // sluice.toml:12:8: listener[0].tls: "starttsl" is not one of ...; did you mean "starttls"?
  std::string ToString() const {
    std::string out = file;
    if (at.line != 0) out += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    if (!key.empty()) out += ": " + key;
    return out + ": " + what;
  }
};

using Problems = std::vector<Problem>;

// One a line, each ended by a newline.
inline std::string FormatProblems(const Problems& problems) {
  std::string out;
  for (const Problem& problem : problems) out += problem.ToString() + "\n";
  return out;
}

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_PROBLEM_H_
