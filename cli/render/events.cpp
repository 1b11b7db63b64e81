#include "cli/render/events.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "cli/render/times.hpp"
#include "common/base/text.hpp"

namespace decom::cli {

int percent_of(const api::Event& event) {
  if (event.kind != "step.progress" || !event.data.is_object()) return -1;
  const auto percent = event.data.find("percent");
  return percent != event.data.end() && percent->is_number() ? std::clamp(percent->get<int>(), 0, 100) : -1;
}

std::string event_line(const api::Event& event, const Style& style) {
  std::string where = event.decommission.value_or(event.request ? std::to_string(*event.request) : "");
  if (event.step) where += "/" + *event.step;
  std::string what = safe_for_terminal(event.kind);
  std::string text = safe_for_terminal(event.text);
  if (event.data.is_object()) {
    const auto state = event.data.find("state");
    if (state != event.data.end() && state->is_string()) {
      const auto name = safe_for_terminal(state->get<std::string>());
      what += " " + painted(style, color_of_state(name), name);
    }
  }
  if (const int percent = percent_of(event); percent >= 0) what += fmt::format(" {} %", percent);
  std::string line = painted(style, Color::dim, local_time(std::string_view(event.at)));
  if (!where.empty()) line += "  " + painted(style, Color::bold, safe_for_terminal(where));
  line += "  " + what;
  if (event.level != "info") line += "  " + painted(style, color_of_level(event.level), safe_for_terminal(event.level));
  return text.empty() ? line : line + "  " + text;
}

}  // namespace decom::cli
