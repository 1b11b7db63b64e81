#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/inventory/address.hpp"
#include "daemon/inventory/pattern.hpp"
#include "daemon/inventory/row_set.hpp"
#include "daemon/inventory/trigram_index.hpp"

namespace decom::inventory {

/// Texts that many machines share. A chunk keeps each once and rows refer to it by number.
enum class Column {
  vcenter,
  vcenter_uuid,
  datacenter,
  cluster,
  folder,
  pool,
  esx,
  guest_id,
  guest_full_name,
  tools_guest_id,
  tools,
  managed,
  owner
};
inline constexpr std::size_t kColumns = 13;

/// Where a machine stands in the order of a mirror: by folded name, then by reference.
struct RowKey {
  std::string name;
  std::string moref;
  auto operator<=>(const RowKey&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees a null there
};
RowKey key_of(const Machine& machine);

/// Up to 512 machines in the order of their keys, packed: immutable, shared by snapshots, replaced as a whole when one
/// of its machines changes.
///
/// What is searched lies in columns and in one folded text with a trigram index; the rest of a machine's facts is a
/// few bytes a row that only a hit unpacks. Upper-case letters of the text are one bit each, so that the folded text
/// is the only copy.
class Chunk {
 public:
  /// What a new chunk is made of: a machine, or a row of another chunk, which is copied without being unpacked. Both
  /// only have to live until the chunk is made.
  struct Source {
    const Machine* machine = nullptr;
    const Chunk* chunk = nullptr;
    std::size_t row = 0;

    [[nodiscard]] RowKey key() const { return machine != nullptr ? key_of(*machine) : chunk->key(row); }
  };
  /// At most kChunkRows of them, in order of their keys. Without an index it can only be unpacked and copied from: for
  /// the pieces of a load that is not complete. The index is shared with the chunk that the rows come from where all
  /// texts are the same: most changes are of power and the like.
  explicit Chunk(std::span<const Source> sources, bool with_index = true);
  explicit Chunk(std::span<const Machine> machines, bool with_index = true);

  [[nodiscard]] std::size_t rows() const { return power_.size(); }
  [[nodiscard]] Machine unpack(std::size_t row) const;
  [[nodiscard]] RowKey key(std::size_t row) const { return {std::string(name(row)), moref(row)}; }

  /// Folded: name NUL host NUL (address NUL)* NUL annotation NUL.
  [[nodiscard]] std::string_view text(std::size_t row) const {
    return std::string_view(text_).substr(text_at_[row], text_at_[row + 1] - text_at_[row]);
  }
  [[nodiscard]] std::string_view name(std::size_t row) const;
  [[nodiscard]] std::string_view host(std::size_t row) const;
  [[nodiscard]] std::string_view annotation(std::size_t row) const;
  [[nodiscard]] std::vector<std::string_view> addresses(std::size_t row) const;
  [[nodiscard]] const TrigramIndex& index() const { return *index_; }

  [[nodiscard]] std::size_t words() const { return word_at_.size() - 1; }
  [[nodiscard]] std::string_view word(std::size_t number) const {
    return std::string_view(words_).substr(word_at_[number], word_at_[number + 1] - word_at_[number]);
  }
  /// False when no word of this chunk can fit: it lacks a part of the pattern that has no wildcard.
  [[nodiscard]] bool may_have_word(const Pattern& pattern) const;
  [[nodiscard]] std::span<const std::uint16_t> column(Column column) const {
    return std::span(columns_).subspan(static_cast<std::size_t>(column) * rows(), rows());
  }
  [[nodiscard]] std::string_view cell(Column which, std::size_t row) const { return word(column(which)[row]); }

  /// Calls `visit(key, value)` with the numbers of two words for each custom attribute.
  template <typename Visit>
  void each_attribute(std::size_t row, Visit visit) const;
  /// Calls `visit(word)` for each; the same for snapshots.
  template <typename Visit>
  void each_tag(std::size_t row, Visit visit) const;
  template <typename Visit>
  void each_snapshot(std::size_t row, Visit visit) const;
  [[nodiscard]] std::string moref(std::size_t row) const;

  [[nodiscard]] std::span<const std::uint8_t> power() const { return power_; }
  [[nodiscard]] std::span<const std::uint8_t> family() const { return family_; }
  [[nodiscard]] bool is_template(std::size_t row) const { return (flags_[row] & kTemplate) != 0; }
  [[nodiscard]] std::span<const std::int32_t> cpus() const { return cpus_; }
  [[nodiscard]] std::span<const std::int64_t> memory_mb() const { return memory_mb_; }
  [[nodiscard]] std::span<const std::int64_t> created() const { return created_; }  ///< kNoValue where it is not known
  [[nodiscard]] std::span<const std::int64_t> booted() const { return booted_; }
  [[nodiscard]] std::span<const std::uint16_t> snapshot_counts() const { return snapshot_counts_; }
  [[nodiscard]] std::span<const std::uint32_t> moref_hashes() const { return moref_hashes_; }
  static std::uint32_t hash_of_moref(std::string_view moref);

  [[nodiscard]] bool has_instance_uuid(std::size_t row) const { return (flags_[row] & kInstanceUuid) != 0; }
  [[nodiscard]] bool has_bios_uuid(std::size_t row) const { return (flags_[row] & kBiosUuid) != 0; }
  [[nodiscard]] const Uuid& instance_uuid(std::size_t row) const { return uuids_[row]; }
  [[nodiscard]] const Uuid& bios_uuid(std::size_t row) const { return uuids_[rows() + row]; }
  /// All rows' instance UUIDs, then all rows' BIOS UUIDs.
  [[nodiscard]] std::span<const Uuid> uuids() const { return uuids_; }

  /// Rows of which an address is in that network.
  [[nodiscard]] RowSet in_network(const Network& network) const;

  /// Memory that it takes, and how much of it is the search's.
  struct Size {
    std::size_t facts = 0;
    std::size_t search = 0;
  };
  [[nodiscard]] Size size() const;

 private:
  friend class ChunkPacker;

  /// Goes through one row's facts, from the beginning; chunk_packer.cpp says what is where.
  class Reader {
   public:
    explicit Reader(std::string_view facts) : facts_(facts) {}

    std::uint64_t number() {
      std::uint64_t value = 0;
      for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(facts_[at_++]);
        value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
        if (byte < 0x80) return value;
      }
    }
    std::string_view bytes(std::size_t count) {
      const std::string_view taken = facts_.substr(at_, count);
      at_ += count;
      return taken;
    }
    std::string_view text() {
      const std::size_t size = number();
      return bytes(size);
    }
    void skip_numbers(std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) number();
    }

   private:
    std::string_view facts_;
    std::size_t at_ = 0;
  };

  static constexpr std::uint8_t kTemplate = 1;
  static constexpr std::uint8_t kInstanceUuid = 2;  ///< it is in `uuids_`
  static constexpr std::uint8_t kBiosUuid = 4;
  static constexpr std::uint8_t kOddUuid = 8;  ///< one of them does not read as we write it, and is kept as text too
  static constexpr std::uint8_t kUpperCase = 16;

  [[nodiscard]] Reader facts(std::size_t row) const;

  std::string text_;
  std::vector<std::uint32_t> text_at_;
  std::shared_ptr<const TrigramIndex> index_;
  std::string words_;
  std::string folded_words_;
  std::vector<std::uint32_t> word_at_;
  std::vector<std::uint16_t> columns_;  ///< column by column
  std::vector<std::uint8_t> power_;
  std::vector<std::uint8_t> family_;
  std::vector<std::uint8_t> flags_;
  std::vector<std::int32_t> cpus_;
  std::vector<std::int64_t> memory_mb_;
  std::vector<std::int64_t> created_;
  std::vector<std::int64_t> booted_;
  std::vector<std::uint16_t> snapshot_counts_;
  std::vector<std::uint32_t> moref_hashes_;
  std::vector<Uuid> uuids_;
  std::vector<std::uint32_t> v4_;  ///< as numbers
  std::vector<std::uint16_t> v4_rows_;
  std::vector<std::array<std::uint8_t, 16>> v6_;
  std::vector<std::uint16_t> v6_rows_;
  std::string facts_;  ///< the rest, row by row; see chunk_packer.cpp
  std::vector<std::uint32_t> facts_at_;
};

template <typename Visit>
void Chunk::each_attribute(std::size_t row, Visit visit) const {
  Reader reader = facts(row);
  for (std::uint64_t left = reader.number(); left > 0; --left) {
    const std::uint64_t key = reader.number();
    visit(key, reader.number());
  }
}

template <typename Visit>
void Chunk::each_tag(std::size_t row, Visit visit) const {
  Reader reader = facts(row);
  reader.skip_numbers(reader.number() * 2);
  for (std::uint64_t left = reader.number(); left > 0; --left) visit(reader.number());
}

template <typename Visit>
void Chunk::each_snapshot(std::size_t row, Visit visit) const {
  Reader reader = facts(row);
  reader.skip_numbers(reader.number() * 2);
  reader.skip_numbers(reader.number());
  for (std::uint64_t left = reader.number(); left > 0; --left) visit(reader.number());
}

using Chunks = std::vector<std::shared_ptr<const Chunk>>;

}  // namespace decom::inventory
