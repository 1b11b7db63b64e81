#pragma once

#include <string>
#include <string_view>

#include "common/base/json.hpp"
#include "daemon/domain/request.hpp"

/// Frozen facts, plans and options as JSON, as the database keeps them. `parse(serialise(x)) == x`.
/// Each object has a "format"; a reader knows all older ones and refuses newer ones with `storage`. What a newer minor
/// writer left out has its default.
namespace decom::codec {

inline constexpr int kFormat = 1;
/// Of a plan: 2 since steps have a system and the records that they may remove.
inline constexpr int kPlanFormat = 2;

Json to_json(const Machine& machine);
Json to_json(const Plan& plan);
Json to_json(const RequestOptions& options);
Json to_json(const std::vector<PlannedMachine>& machines);

Machine machine_from(const Json& json);
Plan plan_from(const Json& json);
RequestOptions options_from(const Json& json);
std::vector<PlannedMachine> machines_from(const Json& json);

/// One spelling for each value: compact, keys sorted, UTF-8.
std::string to_text(const Machine& machine);
std::string to_text(const Plan& plan);
std::string to_text(const RequestOptions& options);
std::string to_text(const std::vector<PlannedMachine>& machines);
/// Parses what `to_text` wrote. Throws `storage` when it is something else.
Json parse(std::string_view text);

/// PlanOffer::hash: SHA-256 over all that the person is shown.
std::string hash_of(const RequestOptions& options, const std::vector<PlannedMachine>& machines);
/// Decommission::plan_hash: of one machine's facts and plan.
std::string hash_of(const Machine& machine, const Plan& plan);

}  // namespace decom::codec
