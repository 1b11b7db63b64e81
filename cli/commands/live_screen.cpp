#include "cli/commands/live_screen.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom::cli {

std::size_t columns_of(const std::string& line) {
  std::string plain;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '\x1b')
      plain += line[at];
    else
      at = std::min(line.find('m', at), line.size());
  }
  return display_width(plain);
}

std::string LiveScreen::draw(const std::vector<std::string>& block, const std::vector<std::string>& log,
                             const Style& style) {
  std::string out;
  // A terminal that became narrower has wrapped our lines: more of its rows are ours than lines were drawn.
  std::size_t rows = 0;
  for (const std::size_t columns : drawn_)
    rows += std::max<std::size_t>(1, style.width == 0 ? 1 : (columns + style.width - 1) / style.width);
  rows = std::min(rows, style.height > 0 ? style.height - 1 : rows);
  if (rows > 0) out += fmt::format("\x1b[{}A\r", rows);
  for (const std::string& line : log) out += line + "\x1b[K\r\n";
  drawn_.clear();
  for (const std::string& line : block) {
    out += line + "\x1b[K\r\n";
    drawn_.push_back(columns_of(line));
  }
  return out + "\x1b[J";
}

}  // namespace decom::cli
