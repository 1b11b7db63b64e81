#pragma once

#include <string>

#include "cli/render/style.hpp"
#include "common/base/error.hpp"

namespace decom::cli {

/// "decomctl: cannot …" with one line a finding below it. Where `query` is given and a finding's place is
/// "offset:length", the query is shown with the place underlined.
std::string render_error(const Error& error, const std::string& query, const Style& style);

}  // namespace decom::cli
