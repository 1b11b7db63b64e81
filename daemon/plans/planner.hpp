#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/domain/machine_rule.hpp"
#include "daemon/domain/plan.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/records/record_definition.hpp"
#include "daemon/steps/step.hpp"

namespace decom {

/// One file of plans.d, or a shipped default.
struct PlanTemplate {
  std::string name;
  int priority = 0;  ///< higher ones are asked first; then more conditions; then by name
  MachineRule rule;
  std::vector<PlanStep> steps;
  std::map<std::string, MachineRule> step_rules;  ///< by name of the step: of machines that it is meant for
  std::string source;                             ///< "plans.d/10-db.toml", or "built in"
};

/// Chooses and builds the plan of a machine. Immutable; replaced as a whole on reload.
class Planner {
 public:
  /// `has_directory`: ad.computer steps are left out, and said so, where no directory is configured.
  /// `systems`: those that steps of records work on; throws `invalid` for a step whose system is not among them.
  Planner(std::vector<PlanTemplate> templates, const StepRegistry& registry, bool has_directory,
          std::vector<RecordDefinition> systems = {});

  /// Throws `invalid` when no plan fits (family ambiguous and no rule that names the machine otherwise), or when
  /// `--skip` names a step that the plan does not have (it lists them).
  [[nodiscard]] Plan plan_for(const Machine& machine, const RequestOptions& options) const;
  [[nodiscard]] const std::vector<PlanTemplate>& templates() const { return templates_; }

  /// windows, linux, other: the machine first, then everything that other systems know of it, side by side where no
  /// `after` says otherwise. In the order that checklists of operators agree on, as far as kinds tell: account, names,
  /// then the rest; what has to come last (addresses, inventories) says so by `after`.
  static std::vector<PlanTemplate> shipped(const std::vector<RecordDefinition>& systems = {});

 private:
  void judge(const PlanTemplate& chosen, const Machine& machine, PlanStep& step) const;

  std::vector<PlanTemplate> templates_;
  const StepRegistry& registry_;
  bool has_directory_;
  std::map<std::string, RecordDefinition> systems_;
};

}  // namespace decom
