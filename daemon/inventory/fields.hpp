#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace decom::inventory {

/// What a query can ask of a machine, and what answers can be sorted by.
enum class Field {
  name,
  host,
  ip,
  os,
  power,
  vcenter,
  datacenter,
  cluster,
  folder,
  pool,
  esx,
  tag,
  owner,
  attr,
  snapshot,
  uuid,
  moref,
  id,
  created,
  booted,
  cpu,
  memory,
  template_,
  tools,
  managed,
  annotation,
  guest
};

/// How its values read.
enum class FieldKind { text, address, family, power, count, size, time, yes_no, uuid };

struct FieldInfo {
  Field field;
  std::string_view name;
  std::string_view aliases;  ///< separated by spaces
  FieldKind kind;
  std::string_view help;  ///< one line
};

std::span<const FieldInfo> all_fields();
const FieldInfo& info(Field field);

/// A field as it was named; `key` is the KEY of attr.KEY, folded.
struct FieldName {
  Field field = Field::name;
  std::string key;
};
/// By its name or an alias, case-insensitive.
std::optional<FieldName> field_named(std::string_view name);
/// Names that somebody may have meant: "name, memory".
std::string nearest_fields(std::string_view name);

}  // namespace decom::inventory
