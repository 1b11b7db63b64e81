#include "daemon/plans/planner.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/glob.hpp"
#include "common/base/text.hpp"

namespace decom {
namespace {

int conditions(const MachineRule& rule) {
  return static_cast<int>(!rule.families.empty()) + static_cast<int>(!rule.guest_ids.empty()) +
         static_cast<int>(!rule.vcenters.empty()) + static_cast<int>(!rule.folders.empty()) +
         static_cast<int>(!rule.tags.empty()) + static_cast<int>(!rule.names.empty());
}

bool fits_any(const std::vector<std::string>& patterns, const std::string& text) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const auto& p) { return matches_glob(p, text); });
}

bool fits(const MachineRule& rule, const Machine& machine) {
  // A plan for everything says nothing of a machine whose family is in dispute: some condition must be about it.
  if (machine.family == OsFamily::ambiguous && conditions(rule) == 0) return false;
  const bool family = rule.families.empty() || std::ranges::find(rule.families, machine.family) != rule.families.end();
  const bool tag = rule.tags.empty() || std::ranges::any_of(machine.tags, [&](const std::string& tag_of_machine) {
                     return fits_any(rule.tags, tag_of_machine);
                   });
  return family && tag && fits_any(rule.guest_ids, machine.guest_id) && fits_any(rule.vcenters, machine.vcenter) &&
         fits_any(rule.folders, machine.folder) && fits_any(rule.names, machine.name);
}

[[noreturn]] void no_plan_for(const Machine& machine) {
  if (machine.family == OsFamily::ambiguous)
    throw Error{ErrorCode::invalid,
                "cannot choose a plan for {}: vSphere is configured for {} and its tools report {}; correct the guest "
                "OS in vSphere, or add a plan whose rule names the machine",
                machine.name, machine.guest_id, machine.tools_guest_id};
  throw Error{ErrorCode::invalid, "cannot choose a plan for {}: no plan's rule fits it ({}, {})", machine.name,
              to_string(machine.family), machine.guest_id};
}

std::vector<std::string> names_of(const std::vector<PlanStep>& steps) {
  std::vector<std::string> names;
  names.reserve(steps.size());
  for (const PlanStep& step : steps) names.push_back(step.name);
  return names;
}

PlanTemplate shipped_plan(OsFamily family, const std::vector<std::string>& kinds) {
  // Below everything that a site writes, whatever priority it gives.
  constexpr int kLast = -1'000;
  PlanTemplate plan{
      .name = std::string(to_string(family)), .priority = kLast, .rule = {.families = {family}}, .source = "built in"};
  for (const std::string& kind : kinds) {
    const std::string name = kind == "ad.computer" ? "ad_computer" : kind.substr(kind.rfind('.') + 1);
    plan.steps.push_back({.name = name, .kind = kind});
  }
  return plan;
}

}  // namespace

Planner::Planner(std::vector<PlanTemplate> templates, const StepRegistry& registry, bool has_directory)
    : templates_(std::move(templates)), registry_(registry), has_directory_(has_directory) {
  for (PlanTemplate& plan : templates_)
    for (PlanStep& step : plan.steps) step.irreversible = registry_.at(step.kind).irreversible;
  std::ranges::sort(templates_, [](const PlanTemplate& a, const PlanTemplate& b) {
    if (a.priority != b.priority) return a.priority > b.priority;
    if (conditions(a.rule) != conditions(b.rule)) return conditions(a.rule) > conditions(b.rule);
    return a.name < b.name;
  });
}

Plan Planner::plan_for(const Machine& machine, const RequestOptions& options) const {
  const auto chosen = std::ranges::find_if(templates_, [&](const PlanTemplate& t) { return fits(t.rule, machine); });
  if (chosen == templates_.end()) no_plan_for(machine);

  Plan plan{.name = chosen->name, .steps = chosen->steps};
  for (PlanStep& step : plan.steps) {
    const KindTraits& kind = registry_.at(step.kind);
    step.why = fmt::format("plan {} ({}): {}", chosen->name, chosen->source, kind.summary);
    if (kind.needs_directory && !has_directory_) {
      step.skipped = true;
      step.why = "left out: no directory is configured";
    }
  }
  for (const std::string& name : options.skip) {
    const auto step = std::ranges::find(plan.steps, name, &PlanStep::name);
    if (step == plan.steps.end())
      throw Error{ErrorCode::invalid,
                  "cannot skip '{}': plan {} of {} has the steps {}",
                  name,
                  plan.name,
                  machine.name,
                  join(names_of(plan.steps), ", ")};
    step->skipped = true;
    step->why = "left out by the request";
  }
  if (std::ranges::all_of(plan.steps, &PlanStep::skipped))
    throw Error{ErrorCode::invalid, "nothing would be done to {}: every step of plan {} is left out", machine.name,
                plan.name};
  return plan;
}

std::vector<PlanTemplate> Planner::shipped() {
  return {shipped_plan(OsFamily::windows, {"vsphere.power_off", "vsphere.destroy", "ad.computer"}),
          shipped_plan(OsFamily::linux_, {"vsphere.power_off", "vsphere.destroy", "ad.computer"}),
          shipped_plan(OsFamily::other, {"vsphere.power_off", "vsphere.destroy"})};
}

}  // namespace decom
