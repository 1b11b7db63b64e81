#include "daemon/config/json_of_toml.hpp"

#include <cmath>

#include <fmt/core.h>

namespace decom {
namespace {

/// RFC 6901: '~' and '/' stand for themselves as ~0 and ~1.
std::string below(const std::string& pointer, std::string_view key) {
  std::string path = pointer + "/";
  for (const char c : key) {
    if (c == '~')
      path += "~0";
    else if (c == '/')
      path += "~1";
    else
      path += c;
  }
  return path;
}

}  // namespace

void JsonOfToml::add(const std::string& key, const toml::node& node) {
  document_[key] = converted(node, below("", key));
}

nlohmann::json JsonOfToml::converted(const toml::node& node, const std::string& pointer) {
  places_[pointer] = node.source().begin;
  if (const toml::table* table = node.as_table()) {
    auto object = nlohmann::json::object();
    for (const auto& [key, value] : *table)
      object[std::string(key.str())] = converted(value, below(pointer, key.str()));
    return object;
  }
  if (const toml::array* list = node.as_array()) {
    auto array = nlohmann::json::array();
    for (const toml::node& item : *list) array.push_back(converted(item, pointer + "/" + std::to_string(array.size())));
    return array;
  }
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return *number;
  if (const auto truth = node.value_exact<bool>()) return *truth;
  if (const auto real = node.value_exact<double>(); real && std::isfinite(*real)) return *real;
  mistakes_.add(file_, node.source().begin,
                node.is_floating_point() ? "is no finite number" : "is a date or time; write it as a string");
  return nullptr;
}

toml::source_position JsonOfToml::place_of(std::string pointer) const {
  for (;;) {
    if (const auto found = places_.find(pointer); found != places_.end() && found->second.line != 0)
      return found->second;
    const auto cut = pointer.rfind('/');
    if (cut == std::string::npos) return places_.at("");
    pointer.resize(cut);
  }
}

}  // namespace decom
