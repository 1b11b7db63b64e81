#include <cctype>

#include "daemon/records/http_tables.hpp"

namespace decom::http {
namespace {

bool is_uuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-'
                                                : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  return true;
}

}  // namespace

Known id_variables(const Item& item) {
  if (item.id.size() <= 1) return {"id", "id_path"};
  Known names;
  for (std::size_t i = 1; i <= item.id.size(); ++i) names.insert(fmt::format("id_{}", i));
  return names;
}

Item read_item(DefinitionReader& table, const Parts& parts) {
  Item item;
  std::optional<Selector> items;
  table.require("items");
  parts.selector(table, "items", items);
  if (items) item.items = *items;
  table.require("id");
  parts.selectors(table, "id", item.id);
  parts.selectors(table, "name", item.names);
  parts.selectors(table, "address", item.addresses);
  parts.selectors(table, "uuid", item.uuids);
  parts.selectors(table, "mac", item.macs);
  parts.selectors(table, "moref", item.morefs);
  table.string("vcenter_uuid", item.vcenter_uuid, [](const std::string& text) -> std::optional<std::string> {
    if (is_uuid(text)) return std::nullopt;
    return "is '" + text + "'; expected a vCenter's instance UUID, as in 8d3c5e0a-0000-0000-0000-000000000000";
  });
  if (item.morefs.empty() != item.vcenter_uuid.empty())
    table.mistake("moref", "'moref' and 'vcenter_uuid' go together: each vCenter counts its own objects");
  if (item.names.empty() && item.addresses.empty() && item.uuids.empty() && item.macs.empty())
    table.mistake("name", "expected 'name', 'address', 'uuid' or 'mac': what shows whose record it is");
  table.table("fields", [&](DefinitionReader& fields) {
    fields.rest([&](const std::string& name, const nlohmann::json&) {
      std::optional<Selector> place;
      parts.selector(fields, name, place);
      if (place) item.fields.emplace_back(name, std::move(*place));
    });
  });
  Known shown{"id", "name", "address", "uuid", "mac", "moref"};
  for (const auto& [name, selector] : item.fields) shown.insert(name);
  std::string what = "{{name}}";
  table.require("what");
  table.string("what", what, [&](const std::string& text) { return Template::mistake(text, shown); });
  item.what = Template{Place::plain, what};
  parts.selectors(table, "before", item.before);
  parts.expectations(table, "gone", {}, item.gone);
  table.table("effect", [&](DefinitionReader& inner) {
    for (const auto& [key, target] : {std::pair{"verb", &item.effect.verb}, std::pair{"done", &item.effect.done}}) {
      inner.require(key);
      inner.string(key, *target, empty_text);
    }
    inner.require("when");
    parts.expectations(inner, "when", {}, item.effect.when);
  });
  Parts::each(table, "forbidden", [&](DefinitionReader& inner) {
    Forbidden forbidden;
    std::optional<Selector> at;
    inner.require("at");
    parts.selector(inner, "at", at);
    if (at) forbidden.at = *at;
    Parts::scalars(inner, "equals", forbidden.equals);
    Parts::scalars(inner, "unless", forbidden.unless);
    if (forbidden.equals.empty() == forbidden.unless.empty())
      inner.mistake("at", "expected one of 'equals' and 'unless'");
    inner.require("because");
    inner.string("because", forbidden.because, empty_text);
    item.forbidden.push_back(std::move(forbidden));
  });
  Parts::each(table, "also", [&](DefinitionReader& inner) {
    Also also{.request = parts.request(inner, kAlways + id_variables(item), false),
              .names = {},
              .addresses = {},
              .uuids = {},
              .macs = {}};
    parts.selectors(inner, "name", also.names);
    parts.selectors(inner, "address", also.addresses);
    parts.selectors(inner, "uuid", also.uuids);
    parts.selectors(inner, "mac", also.macs);
    if (also.names.empty() && also.addresses.empty() && also.uuids.empty() && also.macs.empty())
      inner.mistake("name", "expected 'name', 'address', 'uuid' or 'mac': what it says more of whose record it is");
    item.also.push_back(std::move(also));
  });
  return item;
}

}  // namespace decom::http
