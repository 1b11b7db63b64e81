#pragma once

#include <vector>

#include "daemon/engine/attempt.hpp"

namespace decom {

/// `observe` over a whole plan, with a context that cannot change anything.
std::vector<StepPreview> preview_plan(EngineRoom& room, const PlannedMachine& planned, const RequestOptions& options);

}  // namespace decom
