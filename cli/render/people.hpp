#pragma once

#include <string>
#include <vector>

#include "cli/render/output.hpp"
#include "cli/render/style.hpp"
#include "common/api/admin.hpp"
#include "common/api/auth.hpp"

namespace decom::cli {

std::string render_whoami(const api::WhoAmI& who, const Style& style);
std::string token_table(const std::vector<api::TokenRow>& rows, const Style& style);
const std::vector<Field>& token_fields();
std::string render_freeze(const api::Freeze& freeze, const Style& style);
/// One line a check, and what to do below the ones that are not well.
std::string render_checks(const std::vector<api::Check>& checks, const Style& style);

}  // namespace decom::cli
