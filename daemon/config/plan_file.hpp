#pragma once

#include <filesystem>
#include <optional>

#include "daemon/config/toml_reader.hpp"
#include "daemon/plans/planner.hpp"

namespace decom {

/// One file of plans.d. Kinds and parameters are held against the registry.
std::optional<PlanTemplate> read_plan_file(const std::filesystem::path& file, const StepRegistry& registry,
                                           Mistakes& mistakes);

}  // namespace decom
