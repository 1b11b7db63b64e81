#include "daemon/inventory/chunk.hpp"

#include <algorithm>
#include <cstring>

#include "daemon/inventory/values.hpp"

namespace decom::inventory {
namespace {

template <typename T>
std::size_t bytes_of(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

/// The field at `from`, and moves behind its NUL.
std::string_view next_field(std::string_view text, std::size_t& from) {
  const std::size_t end = text.find('\0', from);
  const std::string_view field = text.substr(from, end - from);
  from = end + 1;
  return field;
}

}  // namespace

Chunk::Reader Chunk::facts(std::size_t row) const {
  return Reader(std::string_view(facts_).substr(facts_at_[row], facts_at_[row + 1] - facts_at_[row]));
}

std::string_view Chunk::name(std::size_t row) const {
  std::size_t at = 0;
  return next_field(text(row), at);
}

std::string_view Chunk::host(std::size_t row) const {
  std::size_t at = 0;
  next_field(text(row), at);
  return next_field(text(row), at);
}

std::vector<std::string_view> Chunk::addresses(std::size_t row) const {
  const std::string_view whole = text(row);
  std::size_t at = 0;
  next_field(whole, at);
  next_field(whole, at);
  std::vector<std::string_view> all;
  for (std::string_view address = next_field(whole, at); !address.empty(); address = next_field(whole, at))
    all.push_back(address);
  return all;
}

std::string_view Chunk::annotation(std::size_t row) const {
  const std::string_view whole = text(row);
  std::size_t at = 0;
  next_field(whole, at);
  next_field(whole, at);
  while (!next_field(whole, at).empty()) {
  }
  return whole.substr(at, whole.size() - at - 1);
}

bool Chunk::may_have_word(const Pattern& pattern) const {
  const auto literals = pattern.literals();
  return std::ranges::all_of(literals, [this](const std::string& literal) {
    return ::memmem(folded_words_.data(), folded_words_.size(), literal.data(), literal.size()) != nullptr;
  });
}

RowSet Chunk::in_network(const Network& network) const {
  RowSet rows;
  if (network.base.v6) {
    for (std::size_t i = 0; i < v6_.size(); ++i)
      if (network.contains(Address{v6_[i], true})) rows.add(v6_rows_[i]);
    return rows;
  }
  const std::uint32_t mask = network.bits == 0 ? 0 : ~std::uint32_t{0} << (32 - network.bits);
  const std::uint32_t base = v4_number(network.base) & mask;
  for (std::size_t i = 0; i < v4_.size(); ++i)
    if ((v4_[i] & mask) == base) rows.add(v4_rows_[i]);
  return rows;
}

std::string Chunk::moref(std::size_t row) const {
  Reader reader = facts(row);
  reader.skip_numbers(reader.number() * 2);
  reader.skip_numbers(reader.number());
  reader.skip_numbers(reader.number());
  return std::string(reader.text());
}

Machine Chunk::unpack(std::size_t row) const {
  Machine machine;
  const auto cell_text = [&](Column which) { return std::string(cell(which, row)); };
  const auto word_text = [&](std::uint64_t number) { return std::string(word(number)); };
  machine.vcenter = cell_text(Column::vcenter);
  machine.identity.vcenter_uuid = cell_text(Column::vcenter_uuid);
  machine.datacenter = cell_text(Column::datacenter);
  machine.cluster = cell_text(Column::cluster);
  machine.folder = cell_text(Column::folder);
  machine.resource_pool = cell_text(Column::pool);
  machine.host = cell_text(Column::esx);
  machine.guest_id = cell_text(Column::guest_id);
  machine.guest_full_name = cell_text(Column::guest_full_name);
  machine.tools_guest_id = cell_text(Column::tools_guest_id);
  machine.tools = cell_text(Column::tools);
  machine.managed_by = cell_text(Column::managed);
  machine.power = static_cast<PowerState>(power_[row]);
  machine.family = static_cast<OsFamily>(family_[row]);
  machine.is_template = is_template(row);
  machine.cpus = cpus_[row];
  machine.memory_mb = memory_mb_[row];
  if (created_[row] != kNoValue) machine.created = from_millis(created_[row]);
  if (booted_[row] != kNoValue) machine.booted = from_millis(booted_[row]);
  if (has_instance_uuid(row)) machine.identity.instance_uuid = to_text(instance_uuid(row));
  if (has_bios_uuid(row)) machine.bios_uuid = to_text(bios_uuid(row));

  Reader reader = facts(row);
  for (std::uint64_t left = reader.number(); left > 0; --left) {
    const std::uint64_t key = reader.number();
    machine.attributes.emplace(word_text(key), word_text(reader.number()));
  }
  for (std::uint64_t left = reader.number(); left > 0; --left) machine.tags.push_back(word_text(reader.number()));
  for (std::uint64_t left = reader.number(); left > 0; --left) machine.snapshots.push_back(word_text(reader.number()));
  machine.identity.moref = reader.text();

  std::string original(text(row));
  if ((flags_[row] & kUpperCase) != 0) {
    const std::string_view bits = reader.bytes((original.size() + 7) / 8);
    for (std::size_t i = 0; i < original.size(); ++i)
      if (((static_cast<unsigned char>(bits[i / 8]) >> (i % 8)) & 1U) != 0)
        original[i] = static_cast<char>(original[i] - 'a' + 'A');
  }
  std::size_t at = 0;
  machine.name = next_field(original, at);
  machine.guest_host_name = next_field(original, at);
  for (std::string_view address = next_field(original, at); !address.empty(); address = next_field(original, at))
    machine.ip_addresses.emplace_back(address);
  machine.annotation = original.substr(at, original.size() - at - 1);

  if ((flags_[row] & kOddUuid) != 0) {
    machine.identity.instance_uuid = reader.text();
    machine.bios_uuid = reader.text();
  }
  machine.disks.resize(reader.number());
  for (Disk& disk : machine.disks) {
    disk.label = word_text(reader.number());
    disk.capacity_bytes = static_cast<std::int64_t>(reader.number());
    disk.backing = word_text(reader.number());
    disk.backing += reader.text();
    disk.parents.resize(reader.number());
    for (std::string& parent : disk.parents) parent = reader.text();
    const auto flags = static_cast<unsigned char>(reader.bytes(1).front());
    disk.raw_mapping = (flags & 1U) != 0;
    disk.multi_writer = (flags & 2U) != 0;
    disk.shared_bus = (flags & 4U) != 0;
    disk.first_class = (flags & 8U) != 0;
  }
  return machine;
}

Chunk::Size Chunk::size() const {
  Size size;
  size.search = (index_ ? index_->bytes() : 0) + folded_words_.capacity() + bytes_of(moref_hashes_) +
                bytes_of(snapshot_counts_) + bytes_of(v4_) + bytes_of(v4_rows_) + bytes_of(v6_) + bytes_of(v6_rows_);
  size.facts = sizeof(Chunk) + text_.capacity() + bytes_of(text_at_) + words_.capacity() + bytes_of(word_at_) +
               bytes_of(columns_) + bytes_of(power_) + bytes_of(family_) + bytes_of(flags_) + bytes_of(cpus_) +
               bytes_of(memory_mb_) + bytes_of(created_) + bytes_of(booted_) + bytes_of(uuids_) + facts_.capacity() +
               bytes_of(facts_at_);
  return size;
}

}  // namespace decom::inventory
