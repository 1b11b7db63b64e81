#include <algorithm>
#include <utility>

#include "common/base/error.hpp"
#include "daemon/records/record_systems.hpp"
#include "daemon/steps/ad_definition.hpp"
#include "daemon/steps/ad_records.hpp"
#include "daemon/steps/destroy.hpp"
#include "daemon/steps/power_off.hpp"
#include "daemon/steps/record_step.hpp"
#include "daemon/steps/silence_step.hpp"
#include "daemon/steps/step.hpp"

namespace decom {

using namespace std::chrono_literals;

void StepRegistry::add(KindTraits traits, Make make) {
  const std::string name = traits.name;
  if (!kinds_.emplace(name, Entry{std::move(traits), std::move(make)}).second)
    throw Error{ErrorCode::internal, "two kinds of step are called '{}'", name};
}

const KindTraits* StepRegistry::find(const std::string& kind) const {
  const auto found = kinds_.find(kind);
  return found == kinds_.end() ? nullptr : &found->second.traits;
}

const KindTraits& StepRegistry::at(const std::string& kind) const {
  const KindTraits* found = find(kind);
  if (found == nullptr) throw Error{ErrorCode::invalid, "'{}' is no kind of step", kind};
  return *found;
}

std::unique_ptr<StepKind> StepRegistry::make(const PlanStep& step) const {
  (void)at(step.kind);
  return kinds_.at(step.kind).make(step);
}

std::chrono::milliseconds StepRegistry::deadline(const PlanStep& step) const {
  return duration_in(step, "deadline").value_or(at(step.kind).deadline);
}

std::vector<KindTraits> StepRegistry::all() const {
  std::vector<KindTraits> all;
  for (const auto& [name, entry] : kinds_) all.push_back(entry.traits);
  return all;
}

namespace {

/// A removal may ask more than once (a login, the record as it is now), each within its system's timeout.
std::chrono::milliseconds removal_takes(const PlanStep& step) {
  return std::max(kRemovalTakes, 2 * duration_in(step, "timeout").value_or(0ms));
}

/// As its system is configured.
std::optional<std::chrono::milliseconds> look_takes(const PlanStep& step) {
  const auto found = step.params.find("deadline");
  if (found == step.params.end()) return std::nullopt;
  return parse_duration(found->second);
}

/// A step on a configured system.
std::unique_ptr<StepKind> step_on(const std::shared_ptr<RecordSystems>& records, const PlanStep& step,
                                  const std::string& definition) {
  if (!records) throw Error{ErrorCode::internal, "this process works on no records"};
  return std::make_unique<RecordStep>(
      [records, kind = step.kind, definition](StepContext&) { return records->of(kind, definition); },
      RecordStepOptions{.system = step.system.empty() ? step.kind : step.system,
                        .call = "remove from " + step.system,
                        .removal = removal_takes(step),
                        .look = look_takes(step)});
}

}  // namespace

// Every kind of record keeps a copy of its own.
StepRegistry built_in_steps(std::shared_ptr<RecordSystems> records) {  // NOLINT(performance-unnecessary-value-param)
  StepRegistry registry;
  // Privilege ids: vSphere Web Services API, AuthorizationManager.
  registry.add({.name = kPowerOffKind,
                .summary = "shuts the guest down, and powers the VM off where that does not help",
                .irreversible = false,
                .naturally_idempotent = true,
                .vcenter_rights = {"VirtualMachine.Interact.PowerOff"},
                .deadline = 10min,
                .waits_for_guest = true},
               [](const PlanStep&) { return std::make_unique<PowerOff>(); });
  registry.add({.name = kDestroyKind,
                .summary = "deletes the VM with its disks; refuses templates, shared disks and what others manage",
                .irreversible = true,
                .naturally_idempotent = false,
                .vcenter_rights = {"VirtualMachine.Inventory.Delete"},
                .deadline = 15min},
               [](const PlanStep&) { return std::make_unique<Destroy>(); });
  registry.add({.name = kAdComputerKind,
                .summary = "deletes, disables or moves the computer account, where two facts prove whose it is",
                .irreversible = true,
                .naturally_idempotent = true,
                .deadline = 2min,
                .needs_directory = true,
                .removes_records = true,
                .params = {kActionKey, kMoveToKey},
                .wrong_params = [](const auto& params) { return wrong_in_action(params); }},
               [records](const PlanStep& step) -> std::unique_ptr<StepKind> {
                 if (!step.system.empty()) return step_on(records, step, with_action(step.definition, step.params));
                 return std::make_unique<RecordStep>(
                     [action = ad_action(step.params)](StepContext& ctx) {
                       return std::make_shared<AdRecords>(ctx.directory(), action);
                     },
                     RecordStepOptions{.system = "Active Directory", .call = "delete from Active Directory"});
               });
  const SilenceStep::Of silenced = [records](const PlanStep& step) {
    if (!records) throw Error{ErrorCode::internal, "this process works on no records"};
    return records->of(kSilencedKind, step.definition);
  };
  registry.add({.name = kSilenceKind,
                .summary = "makes a monitoring quiet about the machine, until all of it has ended",
                .irreversible = false,
                .naturally_idempotent = true,
                .deadline = 2min,
                .lifted_after = [silenced](const Lift& lift) { return lift_silences(silenced, lift); }},
               [silenced](const PlanStep&) { return std::make_unique<SilenceStep>(silenced); });
  for (const RecordKind& kind : records ? records->kinds() : record_kinds()) {
    if (kind.name == kAdComputerKind) continue;
    registry.add({.name = kind.name,
                  .summary = kind.summary,
                  .irreversible = true,
                  .naturally_idempotent = false,
                  .deadline = 10min,
                  .removes_records = true},
                 [records](const PlanStep& step) { return step_on(records, step, step.definition); });
  }
  return registry;
}

}  // namespace decom
