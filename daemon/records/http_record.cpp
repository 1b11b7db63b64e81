#include "daemon/records/http_record.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/records/http_wire.hpp"

namespace decom::http {
namespace {

using enum ErrorCode;

/// One part is the id itself. Several are joined by spaces, and what would be mistaken for one is escaped.
std::string join_id(const std::vector<std::string>& parts) {
  if (parts.size() == 1) return parts.front();
  std::string id;
  for (const std::string& part : parts) {
    if (!id.empty()) id += ' ';
    for (const char c : part) {
      if (c == ' ')
        id += "%20";
      else if (c == '%')
        id += "%25";
      else
        id += c;
    }
  }
  return id;
}

std::string before_image(const Item& item, const Node& node, const std::string& id, const Testimony& testimony) {
  nlohmann::json facts{{"names", testimony.names},
                       {"addresses", testimony.addresses},
                       {"uuids", testimony.uuids},
                       {"macs", testimony.macs}};
  if (!testimony.morefs.empty()) facts["morefs"] = testimony.morefs;  // older images have none
  nlohmann::json image;
  if (item.before.empty()) {
    image = node.image();
    if (!item.also.empty()) {
      image = facts;
      image["record"] = node.image();
    }
  } else {
    image = facts;
    image["id"] = id;
    for (const Selector& selector : item.before) image[selector.text() + selector.cut().after] = node.texts(selector);
  }
  return image.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string shown(std::string_view text) { return fit(safe_for_terminal(text), 100); }

Values id_values(const std::string& id, std::size_t count) {
  if (count <= 1) return {{"id", id}, {"id_path", id}};
  auto parts = split(id, ' ');
  if (parts.size() != count) throw Error{invalid, "'{}' is no id of this system: it has {} parts", shown(id), count};
  Values values;
  for (std::size_t i = 0; i < count; ++i) {
    std::string part;
    for (std::size_t at = 0; at < parts[i].size(); ++at) {
      if (parts[i].compare(at, 3, "%20") == 0 || parts[i].compare(at, 3, "%25") == 0) {
        part += parts[i][at + 2] == '0' ? ' ' : '%';
        at += 2;
      } else {
        part += parts[i][at];
      }
    }
    values[fmt::format("id_{}", i + 1)] = part;
  }
  return values;
}

std::string id_of(const Item& item, const Node& node, const std::string& what) {
  std::vector<std::string> parts;
  for (const Selector& selector : item.id) {
    auto found = node.texts(selector);
    if (found.size() != 1 || found.front().empty() || found.front() == "null")
      throw Error{protocol, "cannot {}: a record in the answer has no id at {}", what, selector.text()};
    parts.push_back(std::move(found.front()));
  }
  return join_id(parts);
}

bool is_gone(const Item& item, const Node& node) { return !item.gone.empty() && !unmet(item.gone, node, {}); }

std::vector<std::string> texts(const Node& node, const std::vector<Selector>& selectors) {
  std::vector<std::string> all;
  for (const Selector& selector : selectors)
    for (std::string& text : node.texts(selector))
      if (!text.empty() && text != "null" && std::ranges::find(all, text) == all.end()) all.push_back(std::move(text));
  return all;
}

void append(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& one : more)
    if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

Record record_of(const Item& item, const Machine& machine, const Node& node, const std::string& what,
                 const Testimony& more) {
  Record record;
  record.id = id_of(item, node, what);
  Testimony testimony{.names = texts(node, item.names),
                      .addresses = texts(node, item.addresses),
                      .uuids = texts(node, item.uuids),
                      .macs = texts(node, item.macs),
                      .morefs = texts(node, item.morefs),
                      .vcenter_uuid = item.vcenter_uuid};
  append(testimony.names, more.names);
  append(testimony.addresses, more.addresses);
  append(testimony.uuids, more.uuids);
  append(testimony.macs, more.macs);
  Values values{{"id", record.id},
                {"name", join(testimony.names, ", ")},
                {"address", join(testimony.addresses, ", ")},
                {"uuid", join(testimony.uuids, ", ")},
                {"mac", join(testimony.macs, ", ")},
                {"moref", join(testimony.morefs, ", ")}};
  for (const auto& [name, selector] : item.fields) values[name] = join(texts(node, {selector}), ", ");
  record.what = item.what.render(values);
  for (const Forbidden& forbidden : item.forbidden) {
    const auto found = node.texts(forbidden.at);
    const auto any_of = [&](const std::vector<std::string>& wanted) {
      return std::ranges::any_of(found,
                                 [&](const auto& text) { return std::ranges::find(wanted, text) != wanted.end(); });
    };
    if (forbidden.unless.empty() ? any_of(forbidden.equals) : !any_of(forbidden.unless))
      record.forbidden = forbidden.because;
  }
  record.before = before_image(item, node, record.id, testimony);
  record.effect = item.effect.verb;
  if (!record.effect.empty() && !unmet(item.effect.when, node, {})) record.done = item.effect.done;
  weigh(machine, testimony, record);
  return record;
}

}  // namespace decom::http
