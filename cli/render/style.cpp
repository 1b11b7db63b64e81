#include "cli/render/style.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace decom::cli {
namespace {

struct StateColor {
  std::string_view state;
  Color color;
};
constexpr std::array kStates{
    StateColor{"succeeded", Color::green}, StateColor{"already", Color::green},
    StateColor{"running", Color::cyan},    StateColor{"holding", Color::yellow},
    StateColor{"deferred", Color::yellow}, StateColor{"blocked", Color::yellow},
    StateColor{"warned", Color::yellow},   StateColor{"failed", Color::red},
    StateColor{"unknown", Color::red},     StateColor{"needs_attention", Color::red},
    StateColor{"cancelled", Color::dim},   StateColor{"skipped", Color::dim},
    StateColor{"pending", Color::dim},     StateColor{"pending_approval", Color::yellow},
};

std::string_view code_of(Color color) {
  switch (color) {
    case Color::none: return "";
    case Color::bold: return "1";
    case Color::dim: return "2";
    case Color::red: return "31";
    case Color::green: return "32";
    case Color::yellow: return "33";
    case Color::cyan: return "36";
  }
  return "";
}

}  // namespace

std::string painted(const Style& style, Color color, std::string_view text) {
  if (!style.color || color == Color::none || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code_of(color)) + "m" + std::string(text) + "\x1b[0m";
}

Color color_of_state(std::string_view state) {
  const auto* const row = std::ranges::find(kStates, state, &StateColor::state);
  return row == kStates.end() ? Color::none : row->color;
}

Color color_of_level(std::string_view level) {
  if (level == "error") return Color::red;
  if (level == "warning") return Color::yellow;
  if (level == "ok") return Color::green;
  return Color::none;
}

}  // namespace decom::cli
