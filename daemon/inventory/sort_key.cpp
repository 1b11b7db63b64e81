#include "daemon/inventory/sort_key.hpp"

#include <bit>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/inventory/values.hpp"

namespace decom::inventory {
namespace {

Position by_text(std::string_view text) { return {text.empty(), folded(text), {}}; }

Position by_number(std::int64_t number) {
  if (number == kNoValue) return {true, {}, {}};
  const std::uint64_t ordered = static_cast<std::uint64_t>(number) ^ (std::uint64_t{1} << 63U);
  std::string key;
  for (unsigned shift = 64; shift > 0; shift -= 8) key += static_cast<char>((ordered >> (shift - 8)) & 0xFFU);
  return {false, std::move(key), {}};
}

Position by_address(const Chunk& chunk, std::size_t row) {
  for (const std::string_view text : chunk.addresses(row)) {
    const auto address = parse_address(text);
    if (!address) continue;
    std::string key(1, address->v6 ? '6' : '4');
    key.append(address->bytes.begin(), address->bytes.end());
    return {false, std::move(key), {}};
  }
  return {true, {}, {}};
}

Position by_attribute(const Chunk& chunk, std::size_t row, std::string_view key) {
  std::string_view found;
  chunk.each_attribute(row, [&](std::size_t name, std::size_t value) {
    if (equals_folded(chunk.word(name), key)) found = chunk.word(value);
  });
  return by_text(found);
}

}  // namespace

SortOrder parse_sort(std::string_view text) {
  SortOrder order;
  if (text.empty()) return order;
  std::string_view name = text;
  order.descending = name.starts_with('-');
  if (order.descending) name.remove_prefix(1);
  const auto field = field_named(name);
  if (!field) {
    const std::string near = nearest_fields(name);
    throw Error{ErrorCode::usage, "cannot sort by '{}': there is no such field{}", name,
                near.empty() ? "" : "; nearest: " + near};
  }
  order.field = *field;
  return order;
}

std::string id_of(const Chunk& chunk, std::size_t row) {
  return std::string(chunk.cell(Column::vcenter, row)) + ":" + chunk.moref(row);
}

Position sort_key(const Chunk& chunk, std::size_t row, const FieldName& field) {
  switch (field.field) {
    case Field::name:
      return {false, std::string(chunk.name(row)), {}};  // never missing: this is the order of the chunks
    case Field::host: return by_text(chunk.host(row));
    case Field::ip: return by_address(chunk, row);
    case Field::os: return by_text(to_string(static_cast<OsFamily>(chunk.family()[row])));
    case Field::power: return by_text(to_string(static_cast<PowerState>(chunk.power()[row])));
    case Field::vcenter: return by_text(chunk.cell(Column::vcenter, row));
    case Field::datacenter: return by_text(chunk.cell(Column::datacenter, row));
    case Field::cluster: return by_text(chunk.cell(Column::cluster, row));
    case Field::folder: return by_text(chunk.cell(Column::folder, row));
    case Field::pool: return by_text(chunk.cell(Column::pool, row));
    case Field::esx: return by_text(chunk.cell(Column::esx, row));
    case Field::tag: {
      std::optional<std::string_view> first;
      chunk.each_tag(row, [&](std::size_t word) { first = first.value_or(chunk.word(word)); });
      return by_text(first.value_or(std::string_view{}));
    }
    case Field::owner: return by_text(chunk.cell(Column::owner, row));
    case Field::attr: return by_attribute(chunk, row, field.key);
    case Field::snapshot: return by_number(chunk.snapshot_counts()[row]);
    case Field::uuid: return by_text(chunk.has_instance_uuid(row) ? to_text(chunk.instance_uuid(row)) : std::string{});
    case Field::moref: return by_text(chunk.moref(row));
    case Field::id: return by_text(id_of(chunk, row));
    case Field::created: return by_number(chunk.created()[row]);
    case Field::booted: return by_number(chunk.booted()[row]);
    case Field::cpu: return by_number(chunk.cpus()[row]);
    case Field::memory: return by_number(chunk.memory_mb()[row]);
    case Field::template_: return by_number(chunk.is_template(row) ? 1 : 0);
    case Field::tools: return by_text(chunk.cell(Column::tools, row));
    case Field::managed: return by_text(chunk.cell(Column::managed, row));
    case Field::annotation: return by_text(chunk.annotation(row));
    case Field::guest: return by_text(chunk.cell(Column::guest_full_name, row));
  }
  return {};
}

Position position_of(const Chunk& chunk, std::size_t row, const FieldName& field) {
  Position position = sort_key(chunk, row, field);
  position.id = id_of(chunk, row);
  return position;
}

}  // namespace decom::inventory
