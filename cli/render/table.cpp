#include "cli/render/table.hpp"

#include <algorithm>
#include <numeric>

#include "common/base/text.hpp"

namespace decom::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kBelow = 4;
constexpr std::size_t kLeastOfSentence = 30;

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
      if (columns_[i].narrow != Narrow::kept && widths[i] > columns_[i].least &&
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
  auto wide = widths(room);
  // Sentences that would stand in a column of a few letters go below their row.
  const bool below = room > 0 && columns_.back().narrow == Narrow::wrapped && wide.back() < kLeastOfSentence &&
                     wide.back() < widths(0).back();
  if (below) wide.pop_back();
  std::string text;
  const auto add_line = [&](const std::vector<Cell>& cells) {
    text.append(indent, ' ');
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool last = i + 1 == cells.size();
      const std::string& shown = cells[i].text;
      const std::string cell = last && !columns_[i].right ? shown : padded(shown, wide[i], columns_[i].right);
      text += shown.empty() ? cell : painted(style, cells[i].color, cell);
      if (!last) text.append(kGap, ' ');
    }
    while (text.ends_with(' ')) text.pop_back();
    text += "\n";
  };
  std::vector<Cell> titles;
  for (std::size_t i = 0; i < wide.size(); ++i) titles.emplace_back(columns_[i].title, Color::bold);
  add_line(titles);
  for (const auto& row : rows_) {
    std::vector<std::vector<std::string>> shown;  // of each cell, line by line
    std::size_t height = 1;
    for (std::size_t i = 0; i < wide.size(); ++i) {
      shown.push_back(columns_[i].narrow == Narrow::wrapped ? wrapped(row[i].text, wide[i])
                                                            : std::vector{fit(row[i].text, wide[i])});
      height = std::max(height, shown.back().size());
    }
    for (std::size_t line = 0; line < height; ++line) {
      std::vector<Cell> cells;
      for (std::size_t i = 0; i < wide.size(); ++i)
        cells.emplace_back(line < shown[i].size() ? shown[i][line] : std::string{}, row[i].color);
      add_line(cells);
    }
    if (!below || row.back().text == "-") continue;
    for (const std::string& line : wrapped(row.back().text, room > kBelow ? room - kBelow : room))
      text += std::string(indent + kBelow, ' ') + painted(style, row.back().color, line) + "\n";
  }
  return text;
}

void Facts::add(std::string_view name, std::string_view value, Color color) {
  if (!value.empty()) facts_.push_back({std::string(name), safe_for_terminal(value), color});
}

std::string Facts::text(const Style& style, std::size_t indent) const {
  std::size_t widest = 0;
  for (const Fact& fact : facts_) widest = std::max(widest, display_width(fact.name));
  std::string text;
  const std::size_t before = indent + widest + kGap;
  for (const Fact& fact : facts_) {
    std::string name = std::string(indent, ' ') + painted(style, Color::bold, padded(fact.name, widest, false));
    name.append(kGap, ' ');
    for (const std::string& line : wrapped(fact.value, style.width > 2 * before ? style.width - before : 0)) {
      text += name + painted(style, fact.color, line) + "\n";
      name = std::string(before, ' ');
    }
  }
  return text;
}

}  // namespace decom::cli
