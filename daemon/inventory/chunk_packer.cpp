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
  ChunkPacker(Chunk& chunk, std::span<const Chunk::Source> sources) : chunk_(chunk), sources_(sources) {}

  void run(bool with_index) {
    if (sources_.empty() || sources_.size() > kChunkRows)
      throw Error{ErrorCode::internal, "cannot pack {} machines into a chunk", sources_.size()};
    reserve();
    // The columns' words come first: their numbers have to fit 16 bits.
    pack_columns();
    for (std::size_t row = 0; row < sources_.size(); ++row) {
      chunk_.text_at_.push_back(static_cast<std::uint32_t>(chunk_.text_.size()));
      chunk_.facts_at_.push_back(static_cast<std::uint32_t>(chunk_.facts_.size()));
      if (sources_[row].machine != nullptr) {
        pack(*sources_[row].machine, row);
      } else {
        copy(*sources_[row].chunk, sources_[row].row, row);
      }
    }
    chunk_.text_at_.push_back(static_cast<std::uint32_t>(chunk_.text_.size()));
    chunk_.facts_at_.push_back(static_cast<std::uint32_t>(chunk_.facts_.size()));
    chunk_.word_at_.push_back(static_cast<std::uint32_t>(chunk_.words_.size()));
    if (with_index) {
      chunk_.index_ = index_of_same_text();
      if (!chunk_.index_) chunk_.index_ = std::make_shared<const TrigramIndex>(chunk_.text_, chunk_.text_at_);
      chunk_.folded_words_ = folded(chunk_.words_);
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
    const std::size_t count = sources_.size();
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

  std::shared_ptr<const TrigramIndex> index_of_same_text() const {
    const auto copied =
        std::ranges::find_if(sources_, [](const Chunk::Source& source) { return source.chunk != nullptr; });
    if (copied == sources_.end()) return nullptr;
    const Chunk& from = *copied->chunk;
    return from.text_at_ == chunk_.text_at_ && from.text_ == chunk_.text_ ? from.index_ : nullptr;
  }

  /// `text` lives as long as the packer: it belongs to one of the sources.
  std::uint32_t word(std::string_view text) {
    const auto [place, added] = numbers_.try_emplace(text, static_cast<std::uint32_t>(chunk_.word_at_.size()));
    if (added) {
      chunk_.word_at_.push_back(static_cast<std::uint32_t>(chunk_.words_.size()));
      chunk_.words_ += text;
    }
    return place->second;
  }

  /// The number here of a word there.
  std::uint32_t translated(const Chunk& from, std::uint64_t number) {
    if (last_from_ != &from) {
      last_from_ = &from;
      last_numbers_ = &translations_.try_emplace(&from, from.words(), kUntranslated).first->second;
    }
    std::uint32_t& here = (*last_numbers_)[number];
    if (here == kUntranslated) here = word(from.word(number));
    return here;
  }

  static std::string_view cell_of(const Machine& machine, Column which) {
    switch (which) {
      case Column::vcenter: return machine.vcenter;
      case Column::vcenter_uuid: return machine.identity.vcenter_uuid;
      case Column::datacenter: return machine.datacenter;
      case Column::cluster: return machine.cluster;
      case Column::folder: return machine.folder;
      case Column::pool: return machine.resource_pool;
      case Column::esx: return machine.host;
      case Column::guest_id: return machine.guest_id;
      case Column::guest_full_name: return machine.guest_full_name;
      case Column::tools_guest_id: return machine.tools_guest_id;
      case Column::tools: return machine.tools;
      case Column::managed: return machine.managed_by;
      case Column::owner: break;  // it is one of the attributes
    }
    return owner_of(machine);
  }

  /// As Machine::owner, without a copy.
  static std::string_view owner_of(const Machine& machine) {
    const auto found =
        std::ranges::find_if(machine.attributes, [](const auto& a) { return equals_folded(a.first, "owner"); });
    return found == machine.attributes.end() ? std::string_view{} : found->second;
  }

  void pack_columns() {
    static_assert(kColumns * kChunkRows <= 65536);
    std::uint16_t* number = chunk_.columns_.data();
    for (std::size_t i = 0; i < kColumns; ++i) {
      const auto which = static_cast<Column>(i);
      for (const Chunk::Source& source : sources_)
        *number++ = static_cast<std::uint16_t>(
            source.machine != nullptr ? word(cell_of(*source.machine, which))
                                      : translated(*source.chunk, source.chunk->column(which)[source.row]));
    }
  }

  void pack(const Machine& machine, std::size_t row) {
    chunk_.power_.push_back(static_cast<std::uint8_t>(machine.power));
    chunk_.family_.push_back(static_cast<std::uint8_t>(machine.family));
    chunk_.cpus_.push_back(machine.cpus);
    chunk_.memory_mb_.push_back(machine.memory_mb);
    chunk_.created_.push_back(machine.created ? to_millis(*machine.created) : kNoValue);
    chunk_.booted_.push_back(machine.booted ? to_millis(*machine.booted) : kNoValue);
    chunk_.snapshot_counts_.push_back(
        static_cast<std::uint16_t>(std::min<std::size_t>(machine.snapshots.size(), 65535)));
    chunk_.moref_hashes_.push_back(Chunk::hash_of_moref(machine.identity.moref));
    for (const std::string& address : machine.ip_addresses) pack_address(address, row);

    const std::string original = text_of(machine);
    std::uint8_t flags = machine.is_template ? Chunk::kTemplate : std::uint8_t{0};
    flags |= pack_uuid(machine.identity.instance_uuid, row, Chunk::kInstanceUuid);
    flags |= pack_uuid(machine.bios_uuid, sources_.size() + row, Chunk::kBiosUuid);
    const std::string lower = folded(original);
    if (lower != original) flags |= Chunk::kUpperCase;
    chunk_.flags_.push_back(flags);
    chunk_.text_ += lower;
    pack_facts(machine, flags, original);
  }

  void copy(const Chunk& from, std::size_t there, std::size_t row) {
    chunk_.power_.push_back(from.power_[there]);
    chunk_.family_.push_back(from.family_[there]);
    chunk_.flags_.push_back(from.flags_[there]);
    chunk_.cpus_.push_back(from.cpus_[there]);
    chunk_.memory_mb_.push_back(from.memory_mb_[there]);
    chunk_.created_.push_back(from.created_[there]);
    chunk_.booted_.push_back(from.booted_[there]);
    chunk_.snapshot_counts_.push_back(from.snapshot_counts_[there]);
    chunk_.moref_hashes_.push_back(from.moref_hashes_[there]);
    chunk_.uuids_[row] = from.instance_uuid(there);
    chunk_.uuids_[sources_.size() + row] = from.bios_uuid(there);
    for (const std::string_view address : from.addresses(there)) pack_address(address, row);
    chunk_.text_ += from.text(there);
    copy_facts(from, there);
  }

  void copy_facts(const Chunk& from, std::size_t there) {
    std::string& out = chunk_.facts_;
    Chunk::Reader in = from.facts(there);
    const auto copy_number = [&] {
      const std::uint64_t number = in.number();
      put_number(out, number);
      return number;
    };
    const auto copy_words = [&](std::uint64_t count) {
      for (; count > 0; --count) put_number(out, translated(from, in.number()));
    };
    copy_words(copy_number() * 2);  // attributes
    copy_words(copy_number());      // tags
    copy_words(copy_number());      // snapshots
    put_text(out, in.text());
    const std::uint8_t flags = from.flags_[there];
    if ((flags & Chunk::kUpperCase) != 0) out += in.bytes((from.text(there).size() + 7) / 8);
    if ((flags & Chunk::kOddUuid) != 0) {
      put_text(out, in.text());
      put_text(out, in.text());
    }
    for (std::uint64_t disks = copy_number(); disks > 0; --disks) {
      copy_words(1);
      copy_number();
      copy_words(1);
      put_text(out, in.text());
      for (std::uint64_t parents = copy_number(); parents > 0; --parents) put_text(out, in.text());
      out += in.bytes(1);
    }
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

  void pack_address(std::string_view text, std::size_t row) {
    const auto address = parse_address(text);
    if (!address) return;
    if (address->v6) {
      chunk_.v6_.push_back(address->bytes);
      chunk_.v6_rows_.push_back(static_cast<std::uint16_t>(row));
    } else {
      chunk_.v4_.push_back(v4_number(*address));
      chunk_.v4_rows_.push_back(static_cast<std::uint16_t>(row));
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

  static constexpr std::uint32_t kUntranslated = ~std::uint32_t{0};

  Chunk& chunk_;
  std::span<const Chunk::Source> sources_;
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
  std::unordered_map<const Chunk*, std::vector<std::uint32_t>> translations_;
  const Chunk* last_from_ = nullptr;
  std::vector<std::uint32_t>* last_numbers_ = nullptr;
};

Chunk::Chunk(std::span<const Source> sources, bool with_index) { ChunkPacker(*this, sources).run(with_index); }

Chunk::Chunk(std::span<const Machine> machines, bool with_index) {
  std::vector<Source> sources;
  sources.reserve(machines.size());
  for (const Machine& machine : machines) sources.push_back({.machine = &machine});
  ChunkPacker(*this, sources).run(with_index);
}

}  // namespace decom::inventory
