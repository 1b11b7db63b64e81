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
  std::string line = painted(style, Color::dim, local_time(std::string_view(event.at)));
  if (!where.empty()) line += "  " + painted(style, Color::bold, safe_for_terminal(where));
  if (event.level != "info") line += "  " + painted(style, color_of_level(event.level), safe_for_terminal(event.level));
  return line + "  " + safe_for_terminal(event.text.empty() ? event.kind : event.text);
}

std::string saying_of(const api::Event& event) {
  const auto text = [&](const char* key) {
    const auto found = event.data.is_object() ? event.data.find(key) : event.data.end();
    return found != event.data.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  if (event.kind == "step.finished" && event.data.contains("text")) return text("text");
  if (event.kind == "step.progress" && event.data.contains("what")) return text("what");
  if (event.kind == "step.observed" && event.data.contains("text")) return text("text");
  std::string_view said = event.text;
  for (const std::string& prefix : {text("name") + ": ", event.step.value_or("") + " "})
    if (prefix.size() > 2 && said.starts_with(prefix)) said.remove_prefix(prefix.size());
  return std::string(said);
}

}  // namespace decom::cli
