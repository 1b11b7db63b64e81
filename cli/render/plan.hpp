#pragma once

#include <string>

#include "cli/render/style.hpp"
#include "common/api/plans.hpp"

namespace decom::cli {

/// What will die, and how: what a person reads before the answer "yes". With observations where it was a dry run.
std::string render_plan(const api::Plan& plan, const Style& style);
/// "Decommission web-01 (10.1.2.3, lab)?" or "Decommission these 3 machines?"
std::string question_of(const api::Plan& plan);

}  // namespace decom::cli
