#include "cli/render/plan.hpp"

#include <chrono>

#include <fmt/core.h>

#include "cli/render/table.hpp"
#include "cli/render/times.hpp"
#include "common/base/clock.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

Color color_of_observation(std::string_view observation) {
  if (observation == "satisfied") return Color::green;
  if (observation == "needed") return Color::cyan;
  return Color::yellow;
}

std::string option_lines(const api::Options& options, const Style& style) {
  Facts facts;
  facts.add("reason", options.reason);
  facts.add("ticket", options.ticket);
  if (options.not_before) facts.add("not before", local_time(options.not_before), Color::yellow);
  if (options.records_only) {
    facts.add("records only", "the machine is gone; only what other systems hold of it is removed");
    return facts.text(style);
  }
  facts.add("shutdown", options.guest_shutdown ? fmt::format("asks the guest, and waits {} for it",
                                                             to_text(std::chrono::seconds{options.shutdown_timeout_s}))
                                               : std::string("power off at once"));
  return facts.text(style);
}

}  // namespace

namespace {

/// What a step would remove or change, and what it would leave, a line each.
std::string record_lines(const api::PlannedStep& step, const Style& style) {
  constexpr std::string_view kLeave = "leave";
  std::size_t width = kLeave.size();
  for (const api::PlannedRecord& record : step.records) width = std::max(width, record.effect.size());
  std::string text;
  for (const api::PlannedRecord& record : step.records) {
    const std::string what = safe_for_terminal(record.what.empty() ? record.id : record.what);
    const auto verb = [&](Color color, std::string_view word) {
      return "      " + painted(style, color, fmt::format("{:<{}} ", safe_for_terminal(word), width)) + what;
    };
    text += record.left_alone
                ? verb(Color::yellow, kLeave) + ": " + safe_for_terminal(*record.left_alone)
                : verb(Color::red, record.effect) +
                      (record.facts.empty() ? "" : " (" + safe_for_terminal(join(record.facts, ", ")) + ")");
    text += "\n";
  }
  if (text.empty()) return text;
  return "    " + safe_for_terminal(step.system.empty() ? step.name : step.system) + "\n" + text;
}

}  // namespace

std::string render_plan(const api::Plan& plan, const Style& style) {
  Table machines({{"NAME"},
                  {"ID"},
                  {"IP", false, true},
                  {"OS", false, true},
                  {"VCENTER"},
                  {"FOLDER", false, true},
                  {"POWER"},
                  {"OWNER", false, true},
                  {"PLAN"}});
  for (const api::PlannedMachine& planned : plan.machines) {
    const api::Machine& machine = planned.machine;
    machines.add({{machine.name, Color::bold},
                  machine.id,
                  join(machine.ip_addresses, " "),
                  machine.guest_full_name.empty() ? machine.family : machine.guest_full_name,
                  machine.vcenter,
                  machine.folder,
                  machine.power,
                  machine.owner,
                  planned.plan});
  }
  std::string text = machines.text(style) + "\n";
  for (const api::PlannedMachine& planned : plan.machines) {
    text += painted(style, Color::bold, safe_for_terminal(planned.machine.name)) + " (" +
            safe_for_terminal(planned.machine.id) + ")\n";
    bool observed = false;
    for (const api::PlannedStep& step : planned.steps) observed = observed || step.observation.has_value();
    std::vector<Column> columns{{"STEP"}, {"KIND"}, {"UNDO"}};
    if (observed) columns.push_back({"NOW"});
    columns.push_back({observed ? "WHAT" : "WHY", false, true});
    Table steps(columns);
    for (const api::PlannedStep& step : planned.steps) {
      const Color faded = step.skipped ? Color::dim : Color::none;
      std::vector<Cell> row{
          {step.name, faded},
          {step.kind, faded},
          step.skipped ? Cell{"skipped", Color::dim}
                       : Cell{step.irreversible ? "never" : "possible", step.irreversible ? Color::red : Color::none}};
      if (observed)
        row.emplace_back(step.observation.value_or("-"), color_of_observation(step.observation.value_or("")));
      row.emplace_back(observed && step.text && !step.text->empty() ? *step.text : step.why, faded);
      steps.add(std::move(row));
    }
    text += steps.text(style, 2);
    for (const api::PlannedStep& step : planned.steps) text += record_lines(step, style);
    text += "\n";
  }
  return text + option_lines(plan.options, style);
}

std::string question_of(const api::Plan& plan) {
  const std::string what = plan.options.records_only ? "Remove the records of " : "Decommission ";
  if (plan.machines.size() != 1) return fmt::format("{}these {} machines?", what, plan.machines.size());
  const api::Machine& machine = plan.machines.front().machine;
  return what + safe_for_terminal(machine.name) + " (" + safe_for_terminal(machine.id) + ")?";
}

}  // namespace decom::cli
