#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "daemon/inventory/cursor.hpp"
#include "daemon/inventory/query.hpp"
#include "daemon/inventory/snapshot.hpp"
#include "daemon/inventory/sort_key.hpp"

namespace decom::inventory {

/// Hits are counted up to here where counting means reading texts.
inline constexpr std::size_t kCountBound = 10'000;

struct Page {
  std::vector<Machine> machines;
  std::size_t total = 0;
  bool total_is_at_least = false;
  std::optional<Position> next;  ///< of the last machine, when there are more behind it
};

/// One page of what `query` wants of all `sources`, one a vCenter. By name, chunks are read in their order and only as
/// far as the page and the count need; by anything else, every hit is looked at.
Page find_page(std::span<const std::shared_ptr<const Snapshot>> sources, const Node& query, const SortOrder& order,
               std::size_t limit, const std::optional<Position>& after);

}  // namespace decom::inventory
