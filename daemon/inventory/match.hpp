#pragma once

#include "daemon/inventory/chunk.hpp"
#include "daemon/inventory/query.hpp"

namespace decom::inventory {

/// Those rows of `within` that the query wants. Every hit was verified against the machine's own text.
RowSet matching(const Node& query, const Chunk& chunk, const RowSet& within);

/// The first label of a host name: "web01" of "web01.example.com".
std::string_view first_label(std::string_view host);

}  // namespace decom::inventory
