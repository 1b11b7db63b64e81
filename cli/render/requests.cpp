#include "cli/render/requests.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "cli/render/aftercare.hpp"
#include "cli/render/table.hpp"
#include "cli/render/times.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

constexpr std::array<std::string_view, 4> kSettled{"succeeded", "failed", "cancelled", "needs_attention"};
constexpr std::array<std::string_view, 4> kPassed{"succeeded", "already", "warned", "skipped"};

bool is_passed_state(std::string_view state) { return std::ranges::find(kPassed, state) != kPassed.end(); }

std::string counts_text(const std::map<std::string, int>& counts) {
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts)
    if (count > 0) parts.push_back(fmt::format("{} {}", count, state));
  return join(parts, ", ");
}

Facts facts_of(const api::Request& request) {
  Facts facts;
  facts.add("request", std::to_string(request.id));
  facts.add("state", request.state, color_of_state(request.state));
  facts.add("requester", request.requester);
  facts.add("created", local_time(std::string_view(request.created)));
  facts.add("reason", request.options.reason);
  facts.add("ticket", request.options.ticket);
  facts.add("not before", local_time(request.options.not_before));
  facts.add("skipped", join(request.options.skip, " "));
  if (request.warnings > 0) facts.add("warnings", std::to_string(request.warnings), Color::yellow);
  for (const api::FailedNotice& notice : request.failed_notices) facts.add("warning", notice.text, Color::yellow);
  return facts;
}

std::string steps_table(const api::Decommission& machine, Timestamp now, const Style& style) {
  Table steps({{"STEP"}, {"STATE"}, {"TRIES", true}, {"TOOK", true}, {"STARTED"}, {"MESSAGE", false, Narrow::wrapped}});
  for (const api::Step& step : machine.steps) {
    std::string message = step.message;
    if (step.not_before) message += (message.empty() ? "again at " : "; again at ") + local_time(step.not_before);
    steps.add({step.name + (step.irreversible ? " !" : ""),
               {step.state, color_of_state(step.state)},
               std::to_string(step.attempts),
               between(step.started, step.finished, now),
               local_time(step.started),
               message});
  }
  return steps.text(style, 2);
}

std::string story_of(const api::Decommission& machine, Timestamp now, const Style& style) {
  std::string text = painted(style, Color::bold, safe_for_terminal(machine.id + " " + machine.machine.name)) + "  " +
                     painted(style, color_of_state(machine.state), safe_for_terminal(machine.state));
  if (machine.cancel_requested && !is_settled_state(machine.state)) text += ", cancelling";
  text += "\n";
  Facts facts;
  facts.add("machine", machine.machine.id);
  facts.add("instance uuid", machine.machine.instance_uuid);
  facts.add("host name", machine.machine.host_name);
  facts.add("addresses", join(machine.machine.ip_addresses, " "));
  facts.add("owner", machine.machine.owner);
  facts.add("plan", machine.plan);
  facts.add("because", machine.reason, color_of_state(machine.state));
  facts.add("again at", local_time(machine.not_before));
  facts.add("started", local_time(machine.started));
  facts.add("finished", local_time(machine.finished));
  const bool came_back = std::ranges::any_of(machine.steps, has_returned);
  facts.add(aftercare_begun(machine) ? "looked again" : "looks again", looked_again(machine),
            came_back ? Color::yellow : Color::none);
  facts.add("lifted", lifted(machine));
  return text + facts.text(style, 2) + steps_table(machine, now, style);
}

}  // namespace

bool is_settled_state(std::string_view state) { return std::ranges::find(kSettled, state) != kSettled.end(); }

int exit_code_of(const std::vector<std::string>& states) {
  const auto count = [&](std::string_view state) { return std::ranges::count(states, state); };
  if (count("needs_attention") > 0) return 8;
  const auto failed = count("failed");
  if (failed > 0) return static_cast<std::size_t>(failed) == states.size() ? 1 : 7;
  return count("cancelled") > 0 ? 6 : 0;
}

std::string steps_done(const api::Decommission& machine) {
  const auto done = std::ranges::count_if(machine.steps, [](const api::Step& s) { return is_passed_state(s.state); });
  return fmt::format("{}/{}", done, machine.steps.size());
}

std::string doing(const api::Decommission& machine) {
  const auto running = std::ranges::find(machine.steps, "running", &api::Step::state);
  if (running != machine.steps.end()) return running->name + (running->message.empty() ? "" : ": " + running->message);
  if (!machine.reason.empty()) {
    return machine.reason + (machine.not_before && !is_settled_state(machine.state)
                                 ? "; again at " + local_time(machine.not_before)
                                 : "");
  }
  if (machine.not_before && !is_settled_state(machine.state)) return "not before " + local_time(machine.not_before);
  return machine.warnings > 0 ? fmt::format("{} warning{}", machine.warnings, machine.warnings == 1 ? "" : "s") : "";
}

std::string request_table(const std::vector<api::RequestRow>& rows, bool wide, Timestamp now, const Style& style) {
  std::vector<Column> columns{
      {"REQUEST", true}, {"STATE"}, {"MACHINES", false, Narrow::cut}, {"AGE", true}, {"REQUESTER", false, Narrow::cut}};
  if (wide)
    for (const char* title : {"CREATED", "FINISHED", "COUNTS", "WARNINGS", "TICKET"}) columns.push_back({title});
  columns.push_back({"REASON", false, Narrow::cut});
  Table table(columns);
  for (const api::RequestRow& row : rows) {
    std::string names = join(row.names, " ");
    if (const auto shown = static_cast<std::int64_t>(row.names.size()); row.machines > shown)
      names += fmt::format(" +{}", row.machines - shown);
    std::vector<Cell> cells{
        std::to_string(row.id), {row.state, color_of_state(row.state)}, names, age(row.created, now), row.requester};
    if (wide)
      for (const std::string& value : {local_time(std::string_view(row.created)), local_time(row.finished),
                                       counts_text(row.counts), std::to_string(row.warnings), row.ticket})
        cells.emplace_back(value);
    cells.emplace_back(row.reason);
    table.add(std::move(cells));
  }
  Style uncut = style;
  if (wide) uncut.width = 0;
  return table.text(uncut);
}

const std::vector<Field>& request_fields() {
  static const std::vector<Field> fields{{"request", "id"},        {"state", "state"},         {"created", "created"},
                                         {"finished", "finished"}, {"requester", "requester"}, {"machines", "machines"},
                                         {"names", "names"},       {"counts", "counts"},       {"warnings", "warnings"},
                                         {"ticket", "ticket"},     {"reason", "reason"}};
  return fields;
}

std::string request_story(const api::Request& request, Timestamp now, const Style& style) {
  std::string text = facts_of(request).text(style);
  for (const api::Decommission& machine : request.machines) text += "\n" + story_of(machine, now, style);
  return text;
}

std::string machine_of_request_story(const api::Request& request, const api::Decommission& machine, Timestamp now,
                                     const Style& style) {
  return facts_of(request).text(style) + "\n" + story_of(machine, now, style);
}

std::string request_summary(const api::Request& request, Timestamp now, const Style& style) {
  std::string text = painted(style, Color::bold, fmt::format("request {}", request.id)) + "  " +
                     painted(style, color_of_state(request.state), safe_for_terminal(request.state)) + "  " +
                     safe_for_terminal(request.requester) + "  " + age(request.created, now) + " ago";
  if (!request.options.reason.empty()) text += "  " + safe_for_terminal(request.options.reason);
  text = (style.width > 0 && !style.color ? fit(text, style.width) : text) + "\n";
  Table table({{"MACHINE"},
               {"NAME", false, Narrow::cut, 20},
               {"STATE"},
               {"STEPS", true},
               {"TOOK", true},
               {"DOING", false, Narrow::cut}});
  for (const api::Decommission& machine : request.machines)
    table.add({machine.id,
               machine.machine.name,
               {machine.state, color_of_state(machine.state)},
               steps_done(machine),
               between(machine.started, machine.finished, now),
               doing(machine)});
  text += table.text(style, 2);
  for (const api::Decommission& machine : request.machines) {
    if (!aftercare_begun(machine)) continue;
    const bool came_back = std::ranges::any_of(machine.steps, has_returned);
    for (const auto& [title, what] : {std::pair{"looked again", looked_again(machine)}, {"lifted", lifted(machine)}})
      if (!what.empty())
        text += painted(style, came_back ? Color::yellow : Color::dim,
                        safe_for_terminal(fmt::format("  {} {}: {}", machine.id, title, what))) +
                "\n";
  }
  return text;
}

std::string cancel_report(const api::Request& request, const std::vector<std::string>& machines, const Style& style) {
  std::string text;
  for (const api::Decommission& machine : request.machines) {
    if (!machines.empty() && std::ranges::find(machines, machine.id) == machines.end()) continue;
    // The lines below say the same, with more.
    const bool tells_more = !machine.reason.empty() && machine.reason.find("not done: ") == std::string::npos;
    text += safe_for_terminal(machine.id + " " + machine.machine.name) + "  " +
            painted(style, color_of_state(machine.state), safe_for_terminal(machine.state)) +
            (tells_more ? ": " + safe_for_terminal(machine.reason) : "") + "\n";
    std::vector<std::string> done;
    std::vector<std::string> not_done;
    std::vector<std::string> doubtful;
    for (const api::Step& step : machine.steps) {
      const std::string name = safe_for_terminal(step.name);
      if (step.state == "succeeded" || step.state == "already" || step.state == "warned") {
        done.push_back(name + (step.state == "succeeded" ? "" : " (" + step.state + ")"));
      } else if (step.state == "unknown" || step.state == "running") {
        doubtful.push_back(name + (step.message.empty() ? "" : " (" + safe_for_terminal(step.message) + ")"));
      } else {
        not_done.push_back(name + (step.state == "failed" ? " (failed)" : ""));
      }
    }
    if (!done.empty()) text += "  done:      " + join(done, ", ") + "\n";
    if (!not_done.empty()) text += "  not done:  " + join(not_done, ", ") + "\n";
    if (!doubtful.empty()) text += "  not known: " + painted(style, Color::red, join(doubtful, ", ")) + "\n";
  }
  return text;
}

}  // namespace decom::cli
