#pragma once

#include <optional>

#include "daemon/domain/machine.hpp"
#include "daemon/domain/observation.hpp"
#include "daemon/steps/step.hpp"

namespace decom {

/// The machine as vCenter has it this moment, found by its MoRef and proven by its instance UUID; nullopt when nothing
/// is visible there. Throws `precondition` when another machine stands in its place, `unreachable` when vCenter itself
/// cannot say which it is (a host that is disconnected).
std::optional<Machine> look(StepContext& ctx);

/// Not visible: Satisfied where it is proven gone, Unknown where it is not. Gone is proven by our own Destroy task, or
/// by somebody's destroy task on that MoRef in vCenter's history since it was last seen, while the root folder can be
/// read and no vCenter knows the instance UUID elsewhere. Unregistered, moved, hidden by rights or rolled back with its
/// vCenter look the same as destroyed, and are not. Throws when something could not be asked.
Observation judge_absence(StepContext& ctx);

/// "web01" as submitted, and its present name where that differs: for people.
std::string name_of(StepContext& ctx, const Machine& now);

}  // namespace decom
