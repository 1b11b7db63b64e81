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

/// What a step would remove or change, and what it would leave, a line each.
std::string record_lines(const api::PlannedStep& step, const Style& style) {
  constexpr std::string_view kLeave = "leave";
  constexpr std::size_t kIndent = 6;
  std::size_t width = kLeave.size();
  for (const api::PlannedRecord& record : step.records) width = std::max(width, record.effect.size());
  std::string text;
  for (const api::PlannedRecord& record : step.records) {
    std::string what = safe_for_terminal(record.what.empty() ? record.id : record.what);
    if (record.left_alone) {
      what += ": " + safe_for_terminal(*record.left_alone);
    } else if (!record.facts.empty()) {
      what += " (" + safe_for_terminal(join(record.facts, ", ")) + ")";
    }
    const std::size_t indent = kIndent + width + 1;
    std::string before =
        std::string(kIndent, ' ') +
        painted(
            style, record.left_alone ? Color::yellow : Color::red,
            fmt::format("{:<{}} ", record.left_alone ? std::string(kLeave) : safe_for_terminal(record.effect), width));
    for (const std::string& line : wrapped(what, style.width > 2 * indent ? style.width - indent : 0)) {
      text += before + line + "\n";
      before = std::string(indent, ' ');
    }
  }
  if (text.empty()) return text;
  return "    " + safe_for_terminal(step.system.empty() ? step.name : step.system) + "\n" + text;
}

}  // namespace

std::string render_plan(const api::Plan& plan, const Style& style) {
  // Nothing of this is cut: it is the last look at what will be gone.
  Table machines({{"NAME", false, Narrow::wrapped, 12},
                  {"ID"},
                  {"IP", false, Narrow::wrapped, 15},
                  {"OS", false, Narrow::wrapped, 10},
                  {"FOLDER", false, Narrow::wrapped},
                  {"POWER"},
                  {"OWNER", false, Narrow::wrapped}});
  for (const api::PlannedMachine& planned : plan.machines) {
    const api::Machine& machine = planned.machine;
    machines.add({{machine.name, Color::bold},
                  machine.id,
                  join(machine.ip_addresses, " "),
                  machine.guest_full_name.empty() ? machine.family : machine.guest_full_name,
                  machine.folder,
                  machine.power,
                  machine.owner});
  }
  std::string text = machines.text(style) + "\n";
  for (const api::PlannedMachine& planned : plan.machines) {
    text += painted(style, Color::bold, safe_for_terminal(planned.machine.name)) + " (" +
            safe_for_terminal(planned.machine.id) + ") in vCenter " + safe_for_terminal(planned.machine.vcenter) +
            ", by plan " + safe_for_terminal(planned.plan) + "\n";
    bool observed = false;
    for (const api::PlannedStep& step : planned.steps) observed = observed || step.observation.has_value();
    std::vector<Column> columns{{"STEP"}, {"KIND"}, {"UNDO"}};
    if (observed) columns.push_back({"NOW"});
    columns.push_back({observed ? "WHAT" : "WHY", false, Narrow::wrapped});
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
