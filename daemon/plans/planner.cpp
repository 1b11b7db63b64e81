#include "daemon/plans/planner.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/glob.hpp"
#include "common/base/text.hpp"
#include "daemon/steps/silence_step.hpp"

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

/// What a rule asks for, for people: "name sql-*, db-*; folder Prod/*".
std::string words_for(const MachineRule& rule) {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view what, const std::vector<std::string>& patterns) {
    if (!patterns.empty()) parts.push_back(fmt::format("{} {}", what, join(patterns, ", ")));
  };
  std::vector<std::string> families;
  for (const OsFamily family : rule.families) families.emplace_back(to_string(family));
  add("family", families);
  add("guest_id", rule.guest_ids);
  add("vcenter", rule.vcenters);
  add("folder", rule.folders);
  add("tag", rule.tags);
  add("name", rule.names);
  return join(parts, "; ");
}

/// Unlike a plan's, the rule of a step may be empty: then it is meant for every machine of its plan.
bool step_fits(const MachineRule& rule, const Machine& machine) { return rule.empty() || fits(rule, machine); }

int rank(const RecordDefinition& system) {
  const std::vector<std::string_view> first{"ad.computer", "dns", "http"};
  return static_cast<int>(std::ranges::find(first, system.kind) - first.begin());
}

/// In an order in which each comes behind everything that it says it comes after.
std::vector<PlanStep> in_order(std::vector<PlanStep> steps) {
  std::vector<PlanStep> ordered;
  const auto is_ready = [&](const PlanStep& step) {
    return std::ranges::none_of(steps, [&](const PlanStep& other) {
      return &other != &step && std::ranges::find(step.after, other.name) != step.after.end();
    });
  };
  while (!steps.empty()) {
    auto next = std::ranges::find_if(steps, is_ready);
    if (next == steps.end()) next = steps.begin();  // a circle, which the configuration refuses
    PlanStep step = std::move(*next);
    steps.erase(next);
    ordered.push_back(std::move(step));
  }
  return ordered;
}

PlanTemplate shipped_plan(OsFamily family, bool has_account, const std::vector<RecordDefinition>& systems) {
  // Below everything that a site writes, whatever priority it gives.
  constexpr int kLast = -1'000;
  constexpr const char* kDestroy = kComesAfter;
  PlanTemplate plan{
      .name = std::string(to_string(family)), .priority = kLast, .rule = {.families = {family}}, .source = "built in"};
  for (const RecordDefinition& system : systems)
    if (system.silences)
      plan.steps.push_back({.name = silence_step_name(system.name),
                            .kind = kSilenceKind,
                            .on_failure = OnFailure::warn,
                            .system = system.name});
  plan.steps.push_back({.name = "power_off", .kind = "vsphere.power_off"});
  plan.steps.push_back({.name = kDestroy, .kind = "vsphere.destroy", .after = {"power_off"}});
  if (has_account) plan.steps.push_back({.name = "ad_computer", .kind = "ad.computer", .after = {kDestroy}});

  std::vector<const RecordDefinition*> ranked;
  ranked.reserve(systems.size());
  for (const RecordDefinition& system : systems) ranked.push_back(&system);
  std::ranges::stable_sort(ranked, {}, [](const RecordDefinition* system) { return rank(*system); });
  std::vector<std::string> names = names_of(plan.steps);
  for (const RecordDefinition* system : ranked) names.push_back(system->name);
  for (const RecordDefinition* system : ranked) {
    PlanStep step{.name = system->name,
                  .kind = system->kind,
                  .on_failure = system->on_failure,
                  .on_return = system->on_return,
                  .system = system->name};
    for (const std::string& name : system->after)
      if (std::ranges::find(names, name) != names.end()) step.after.push_back(name);  // "other" has no account
    if (step.after.empty()) step.after = {kDestroy};
    plan.steps.push_back(std::move(step));
  }
  plan.steps = in_order(std::move(plan.steps));
  return plan;
}

}  // namespace

Planner::Planner(std::vector<PlanTemplate> templates, const StepRegistry& registry, bool has_directory,
                 std::vector<RecordDefinition> systems)
    : templates_(std::move(templates)), registry_(registry), has_directory_(has_directory) {
  for (RecordDefinition& system : systems) {
    const std::string name = system.name;
    systems_.emplace(name, std::move(system));
  }
  for (PlanTemplate& plan : templates_) {
    for (PlanStep& step : plan.steps) {
      step.irreversible = registry_.at(step.kind).irreversible;
      if (step.system.empty()) continue;
      const auto system = systems_.find(step.system);
      if (system == systems_.end())
        throw Error{ErrorCode::invalid, "plan {}: step {} works on '{}', which is not configured", plan.name, step.name,
                    step.system};
      step.definition = system->second.definition;
      step.params.emplace("deadline", fmt::format("{}ms", system->second.deadline.count()));
    }
  }
  std::ranges::sort(templates_, [](const PlanTemplate& a, const PlanTemplate& b) {
    if (a.priority != b.priority) return a.priority > b.priority;
    if (conditions(a.rule) != conditions(b.rule)) return conditions(a.rule) > conditions(b.rule);
    return a.name < b.name;
  });
}

/// Says why a step is in, or that it is not and why.
void Planner::judge(const PlanTemplate& chosen, const Machine& machine, PlanStep& step) const {
  const KindTraits& kind = registry_.at(step.kind);
  const auto system = systems_.find(step.system);
  const bool has_own = kind.removes_records && system != systems_.end() && !system->second.summary.empty();
  step.why =
      fmt::format("plan {} ({}): {}", chosen.name, chosen.source, has_own ? system->second.summary : kind.summary);
  if (step.on_return == OnReturn::remove) step.why += "; removed again where it comes back";
  const auto skip = [&](std::string why) {
    step.skipped = true;
    step.why = std::move(why);
  };
  if (kind.needs_directory && step.system.empty() && !has_directory_) skip("left out: no directory is configured");
  const auto rule = chosen.step_rules.find(step.name);
  if (rule != chosen.step_rules.end() && !step_fits(rule->second, machine))
    skip(fmt::format("left out: in plan {} it is for {}", chosen.name, words_for(rule->second)));
  if (system != systems_.end() && !step_fits(system->second.rule, machine))
    skip(fmt::format("left out: {} is for {}", system->second.name, words_for(system->second.rule)));
}

Plan Planner::plan_for(const Machine& machine, const RequestOptions& options) const {
  const auto chosen = std::ranges::find_if(templates_, [&](const PlanTemplate& t) { return fits(t.rule, machine); });
  if (chosen == templates_.end()) no_plan_for(machine);

  Plan plan{.name = chosen->name, .steps = chosen->steps};
  for (PlanStep& step : plan.steps) judge(*chosen, machine, step);
  if (options.records_only)
    for (PlanStep& step : plan.steps)
      if (!step.skipped && !registry_.at(step.kind).removes_records) {
        step.skipped = true;
        step.why = "left out: records only";
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

std::vector<PlanTemplate> Planner::shipped(const std::vector<RecordDefinition>& systems) {
  return {shipped_plan(OsFamily::windows, true, systems), shipped_plan(OsFamily::linux_, true, systems),
          shipped_plan(OsFamily::other, false, systems)};
}

}  // namespace decom
