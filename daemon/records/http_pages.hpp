#pragma once

#include <string>

#include "daemon/records/http_recipe.hpp"

namespace decom::http {

/// {{page}} and {{page_size}}. `page` is a number, or a cursor; empty before there is one.
Values page_values(const Pages& pages, const std::string& page);

/// `request`, to be rendered with `page_values`, where the variables stand for themselves: alone in a string of a JSON
/// body what counts is a number, and a cursor that is not there yet is null; alone in a query or a form such a cursor
/// is left out with its name.
Request at_page(const Request& request, const Pages& pages, const std::string& page);

}  // namespace decom::http
