#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace decom::inventory {

/// Machines in a chunk. 512, so that a set of them is one cache line and a common trigram costs 64 bytes.
inline constexpr std::size_t kChunkRows = 512;

/// A set of rows of one chunk.
class RowSet {
 public:
  static RowSet first(std::size_t count) {
    RowSet set;
    for (std::size_t word = 0; word < kWords; ++word) {
      const std::size_t from = word * 64;
      if (count >= from + 64) {
        set.words_[word] = ~std::uint64_t{0};
      } else if (count > from) {
        set.words_[word] = (std::uint64_t{1} << (count - from)) - 1;
      }
    }
    return set;
  }

  void add(std::size_t row) { words_[row / 64] |= std::uint64_t{1} << (row % 64); }
  void remove(std::size_t row) { words_[row / 64] &= ~(std::uint64_t{1} << (row % 64)); }
  [[nodiscard]] bool has(std::size_t row) const { return ((words_[row / 64] >> (row % 64)) & 1U) != 0; }
  [[nodiscard]] bool empty() const {
    std::uint64_t all = 0;
    for (const std::uint64_t word : words_) all |= word;
    return all == 0;
  }
  [[nodiscard]] std::size_t count() const {
    std::size_t sum = 0;
    for (const std::uint64_t word : words_) sum += static_cast<std::size_t>(std::popcount(word));
    return sum;
  }

  RowSet& operator&=(const RowSet& other) {
    for (std::size_t i = 0; i < kWords; ++i) words_[i] &= other.words_[i];
    return *this;
  }
  RowSet& operator|=(const RowSet& other) {
    for (std::size_t i = 0; i < kWords; ++i) words_[i] |= other.words_[i];
    return *this;
  }
  RowSet& operator-=(const RowSet& other) {
    for (std::size_t i = 0; i < kWords; ++i) words_[i] &= ~other.words_[i];
    return *this;
  }
  bool operator==(const RowSet&) const = default;

  /// Calls `visit(row)` for each, in order.
  template <typename Visit>
  void each(Visit visit) const {
    for (std::size_t i = 0; i < kWords; ++i)
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1)
        visit(i * 64 + static_cast<std::size_t>(std::countr_zero(word)));
  }
  /// Those for which `keep(row)` holds.
  template <typename Keep>
  [[nodiscard]] RowSet where(Keep keep) const {
    RowSet kept;
    each([&](std::size_t row) {
      if (keep(row)) kept.add(row);
    });
    return kept;
  }

 private:
  static constexpr std::size_t kWords = kChunkRows / 64;
  std::array<std::uint64_t, kWords> words_{};
};

}  // namespace decom::inventory
