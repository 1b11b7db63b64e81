#include "daemon/inventory/search.hpp"

#include <algorithm>

#include "daemon/inventory/match.hpp"
#include "daemon/inventory/term.hpp"

namespace decom::inventory {
namespace {

struct Hit {
  const Chunk* chunk;
  std::size_t row;
  Position position;
};

RowSet hits_in(const Chunk& chunk, const Node& query) { return matching(query, chunk, RowSet::first(chunk.rows())); }

/// The first hits of one vCenter in the order of names, behind `after`.
class NameScan {
 public:
  NameScan(const Snapshot& snapshot, const Node& query, const SortOrder& order, const std::optional<Position>& after)
      : chunks_(snapshot.chunks()), query_(query), order_(order), after_(after), counts_(chunks_.size(), kUncounted) {}

  void collect(std::size_t most, std::vector<Hit>& hits) {
    const std::size_t wanted = hits.size() + most;
    for (std::size_t i = first_chunk(); i < chunks_.size() && hits.size() < wanted; ++i) {
      const std::size_t place = order_.descending ? chunks_.size() - 1 - i : i;
      const Chunk& chunk = *chunks_[place];
      const RowSet rows = hits_in(chunk, query_);
      counts_[place] = rows.count();
      std::vector<std::size_t> in_order;
      rows.each([&](std::size_t row) { in_order.push_back(row); });
      if (order_.descending) std::ranges::reverse(in_order);
      for (const std::size_t row : in_order) {
        if (hits.size() == wanted) break;
        Hit hit{&chunk, row, position_of(chunk, row, order_.field)};
        if (after_ && std::is_lteq(compare(hit.position, *after_, order_.descending))) continue;
        hits.push_back(std::move(hit));
      }
    }
  }

  /// Adds to `total`; false when it stopped at `bound`.
  bool count(std::size_t bound, std::size_t& total) {
    for (const std::size_t count : counts_)
      if (count != kUncounted) total += count;
    for (std::size_t place = 0; place < chunks_.size(); ++place) {
      if (counts_[place] != kUncounted) continue;
      if (total >= bound) return false;
      total += hits_in(*chunks_[place], query_).count();
    }
    return true;
  }

 private:
  static constexpr std::size_t kUncounted = ~std::size_t{0};

  /// How many chunks lie wholly before `after`, from the end that the order begins at.
  std::size_t first_chunk() const {
    if (!after_) return 0;
    const auto before = [&](const auto& chunk, bool descending) {
      const std::size_t farthest = descending ? 0 : chunk->rows() - 1;
      return std::is_lteq(compare(position_of(*chunk, farthest, order_.field), *after_, descending));
    };
    if (!order_.descending) {
      const auto place = std::ranges::partition_point(chunks_, [&](const auto& chunk) { return before(chunk, false); });
      return static_cast<std::size_t>(place - chunks_.begin());
    }
    const auto place = std::ranges::partition_point(chunks_, [&](const auto& chunk) { return !before(chunk, true); });
    return static_cast<std::size_t>(chunks_.end() - place);
  }

  const Chunks& chunks_;
  const Node& query_;
  const SortOrder& order_;
  const std::optional<Position>& after_;
  std::vector<std::size_t> counts_;
};

Page cut(std::vector<Hit>& hits, std::size_t limit) {
  Page page;
  const bool more = hits.size() > limit;
  if (more) hits.resize(limit);
  page.machines.reserve(hits.size());
  for (const Hit& hit : hits) page.machines.push_back(hit.chunk->unpack(hit.row));
  if (more) page.next = std::move(hits.back().position);
  return page;
}

Page by_name(std::span<const std::shared_ptr<const Snapshot>> sources, const Node& query, const SortOrder& order,
             std::size_t limit, const std::optional<Position>& after) {
  std::vector<Hit> hits;
  std::vector<NameScan> scans;
  scans.reserve(sources.size());
  for (const auto& source : sources) scans.emplace_back(*source, query, order, after).collect(limit + 1, hits);
  if (sources.size() > 1)
    std::ranges::sort(hits, [&](const Hit& a, const Hit& b) {
      return std::is_lt(compare(a.position, b.position, order.descending));
    });
  Page page = cut(hits, limit);
  const std::size_t bound = is_cheap(query) ? ~std::size_t{0} : kCountBound;
  for (NameScan& scan : scans)
    if (!scan.count(bound, page.total)) page.total_is_at_least = true;
  return page;
}

/// Keeps the first `limit` + 1 hits in a heap whose top is the last of them.
Page by_value(std::span<const std::shared_ptr<const Snapshot>> sources, const Node& query, const SortOrder& order,
              std::size_t limit, const std::optional<Position>& after) {
  const auto earlier = [&](const Hit& a, const Hit& b) {
    return std::is_lt(compare(a.position, b.position, order.descending));
  };
  std::vector<Hit> best;
  std::size_t total = 0;
  for (const auto& source : sources) {
    for (const auto& chunk : source->chunks()) {
      const RowSet rows = hits_in(*chunk, query);
      total += rows.count();
      rows.each([&](std::size_t row) {
        Hit hit{chunk.get(), row, sort_key(*chunk, row, order.field)};
        const bool full = best.size() > limit;
        if (full) {
          // Most hits of a broad query end here, before an id was made.
          const Position& worst = best.front().position;
          if (hit.position.missing && !worst.missing) return;
          if (hit.position.missing == worst.missing && hit.position.key != worst.key &&
              (hit.position.key > worst.key) != order.descending)
            return;
        }
        hit.position.id = id_of(*chunk, row);
        if (after && std::is_lteq(compare(hit.position, *after, order.descending))) return;
        if (full) {
          if (!earlier(hit, best.front())) return;
          std::ranges::pop_heap(best, earlier);
          best.pop_back();
        }
        best.push_back(std::move(hit));
        std::ranges::push_heap(best, earlier);
      });
    }
  }
  std::ranges::sort_heap(best, earlier);
  Page page = cut(best, limit);
  page.total = total;
  return page;
}

}  // namespace

Page find_page(std::span<const std::shared_ptr<const Snapshot>> sources, const Node& query, const SortOrder& order,
               std::size_t limit, const std::optional<Position>& after) {
  return order.field.field == Field::name ? by_name(sources, query, order, limit, after)
                                          : by_value(sources, query, order, limit, after);
}

}  // namespace decom::inventory
