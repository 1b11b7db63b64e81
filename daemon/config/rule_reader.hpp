#pragma once

#include "daemon/config/toml_reader.hpp"
#include "daemon/domain/machine_rule.hpp"
#include "daemon/domain/plan.hpp"

namespace decom {

/// `[when]`, as plans, steps and systems of records have it.
void read_rule(TableReader& when, MachineRule& rule);
/// `on_failure`
void read_on_failure(TableReader& reader, OnFailure& target);
/// `on_return`
void read_on_return(TableReader& reader, OnReturn& target);
/// "is 'Destroy It'; expected …" for what is no name of a step or of a system; nothing for what is.
std::optional<std::string> check_step_name(const std::string& name);

}  // namespace decom
