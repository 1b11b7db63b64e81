#pragma once

#include <string_view>

#include "daemon/inventory/chunk.hpp"
#include "daemon/inventory/cursor.hpp"
#include "daemon/inventory/fields.hpp"

namespace decom::inventory {

struct SortOrder {
  FieldName field;
  bool descending = false;
};
/// "name", "-memory", "attr.ticket"; empty is by name. Throws `usage`.
SortOrder parse_sort(std::string_view text);

std::string id_of(const Chunk& chunk, std::size_t row);
/// Without the id, which is only needed where keys are equal.
Position sort_key(const Chunk& chunk, std::size_t row, const FieldName& field);
Position position_of(const Chunk& chunk, std::size_t row, const FieldName& field);

}  // namespace decom::inventory
