#pragma once

#include <optional>

#include "cli/commands/context.hpp"
#include "cli/commands/verb.hpp"

namespace decom::cli {

// One function a verb, one file each.
void add_search(const Verb& program, Context& ctx);
void add_show(const Verb& program, Context& ctx);
void add_records(const Verb& program, Context& ctx);
void add_plan(const Verb& program, Context& ctx);
void add_submit(const Verb& program, Context& ctx);
void add_list(const Verb& program, Context& ctx);
void add_status(const Verb& program, Context& ctx);
void add_watch(const Verb& program, Context& ctx);
void add_cancel(const Verb& program, Context& ctx);
void add_retry(const Verb& program, Context& ctx);
void add_resolve(const Verb& program, Context& ctx);
void add_login(const Verb& program, Context& ctx);
void add_logout(const Verb& program, Context& ctx);
void add_whoami(const Verb& program, Context& ctx);
void add_token(const Verb& program, Context& ctx);
void add_steps(const Verb& program, Context& ctx);
void add_notices(const Verb& program, Context& ctx);
void add_freeze(const Verb& program, Context& ctx);
void add_thaw(const Verb& program, Context& ctx);
void add_doctor(const Verb& program, Context& ctx);
void add_api(const Verb& program, Context& ctx);
void add_describe(const Verb& program, Context& ctx);  ///< hidden: completions and the manual are made by it

/// Reads the command line into `ctx.run`. An exit code (2) where it does not parse: stderr says the nearest verb or
/// option and where help is.
std::optional<int> parse_line(int argc, const char* const* argv, Context& ctx);

}  // namespace decom::cli
