#include "cli/render/table.hpp"

#include <algorithm>
#include <numeric>

#include "common/base/text.hpp"

namespace decom::cli {
namespace {

constexpr std::size_t kGap = 2;

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::size_t shown = display_width(text);
  const std::string blanks(shown < width ? width - shown : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = cell.text.empty() ? "-" : safe_for_terminal(cell.text);
  row.resize(columns_.size(), Cell{"-"});
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t room) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.title));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  if (room == 0) return widths;
  std::size_t needed = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (needed > room) {  // the widest that may shrink gives way, until it is no longer the widest
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].shrinks && widths[i] > columns_[i].least &&
          (widest == columns_.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == columns_.size()) break;
    --widths[widest];
    --needed;
  }
  return widths;
}

std::string Table::text(const Style& style, std::size_t indent) const {
  const std::size_t room = style.width > indent ? style.width - indent : 0;
  const auto wide = widths(room);
  std::string text;
  const auto line = [&](const auto& cell_at) {
    std::string plain(indent, ' ');
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto& [value, color] = cell_at(i);
      const bool last = i + 1 == columns_.size();
      const std::string shown = fit(value, wide[i]);
      const std::string cell = last && !columns_[i].right ? shown : padded(shown, wide[i], columns_[i].right);
      plain += painted(style, color, cell);
      if (!last) plain.append(kGap, ' ');
    }
    text += plain + "\n";
  };
  line([&](std::size_t i) { return std::pair<std::string, Color>{columns_[i].title, Color::bold}; });
  for (const auto& row : rows_)
    line([&](std::size_t i) { return std::pair<std::string, Color>{row[i].text, row[i].color}; });
  return text;
}

void Facts::add(std::string_view name, std::string_view value, Color color) {
  if (!value.empty()) facts_.push_back({std::string(name), safe_for_terminal(value), color});
}

std::string Facts::text(const Style& style, std::size_t indent) const {
  std::size_t widest = 0;
  for (const Fact& fact : facts_) widest = std::max(widest, display_width(fact.name));
  std::string text;
  for (const Fact& fact : facts_) {
    text += std::string(indent, ' ') + painted(style, Color::bold, padded(fact.name, widest, false)) + "  " +
            painted(style, fact.color, fact.value) + "\n";
  }
  return text;
}

}  // namespace decom::cli
