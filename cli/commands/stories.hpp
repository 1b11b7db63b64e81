#pragma once

#include "cli/commands/context.hpp"
#include "cli/commands/listing.hpp"
#include "cli/commands/machines.hpp"

namespace decom::cli {

/// `status 17.3`, and `show 17.3`.
int show_request(const RequestRef& ref, const OutputOptions& output, Context& ctx);

}  // namespace decom::cli
