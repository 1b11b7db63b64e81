#pragma once

#include <string>
#include <vector>

#include "cli/render/output.hpp"
#include "cli/render/style.hpp"
#include "common/api/vms.hpp"
#include "common/base/clock.hpp"

namespace decom::cli {

/// What `search` prints. Wide adds host name, cluster, host, tools, snapshots and tags.
std::string machine_table(const std::vector<api::Machine>& machines, bool wide, const Style& style);
/// All that is known of one machine.
std::string machine_story(const api::Machine& machine, const Style& style);
/// Warnings about mirrors that are not fresh, one a line; nothing when all are.
std::string mirror_warnings(const std::vector<api::Mirror>& mirrors, const Style& style);
/// The columns of `search -o csv`.
const std::vector<Field>& machine_fields();

/// "8 GiB"
std::string bytes_text(std::int64_t bytes);

}  // namespace decom::cli
