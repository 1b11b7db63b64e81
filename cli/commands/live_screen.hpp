#pragma once

#include <string>
#include <vector>

#include "cli/render/style.hpp"

namespace decom::cli {

/// A block of lines at the bottom of the terminal that is drawn over itself. What is logged scrolls away above it.
/// Nothing of the terminal is switched, so that nothing has to be restored when the process is killed.
class LiveScreen {
 public:
  /// `log` lines go above the block for good. Returns what to write.
  std::string draw(const std::vector<std::string>& block, const std::vector<std::string>& log, const Style& style);

 private:
  std::vector<std::size_t> drawn_;  ///< columns of each line of the block on the screen
};

/// Columns of a line that may have colours in it.
std::size_t columns_of(const std::string& line);

}  // namespace decom::cli
