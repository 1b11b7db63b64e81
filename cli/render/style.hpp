#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace decom::cli {

/// What the place where output goes can do.
struct Style {
  bool color = false;
  bool unicode = true;
  std::size_t width = 0;   ///< columns; 0: not a terminal, so nothing is cut
  std::size_t height = 0;  ///< lines; 0: not a terminal
};

enum class Color { none, bold, dim, red, green, yellow, cyan };

/// `text` has been escaped already; the colour is ours.
std::string painted(const Style& style, Color color, std::string_view text);

/// How a state, of a machine or of a step, is told apart at a glance.
Color color_of_state(std::string_view state);
/// info, warning, error, ok
Color color_of_level(std::string_view level);

}  // namespace decom::cli
