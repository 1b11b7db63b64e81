// How a chunk is written. A row's facts are, one behind the other:
//   attributes: count, (key word, value word)…      tags: count, word…      snapshots: count, word…
//   moref: text      [a bit for each byte of its text: was upper case]      [both UUIDs as text]
//   disks: count, (label word, capacity, datastore word, path text, parents: count, text…, flags)…
// where numbers are LEB128, a text is its length and its bytes, and brackets depend on the row's flags.

#include <algorithm>
#include <unordered_map>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/inventory/chunk.hpp"
#include "daemon/inventory/values.hpp"

namespace decom::inventory {
namespace {

void put_number(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7U) out += static_cast<char>((number & 0x7FU) | 0x80U);
  out += static_cast<char>(number);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

/// NUL separates the fields of a text, and XML cannot carry one anyhow.
std::string without_nul(std::string_view text) {
  std::string clean(text);
  std::erase(clean, '\0');
  return clean;
}

}  // namespace

RowKey key_of(const Machine& machine) { return {folded(without_nul(machine.name)), machine.identity.moref}; }

std::uint32_t Chunk::hash_of_moref(std::string_view moref) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : moref) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

class ChunkPacker {
 public:
  ChunkPacker(Chunk& chunk, std::span<const Machine> machines) : chunk_(chunk), machines_(machines) {}

  void run(bool with_index, const Chunk* before = nullptr) {
    if (machines_.empty() || machines_.size() > kChunkRows)
      throw Error{ErrorCode::internal, "cannot pack {} machines into a chunk", machines_.size()};
    reserve();
    // The columns' words come first: their numbers have to fit 16 bits.
    pack_columns();
    for (std::size_t row = 0; row < machines_.size(); ++row) pack(row);
    chunk_.text_at_.push_back(static_cast<std::uint32_t>(chunk_.text_.size()));
    chunk_.facts_at_.push_back(static_cast<std::uint32_t>(chunk_.facts_.size()));
    chunk_.word_at_.push_back(static_cast<std::uint32_t>(chunk_.words_.size()));
    if (before != nullptr && before->index_ && before->text_at_ == chunk_.text_at_ && before->text_ == chunk_.text_) {
      chunk_.index_ = before->index_;
    } else if (with_index) {
      chunk_.index_ = std::make_shared<const TrigramIndex>(chunk_.text_, chunk_.text_at_);
    }
    chunk_.text_.shrink_to_fit();
    chunk_.facts_.shrink_to_fit();
    chunk_.words_.shrink_to_fit();
    chunk_.word_at_.shrink_to_fit();
    chunk_.v4_.shrink_to_fit();
    chunk_.v4_rows_.shrink_to_fit();
    chunk_.v6_.shrink_to_fit();
    chunk_.v6_rows_.shrink_to_fit();
  }

 private:
  void reserve() {
    const std::size_t count = machines_.size();
    chunk_.text_at_.reserve(count + 1);
    chunk_.facts_at_.reserve(count + 1);
    chunk_.columns_.resize(count * kColumns);
    chunk_.power_.reserve(count);
    chunk_.family_.reserve(count);
    chunk_.flags_.reserve(count);
    chunk_.cpus_.reserve(count);
    chunk_.memory_mb_.reserve(count);
    chunk_.created_.reserve(count);
    chunk_.booted_.reserve(count);
    chunk_.snapshot_counts_.reserve(count);
    chunk_.moref_hashes_.reserve(count);
    chunk_.uuids_.resize(count * 2);
  }

  /// `text` lives as long as the packer: it belongs to one of the machines.
  std::uint32_t word(std::string_view text) {
    const auto [place, added] = numbers_.try_emplace(text, static_cast<std::uint32_t>(chunk_.word_at_.size()));
    if (added) {
      chunk_.word_at_.push_back(static_cast<std::uint32_t>(chunk_.words_.size()));
      chunk_.words_ += text;
    }
    return place->second;
  }

  void pack_columns() {
    const auto column = [this](Column which, auto text_of) {
      std::uint16_t* number = &chunk_.columns_[static_cast<std::size_t>(which) * machines_.size()];
      std::string_view last;
      for (std::size_t row = 0; row < machines_.size(); ++row, ++number) {
        const std::string_view text = text_of(row);
        *number = row > 0 && text == last ? number[-1] : static_cast<std::uint16_t>(word(text));
        last = text;
      }
    };
    for (const Machine& machine : machines_) owners_.push_back(machine.owner());
    static_assert(kColumns * kChunkRows <= 65536);
    column(Column::vcenter, [this](std::size_t row) -> std::string_view { return machines_[row].vcenter; });
    column(Column::vcenter_uuid,
           [this](std::size_t row) -> std::string_view { return machines_[row].identity.vcenter_uuid; });
    column(Column::datacenter, [this](std::size_t row) -> std::string_view { return machines_[row].datacenter; });
    column(Column::cluster, [this](std::size_t row) -> std::string_view { return machines_[row].cluster; });
    column(Column::folder, [this](std::size_t row) -> std::string_view { return machines_[row].folder; });
    column(Column::pool, [this](std::size_t row) -> std::string_view { return machines_[row].resource_pool; });
    column(Column::esx, [this](std::size_t row) -> std::string_view { return machines_[row].host; });
    column(Column::guest_id, [this](std::size_t row) -> std::string_view { return machines_[row].guest_id; });
    column(Column::guest_full_name,
           [this](std::size_t row) -> std::string_view { return machines_[row].guest_full_name; });
    column(Column::tools_guest_id,
           [this](std::size_t row) -> std::string_view { return machines_[row].tools_guest_id; });
    column(Column::tools, [this](std::size_t row) -> std::string_view { return machines_[row].tools; });
    column(Column::managed, [this](std::size_t row) -> std::string_view { return machines_[row].managed_by; });
    column(Column::owner, [this](std::size_t row) -> std::string_view { return owners_[row]; });
  }

  void pack(std::size_t row) {
    const Machine& machine = machines_[row];
    chunk_.power_.push_back(static_cast<std::uint8_t>(machine.power));
    chunk_.family_.push_back(static_cast<std::uint8_t>(machine.family));
    chunk_.cpus_.push_back(machine.cpus);
    chunk_.memory_mb_.push_back(machine.memory_mb);
    chunk_.created_.push_back(machine.created ? to_millis(*machine.created) : kNoValue);
    chunk_.booted_.push_back(machine.booted ? to_millis(*machine.booted) : kNoValue);
    chunk_.snapshot_counts_.push_back(
        static_cast<std::uint16_t>(std::min<std::size_t>(machine.snapshots.size(), 65535)));
    chunk_.moref_hashes_.push_back(Chunk::hash_of_moref(machine.identity.moref));
    pack_addresses(row);

    const std::string original = text_of(machine);
    std::uint8_t flags = machine.is_template ? Chunk::kTemplate : std::uint8_t{0};
    flags |= pack_uuid(machine.identity.instance_uuid, row, Chunk::kInstanceUuid);
    flags |= pack_uuid(machine.bios_uuid, machines_.size() + row, Chunk::kBiosUuid);
    const std::string lower = folded(original);
    if (lower != original) flags |= Chunk::kUpperCase;
    chunk_.flags_.push_back(flags);
    chunk_.text_at_.push_back(static_cast<std::uint32_t>(chunk_.text_.size()));
    chunk_.text_ += lower;

    chunk_.facts_at_.push_back(static_cast<std::uint32_t>(chunk_.facts_.size()));
    pack_facts(machine, flags, original);
  }

  static std::string text_of(const Machine& machine) {
    std::string text = without_nul(machine.name);
    text += '\0';
    text += without_nul(machine.guest_host_name);
    text += '\0';
    for (const std::string& address : machine.ip_addresses) {
      const std::string clean = without_nul(address);
      if (clean.empty()) continue;  // an empty one ends the list
      text += clean;
      text += '\0';
    }
    text += '\0';
    text += machine.annotation;
    text += '\0';
    return text;
  }

  void pack_addresses(std::size_t row) {
    for (const std::string& text : machines_[row].ip_addresses) {
      const auto address = parse_address(text);
      if (!address) continue;
      if (address->v6) {
        chunk_.v6_.push_back(address->bytes);
        chunk_.v6_rows_.push_back(static_cast<std::uint16_t>(row));
      } else {
        chunk_.v4_.push_back(v4_number(*address));
        chunk_.v4_rows_.push_back(static_cast<std::uint16_t>(row));
      }
    }
  }

  std::uint8_t pack_uuid(const std::string& text, std::size_t place, std::uint8_t flag) {
    if (text.empty()) return 0;
    const auto uuid = parse_uuid(text);
    if (!uuid) return Chunk::kOddUuid;
    chunk_.uuids_[place] = *uuid;
    return to_text(*uuid) == text ? flag : static_cast<std::uint8_t>(flag | Chunk::kOddUuid);
  }

  void pack_facts(const Machine& machine, std::uint8_t flags, const std::string& original) {
    std::string& out = chunk_.facts_;
    put_number(out, machine.attributes.size());
    for (const auto& [key, value] : machine.attributes) {
      put_number(out, word(key));
      put_number(out, word(value));
    }
    put_number(out, machine.tags.size());
    for (const std::string& tag : machine.tags) put_number(out, word(tag));
    put_number(out, machine.snapshots.size());
    for (const std::string& snapshot : machine.snapshots) put_number(out, word(snapshot));
    put_text(out, machine.identity.moref);
    if ((flags & Chunk::kUpperCase) != 0) {
      const std::size_t from = out.size();
      out.resize(from + (original.size() + 7) / 8);
      for (std::size_t i = 0; i < original.size(); ++i)
        if (original[i] >= 'A' && original[i] <= 'Z')
          out[from + i / 8] = static_cast<char>(static_cast<unsigned char>(out[from + i / 8]) | (1U << (i % 8)));
    }
    if ((flags & Chunk::kOddUuid) != 0) {
      put_text(out, machine.identity.instance_uuid);
      put_text(out, machine.bios_uuid);
    }
    put_number(out, machine.disks.size());
    for (const Disk& disk : machine.disks) pack_disk(disk);
  }

  void pack_disk(const Disk& disk) {
    std::string& out = chunk_.facts_;
    put_number(out, word(disk.label));
    put_number(out, static_cast<std::uint64_t>(disk.capacity_bytes));
    const std::string_view backing = disk.backing;
    const auto bracket = backing.find("] ");  // "[datastore] folder/file.vmdk"
    const std::size_t path = bracket == std::string_view::npos ? 0 : bracket + 2;
    put_number(out, word(backing.substr(0, path)));
    put_text(out, backing.substr(path));
    put_number(out, disk.parents.size());
    for (const std::string& parent : disk.parents) put_text(out, parent);
    out += static_cast<char>((disk.raw_mapping ? 1U : 0U) | (disk.multi_writer ? 2U : 0U) |
                             (disk.shared_bus ? 4U : 0U) | (disk.first_class ? 8U : 0U));
  }

  Chunk& chunk_;
  std::span<const Machine> machines_;
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
  std::vector<std::string> owners_;
};

Chunk::Chunk(std::span<const Machine> machines, const Chunk& before) {
  ChunkPacker(*this, machines).run(true, &before);
}

Chunk::Chunk(std::span<const Machine> machines, bool with_index) { ChunkPacker(*this, machines).run(with_index); }

}  // namespace decom::inventory
