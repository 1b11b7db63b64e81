#pragma once

#include <string>

#include "daemon/api/query.hpp"
#include "daemon/store/store.hpp"

namespace decom {

/// The filter that a query asks for, with the cursor's place. Throws `usage`.
RequestFilter request_filter(const Query& query);

/// Opaque to clients: the last id of the page, bound to the filter, as a cursor under another filter would skip rows.
std::string cursor_behind(std::int64_t last_id, const Query& query);

}  // namespace decom
