#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/inventory/row_set.hpp"

namespace decom::inventory {

/// Which rows of a chunk contain which three bytes.
///
/// Texts are cut into fields by NUL. A field's last bytes are indexed as if two NULs followed, so that a needle of one
/// or two bytes is a range of keys and needs no scan.
class TrigramIndex {
 public:
  TrigramIndex() = default;
  /// Row n is texts[bounds[n], bounds[n + 1]).
  TrigramIndex(std::string_view texts, const std::vector<std::uint32_t>& bounds);

  /// Rows of which one field may contain `needle`: exact up to three bytes, a superset beyond.
  [[nodiscard]] RowSet candidates(std::string_view needle) const;
  /// Adds one to `hits[row]` for each trigram of `text` that the row has.
  void count_shared(std::string_view text, std::vector<std::uint16_t>& hits) const;

  [[nodiscard]] std::size_t bytes() const;

 private:
  /// The rows of the key at this place, added to `rows`.
  void add_rows(std::size_t place, RowSet& rows) const;
  [[nodiscard]] RowSet rows_of(std::uint32_t key) const;

  std::vector<std::uint32_t> keys_;  ///< sorted
  std::vector<std::uint32_t> at_;    ///< where a key's postings begin, and the end
  std::vector<std::uint16_t>
      postings_;  ///< row numbers; or, where there would be 32 or more, the whole set in 64 bytes
};

}  // namespace decom::inventory
