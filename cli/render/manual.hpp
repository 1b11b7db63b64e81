#pragma once

#include <string>
#include <string_view>

#include "cli/render/verb_spec.hpp"

namespace decom::cli {

/// A page of the manual from its template: @VERBS@, @OPTIONS@, @EXIT_CODES@ and @ERRORS@ become mdoc(7), made from the
/// verbs and from the tables that the program itself goes by.
std::string manual_page(std::string_view page, const VerbSpec& program);

}  // namespace decom::cli
