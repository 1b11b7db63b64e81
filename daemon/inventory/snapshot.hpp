#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/inventory/chunk.hpp"

namespace decom::inventory {

/// One vCenter's machines at one moment. Immutable; a changed one shares all chunks that did not change.
class Snapshot {
 public:
  Snapshot() = default;
  /// Chunks and their rows are in order of their keys.
  explicit Snapshot(Chunks chunks);

  [[nodiscard]] const Chunks& chunks() const { return chunks_; }
  [[nodiscard]] std::size_t machines() const { return machines_; }

  [[nodiscard]] std::optional<Machine> find(std::string_view moref) const;
  [[nodiscard]] std::vector<Machine> named(std::string_view folded_name) const;
  /// The chunk that has, or would have, the machine of this key; chunks().size() when it is behind all.
  [[nodiscard]] std::size_t place_of(const RowKey& key) const;

  /// With these machines new or replaced, and without those. One that is in both stays: rather a ghost, which submit
  /// will notice, than a live machine that nobody sees.
  [[nodiscard]] Snapshot changed(std::vector<Machine> entered, const std::vector<std::string>& left) const;

 private:
  Chunks chunks_;
  std::size_t machines_ = 0;
};

/// Gathers a full load in pieces, packed: 100,000 machines as structures would be hundreds of megabytes.
class Load {
 public:
  void add(std::vector<Machine> machines);
  void remove(const std::vector<std::string>& morefs);
  /// What was gathered; of several with one reference the last. The load is empty afterwards.
  Snapshot finish();

 private:
  void pack();

  struct Entry {
    RowKey key;
    std::uint32_t order;  ///< of arrival
    std::uint32_t chunk;  ///< kGone: it left
    std::uint32_t row;
  };
  static constexpr std::uint32_t kGone = ~std::uint32_t{0};

  std::vector<Machine> waiting_;
  Chunks packed_;
  std::vector<Entry> entries_;
};

}  // namespace decom::inventory
