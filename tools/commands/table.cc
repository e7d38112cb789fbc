#include "tools/commands/table.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::tools {

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are C2 80 to C2 9F; some terminals obey them.
    const bool c1 = octet == 0xc2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                    static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) ++i;
    out += c1 || octet < 0x20 || octet == 0x7f ? '?' : text[i];
  }
  return out;
}

size_t DisplayWidth(std::string_view text) {
  return size_t(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void Table::AddRow(std::vector<std::string> cells) {
  CHECK(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = Printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::ToString() const {
  // 0: left out.
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  std::vector<std::string> titles;
  for (size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    if (widths[i] > 0) widths[i] = std::max(widths[i], DisplayWidth(titles[i]));
  }
  std::string out;
  if (std::ranges::any_of(titles, [](const std::string& title) { return !title.empty(); }))
    AppendRow(out, titles, widths);
  for (const auto& row : rows_) AppendRow(out, row, widths);
  return out;
}

void Table::AppendRow(std::string& out, const std::vector<std::string>& cells,
                      const std::vector<size_t>& widths) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (widths[i] == 0) continue;
    const std::string padding(widths[i] - DisplayWidth(cells[i]), ' ');
    if (!line.empty()) line += "  ";
    line += columns_[i].align == Align::kRight ? padding + cells[i] : cells[i] + padding;
  }
  while (line.ends_with(' ')) line.pop_back();
  out += line + "\n";
}

}  // namespace sluice::tools
