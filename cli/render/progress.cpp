#include "cli/render/progress.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/core.h>

#include "cli/render/events.hpp"
#include "cli/render/requests.hpp"
#include "cli/render/times.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

constexpr std::size_t kMostWarnings = 3;  ///< of one machine

std::optional<std::string> state_in(const api::Event& event) {
  if (!event.data.is_object()) return std::nullopt;
  const auto state = event.data.find("state");
  if (state == event.data.end() || !state->is_string()) return std::nullopt;
  return state->get<std::string>();
}

bool is_passed(const std::string& state) {
  return state == "succeeded" || state == "already" || state == "warned" || state == "skipped";
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t shown = display_width(text);
  return shown < width ? text + std::string(width - shown, ' ') : fit(text, width);
}

/// Whole steps, and the part of the running one that is done.
double fraction_of(const Progress::Machine& machine) {
  if (machine.now.state == "succeeded") return 1;
  if (machine.now.steps.empty()) return 0;
  double done = 0;
  for (const api::Step& step : machine.now.steps) {
    if (is_passed(step.state))
      done += 1;
    else if (step.state == "running" && machine.percent > 0)
      done += machine.percent / 100.0;
  }
  return done / static_cast<double>(machine.now.steps.size());
}

std::string bar(double fraction, std::size_t width, bool unicode) {
  const auto full = std::min(width, static_cast<std::size_t>(std::lround(fraction * static_cast<double>(width))));
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  return text;
}

std::string elapsed(const std::optional<std::string>& from, const std::optional<std::string>& to, Timestamp now) {
  if (!from) return {};
  try {
    const auto end = to ? parse_rfc3339(*to) : now;
    const auto seconds =
        std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(end - parse_rfc3339(*from)).count());
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
  } catch (const Error&) {
    return {};
  }
}

std::string what_it_does(const Progress::Machine& machine) {
  std::string text = safe_for_terminal(machine.now.state);
  if (machine.now.cancel_requested && !is_settled_state(machine.now.state)) text = "cancelling";
  const std::string more = safe_for_terminal(doing(machine.now));
  if (machine.now.state == "running" && !machine.now.cancel_requested && !more.empty())
    text = more;
  else if (!more.empty())
    text += ": " + more;
  if (machine.percent > 0 && machine.now.state == "running") text += fmt::format(" {} %", machine.percent);
  return text;
}

/// Those at work first, then those in trouble, those that wait, and those that are through.
int rank_of(const std::string& state) {
  if (state == "running") return 0;
  if (state == "needs_attention" || state == "failed") return 1;
  if (state == "holding") return 2;
  return is_settled_state(state) ? 4 : 3;
}

std::string machine_line(const Progress::Machine& machine, std::size_t name_width, std::size_t id_width, Timestamp now,
                         const Style& style) {
  const std::size_t width = style.width == 0 ? 100 : style.width;
  const std::size_t bar_width = width >= 100 ? 20 : width >= 60 ? 10 : 0;
  const std::string took = elapsed(machine.now.started, machine.now.finished, now);
  const Color color = color_of_state(machine.now.state);

  std::string line = " " + padded(safe_for_terminal(machine.now.id), id_width) + " " +
                     padded(safe_for_terminal(machine.now.machine.name), name_width) + "  ";
  std::size_t used = 1 + id_width + 1 + name_width + 2;
  if (bar_width > 0) {
    line += painted(style, color, bar(fraction_of(machine), bar_width, style.unicode)) + "  ";
    used += bar_width + 2;
  }
  const std::string steps = padded(steps_done(machine.now), 5) + " ";
  const std::size_t tail = took.empty() ? 0 : 2 + took.size();
  if (used + steps.size() + 8 + tail > width) {  // too narrow for all: the state is what counts
    const std::size_t room = used < width ? width - used : 0;
    if (used >= width) return fit(safe_for_terminal(machine.now.id + " " + machine.now.state), width);
    return line + painted(style, color, fit(what_it_does(machine), room));
  }
  const std::size_t room = width - used - steps.size() - tail;
  line +=
      steps + painted(style, color, tail > 0 ? padded(what_it_does(machine), room) : fit(what_it_does(machine), room));
  return tail > 0 ? line + "  " + took : line;
}

std::string headline(const Progress::Watched& watched, Timestamp now, const Style& style) {
  const api::Request& request = watched.request;
  std::map<std::string, int> counts;
  for (const auto& machine : watched.machines) ++counts[machine.now.state];
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [state, count] : counts) parts.push_back(fmt::format("{} {}", count, state));
  std::string text = fmt::format("request {}  {}", request.id, join(parts, ", "));
  if (!request.requester.empty()) text += "  by " + request.requester;
  if (const std::string time = age(request.created, now); !time.empty()) text += "  " + time + " ago";
  if (!request.options.reason.empty()) text += "  " + request.options.reason;
  return painted(style, Color::bold, fit(safe_for_terminal(text), style.width == 0 ? 1000 : style.width));
}

}  // namespace

void Progress::load(const api::Request& request) {
  Watched& watched = requests_[request.id];
  std::map<std::string, Machine> before;
  for (Machine& machine : watched.machines) before[machine.now.id] = std::move(machine);
  watched.request = request;
  watched.machines.clear();
  for (const api::Decommission& machine : request.machines) {
    if (!is_watched(machine.id)) continue;
    Machine fresh{machine, -1, {}};
    if (const auto old = before.find(machine.id); old != before.end()) {
      fresh.percent = old->second.percent;
      fresh.warnings = std::move(old->second.warnings);
    } else {
      for (const api::Step& step : machine.steps)
        if (step.state == "warned" || step.state == "failed" || step.state == "unknown" || step.state == "blocked" ||
            step.state == "deferred")
          fresh.warnings.push_back(step.name + " " + step.state + (step.message.empty() ? "" : ": " + step.message));
    }
    watched.machines.push_back(std::move(fresh));
  }
}

bool Progress::apply(const api::Event& event) {
  if (!event.request) return false;
  const auto found = requests_.find(*event.request);
  if (found == requests_.end() || event.seq <= found->second.request.last_event) return false;
  if (event.kind.starts_with("request.") || event.kind.starts_with("decommission.")) return true;
  if (!event.decommission) return false;
  auto& machines = found->second.machines;
  const auto machine =
      std::ranges::find_if(machines, [&](const Machine& m) { return m.now.id == *event.decommission; });
  if (machine == machines.end()) return false;
  if (event.level != "info" && !event.text.empty()) {
    const auto state = event.kind == "step.finished" ? state_in(event) : std::nullopt;
    std::string line = (event.step ? *event.step + (state ? " " + *state : "") + ": " : "") + saying_of(event);
    if (std::ranges::find(machine->warnings, line) == machine->warnings.end())
      machine->warnings.push_back(std::move(line));
  }
  if (!event.step) return false;
  const auto step = std::ranges::find(machine->now.steps, *event.step, &api::Step::name);
  if (step == machine->now.steps.end()) return false;
  if (event.kind == "step.finished") {
    const auto state = state_in(event);
    if (!state) return true;
    step->state = *state;
    step->message = saying_of(event);
    step->finished = event.at;
    machine->percent = -1;
    return false;
  }
  if (event.kind == "step.started") {
    step->state = "running";
    step->message.clear();
    step->started = event.at;
    step->finished.reset();
    machine->percent = -1;
    if (machine->now.state != "running") return true;
  } else if (event.kind == "step.progress") {
    machine->percent = percent_of(event);
    if (const std::string what = saying_of(event); !what.empty()) step->message = what;
  } else if (!event.text.empty()) {
    step->message = saying_of(event);
  }
  return false;
}

bool Progress::is_watched(const std::string& machine) const {
  return only_.empty() || std::ranges::find(only_, machine) != only_.end();
}

std::vector<std::string> Progress::states() const {
  std::vector<std::string> states;
  for (const auto& [id, watched] : requests_)
    for (const Machine& machine : watched.machines) states.push_back(machine.now.state);
  return states;
}

bool Progress::is_settled() const {
  return std::ranges::all_of(states(), [](const auto& s) { return is_settled_state(s); });
}

std::string Progress::id_of_first() const {
  return requests_.empty() ? std::string{} : std::to_string(requests_.begin()->first);
}

std::vector<std::string> progress_lines(const Progress& progress, Timestamp now, const Style& style, std::size_t most) {
  std::size_t id_width = 4;
  std::size_t name_width = 8;
  std::size_t total = 0;
  for (const auto& [id, watched] : progress.requests()) {
    total += 1 + watched.machines.size();
    for (const auto& machine : watched.machines) {
      id_width = std::max(id_width, display_width(machine.now.id));
      name_width = std::max(name_width, display_width(safe_for_terminal(machine.now.machine.name)));
    }
  }
  name_width = std::min<std::size_t>(
      name_width, style.width > 0 && style.width < 100 ? std::max<std::size_t>(8, style.width / 4) : 32);

  std::vector<std::string> lines;
  std::vector<std::string> warnings;
  std::map<std::string, int> hidden;
  for (const auto& [id, watched] : progress.requests()) {
    lines.push_back(headline(watched, now, style));
    std::vector<const Progress::Machine*> order;
    for (const auto& machine : watched.machines) order.push_back(&machine);
    if (total > most)
      std::ranges::stable_sort(order, {}, [](const auto* machine) { return rank_of(machine->now.state); });
    for (const auto* machine : order) {
      if (lines.size() + 2 > most) {
        ++hidden[machine->now.state];
        continue;
      }
      lines.push_back(machine_line(*machine, name_width, id_width, now, style));
      const std::size_t skip = machine->warnings.size() > kMostWarnings ? machine->warnings.size() - kMostWarnings : 0;
      for (std::size_t i = skip; i < machine->warnings.size(); ++i)
        warnings.push_back(safe_for_terminal("   ! " + machine->now.id + " " + machine->warnings[i]));
    }
  }
  if (!hidden.empty()) {
    std::vector<std::string> parts;
    parts.reserve(hidden.size());
    for (const auto& [state, count] : hidden) parts.push_back(fmt::format("{} {}", count, state));
    lines.push_back(painted(style, Color::dim, "   and " + join(parts, ", ")));
  }
  for (const std::string& warning : warnings) {
    if (lines.size() >= most) break;
    lines.push_back(painted(style, Color::yellow, style.width == 0 ? warning : fit(warning, style.width)));
  }
  return lines;
}

}  // namespace decom::cli
