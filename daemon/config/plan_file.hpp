#pragma once

#include <filesystem>
#include <optional>

#include "daemon/config/toml_reader.hpp"
#include "daemon/plans/planner.hpp"
#include "daemon/records/definition.hpp"
#include "daemon/records/record_definition.hpp"

namespace decom {

/// What the steps of plans are held against.
struct PlanWorld {
  const StepRegistry& registry;
  const std::vector<RecordKind>& kinds;
  const std::vector<RecordDefinition>& systems;
};

/// One file of plans.d.
std::optional<PlanTemplate> read_plan_file(const std::filesystem::path& file, const PlanWorld& world,
                                           Mistakes& mistakes);

}  // namespace decom
