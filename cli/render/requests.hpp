#pragma once

#include <string>
#include <vector>

#include "cli/render/output.hpp"
#include "cli/render/style.hpp"
#include "common/api/requests.hpp"
#include "common/base/clock.hpp"

namespace decom::cli {

/// What `list` prints.
std::string request_table(const std::vector<api::RequestRow>& rows, bool wide, Timestamp now, const Style& style);
/// The columns of `list -o csv`.
const std::vector<Field>& request_fields();

/// The whole story of a request: who, why, and each machine with its steps.
std::string request_story(const api::Request& request, Timestamp now, const Style& style);
/// One machine of it.
std::string machine_of_request_story(const api::Request& request, const api::Decommission& machine, Timestamp now,
                                     const Style& style);
/// One line a machine: what `status` prints of each live request.
std::string request_summary(const api::Request& request, Timestamp now, const Style& style);

/// After a cancel has settled: what was done and what was not, machine by machine.
std::string cancel_report(const api::Request& request, const std::vector<std::string>& machines, const Style& style);

/// "3/4": steps that are through, of all.
std::string steps_done(const api::Decommission& machine);
/// What it is about just now: the running step, or the reason to wait.
std::string doing(const api::Decommission& machine);

/// Nothing more happens by itself.
bool is_settled_state(std::string_view state);
/// By the states of a request's machines: 8 > 7 > 1 > 6 > 0 (needs attention, some failed, all failed, cancelled,
/// done).
int exit_code_of(const std::vector<std::string>& states);

}  // namespace decom::cli
