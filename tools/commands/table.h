// tools/commands/table.h — aligned columns for people.
//
// PURPOSE   What peers said is quoted in our listings: control characters never reach the terminal.

#ifndef SLUICE_TOOLS_COMMANDS_TABLE_H_
#define SLUICE_TOOLS_COMMANDS_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::tools {

// `text` with '?' for each control character (C0, DEL, C1), so that it stays one line and moves no
// cursor.
std::string Printable(std::string_view text);

// Characters of UTF-8 text: what a terminal shows for the scripts we meet, wide ones aside.
size_t DisplayWidth(std::string_view text);

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void AddRow(std::vector<std::string> cells);

  // The titles unless all are empty, then the rows; two spaces between columns, none at the end of
  // a line. Columns whose cells are all empty are left out.
  std::string ToString() const;

 private:
  void AppendRow(std::string& out, const std::vector<std::string>& cells,
                 const std::vector<size_t>& widths) const;

  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_TABLE_H_
