#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/domain/machine_rule.hpp"
#include "daemon/domain/plan.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/steps/step.hpp"

namespace decom {

/// One file of plans.d, or a shipped default.
struct PlanTemplate {
  std::string name;
  int priority = 0;  ///< higher ones are asked first; then more conditions; then by name
  MachineRule rule;
  std::vector<PlanStep> steps;
  std::string source;  ///< "plans.d/10-db.toml", or "built in"
};

/// Chooses and builds the plan of a machine. Immutable; replaced as a whole on reload.
class Planner {
 public:
  /// `has_directory`: ad.computer steps are left out, and said so, where no directory is configured.
  Planner(std::vector<PlanTemplate> templates, const StepRegistry& registry, bool has_directory);

  /// Throws `invalid` when no plan fits (family ambiguous and no rule that names the machine otherwise), or when
  /// `--skip` names a step that the plan does not have (it lists them).
  [[nodiscard]] Plan plan_for(const Machine& machine, const RequestOptions& options) const;
  [[nodiscard]] const std::vector<PlanTemplate>& templates() const { return templates_; }

  /// windows, linux, other.
  static std::vector<PlanTemplate> shipped();

 private:
  std::vector<PlanTemplate> templates_;
  const StepRegistry& registry_;
  bool has_directory_;
};

}  // namespace decom
