#pragma once

#include <CLI/CLI.hpp>

#include "cli/commands/context.hpp"

namespace decom::cli {

// One function a verb, one file each.
void add_search(CLI::App& app, Context& ctx);
void add_show(CLI::App& app, Context& ctx);
void add_records(CLI::App& app, Context& ctx);
void add_plan(CLI::App& app, Context& ctx);
void add_submit(CLI::App& app, Context& ctx);
void add_list(CLI::App& app, Context& ctx);
void add_status(CLI::App& app, Context& ctx);
void add_watch(CLI::App& app, Context& ctx);
void add_cancel(CLI::App& app, Context& ctx);
void add_retry(CLI::App& app, Context& ctx);
void add_resolve(CLI::App& app, Context& ctx);
void add_login(CLI::App& app, Context& ctx);
void add_logout(CLI::App& app, Context& ctx);
void add_whoami(CLI::App& app, Context& ctx);
void add_token(CLI::App& app, Context& ctx);
void add_steps(CLI::App& app, Context& ctx);
void add_freeze(CLI::App& app, Context& ctx);
void add_thaw(CLI::App& app, Context& ctx);
void add_doctor(CLI::App& app, Context& ctx);
void add_api(CLI::App& app, Context& ctx);
void add_describe(CLI::App& app, Context& ctx);  ///< hidden: completions and the manual are made by it

/// All of them.
void add_verbs(CLI::App& app, Context& ctx);

/// What to say of a command line that does not parse: the nearest verb or option, and where help is. Exit code 2.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error);

}  // namespace decom::cli
