#include "daemon/records/http_document.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/json.hpp"
#include "common/base/text.hpp"

namespace decom::http {
namespace {

constexpr int kDeepestXml = 64;

std::string to_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    // Icinga 2 writes every number with a fraction: "code": 200.0
    const double number = value.get<double>();
    if (std::nearbyint(number) == number && std::abs(number) < 9e15) return fmt::format("{:.0f}", number);
  }
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<std::size_t> index_of(const std::string& part, std::size_t size) {
  if (part.empty() || part.size() > 9 || part.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const auto index = static_cast<std::size_t>(std::stoul(part));
  return index < size ? std::optional{index} : std::nullopt;
}

const nlohmann::json* child(const nlohmann::json& value, const std::string& part) {
  if (value.is_object()) {
    const auto found = value.find(part);
    return found == value.end() ? nullptr : &*found;
  }
  if (value.is_array())
    if (const auto index = index_of(part, value.size())) return &value[*index];
  return nullptr;
}

bool says(const nlohmann::json& item, const std::vector<std::pair<std::string, std::string>>& where) {
  return std::ranges::all_of(where, [&](const auto& wanted) {
    const nlohmann::json* value = child(item, wanted.first);
    return value != nullptr && to_text(*value) == wanted.second;
  });
}

void select(const nlohmann::json& value, const std::vector<Selector::Part>& parts, std::size_t from,
            std::vector<const nlohmann::json*>& found) {
  if (from == parts.size()) {
    found.push_back(&value);
  } else if (parts[from].each) {
    if (value.is_structured())
      for (const nlohmann::json& item : value)
        if (says(item, parts[from].where)) select(item, parts, from + 1, found);
  } else if (const nlohmann::json* next = child(value, parts[from].name)) {
    select(*next, parts, from + 1, found);
  }
}

std::string unescaped(std::string_view part) {
  std::string name;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '~' && i + 1 < part.size())
      name += part[++i] == '0' ? '~' : '/';
    else
      name += part[i];
  }
  return name;
}

/// "[a=b][c=d]"; nothing where it is something else.
std::optional<std::vector<std::pair<std::string, std::string>>> conditions_of(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> all;
  while (!text.empty()) {
    const std::size_t equals = text.find('=');
    const std::size_t end = text.find(']');
    if (text.front() != '[' || end == std::string_view::npos || equals > end || equals < 2) return std::nullopt;
    all.emplace_back(unescaped(text.substr(1, equals - 1)), unescaped(text.substr(equals + 1, end - equals - 1)));
    text.remove_prefix(end + 1);
  }
  return all;
}

/// XPath over one node. pugixml throws only for expressions that do not compile, and those were refused before.
std::vector<pugi::xpath_node> select(const pugi::xpath_node& from, const std::string& path) {
  std::vector<pugi::xpath_node> found;
  const pugi::xpath_query query(path.c_str());
  if (query.return_type() == pugi::xpath_type_node_set)
    for (const pugi::xpath_node& node : query.evaluate_node_set(from)) found.push_back(node);
  return found;
}

std::string to_text(const pugi::xpath_node& node) {
  const pugi::xpath_query text("string(.)");
  return node.attribute() ? node.attribute().value() : text.evaluate_string(node);
}

struct DepthGuard final : pugi::xml_tree_walker {
  bool for_each(pugi::xml_node&) override { return depth() < kDeepestXml; }
};

}  // namespace

std::optional<std::string> Selector::mistake(Format format, const std::string& text) {
  if (format == Format::xml) {
    try {
      const pugi::xpath_query query(text.c_str());
      if (query.return_type() == pugi::xpath_type_node_set) return std::nullopt;
      return "is '" + text + "'; expected an XPath that selects nodes";
    } catch (const pugi::xpath_exception& e) {
      return fmt::format("is '{}'; expected XPath 1.0: {}", text, e.what());
    }
  }
  if (!text.empty() && text.front() != '/') return "is '" + text + "'; expected a JSON pointer, which begins with '/'";
  for (std::size_t at = 0; (at = text.find('~', at)) != std::string::npos; ++at)
    if (at + 1 == text.size() || (text[at + 1] != '0' && text[at + 1] != '1'))
      return "is '" + text + "'; in a JSON pointer '~' is written '~0' and '/' within a name '~1'";
  for (const std::string& part : split(text, '/'))
    if (part.starts_with("*[") && !conditions_of(std::string_view{part}.substr(1)))
      return "is '" + text + "'; expected conditions like '*[KEY=VALUE]'";
  return std::nullopt;
}

std::optional<std::string> Cut::of(const std::string& text) const {
  const std::size_t found = text.find(after);
  if (found == std::string::npos) return std::nullopt;
  const std::size_t from = found + after.size();
  const std::size_t end = before.empty() ? std::string::npos : text.find(before, from);
  return text.substr(from, end == std::string::npos ? end : end - from);
}

Selector::Selector(Format format, const std::string& text, Cut cut) : text_(text), cut_(std::move(cut)) {
  if (format == Format::xml || text.empty()) return;
  for (const std::string& part : split(std::string_view{text}.substr(1), '/')) {
    Part made;
    if (part == "*" || part.starts_with("*[")) {
      made.each = true;
      if (auto where = conditions_of(std::string_view{part}.substr(1))) made.where = std::move(*where);
    } else {
      made.name = unescaped(part);
    }
    parts_.push_back(std::move(made));
  }
}

std::vector<std::string> Node::texts(const Selector& selector) const {
  std::vector<std::string> all;
  const auto add = [&](const std::string& text) {
    if (auto part = selector.cut().of(text)) all.push_back(std::move(*part));
  };
  if (const auto* json = std::get_if<const nlohmann::json*>(&at_)) {
    std::vector<const nlohmann::json*> found;
    select(**json, selector.parts(), 0, found);
    for (const nlohmann::json* value : found) add(to_text(*value));
  } else {
    for (const pugi::xpath_node& node : select(std::get<pugi::xpath_node>(at_), selector.text())) add(to_text(node));
  }
  return all;
}

nlohmann::json Node::image() const {
  if (const auto* json = std::get_if<const nlohmann::json*>(&at_)) return **json;
  std::ostringstream text;
  std::get<pugi::xpath_node>(at_).node().print(text, "", pugi::format_raw);
  return text.str();
}

Document::Document(Format format, const std::string& body) {
  if (format == Format::json) {
    try {
      json_ = parse_json(body);
    } catch (const Error& e) {
      throw Error{ErrorCode::protocol, "the answer cannot be read: {}", e.what()};
    }
    return;
  }
  xml_ = std::make_unique<pugi::xml_document>();
  const auto read = xml_->load_buffer(body.data(), body.size(), pugi::parse_default | pugi::parse_doctype);
  if (!read) throw Error{ErrorCode::protocol, "the answer cannot be read: {}", read.description()};
  for (const pugi::xml_node& node : xml_->children())
    if (node.type() == pugi::node_doctype)
      throw Error{ErrorCode::protocol, "the answer cannot be read: it has a DOCTYPE"};
  DepthGuard guard;
  if (!xml_->traverse(guard))
    throw Error{ErrorCode::protocol, "the answer cannot be read: it is nested deeper than {} levels", kDeepestXml};
}

Node Document::root() const { return xml_ ? Node{pugi::xpath_node{*xml_}} : Node{json_}; }

std::vector<Node> Document::items(const Selector& selector) const {
  std::vector<Node> all;
  if (xml_) {
    for (const pugi::xpath_node& node : select(pugi::xpath_node{*xml_}, selector.text())) all.emplace_back(node);
    return all;
  }
  const nlohmann::json* holder = &json_;
  for (const Selector::Part& part : selector.parts()) {
    if (part.each) break;
    holder = child(*holder, part.name);
    if (holder == nullptr) throw Error{ErrorCode::protocol, "the answer has no {}", selector.text()};
  }
  const bool wants_many = std::ranges::any_of(selector.parts(), &Selector::Part::each);
  if (!holder->is_structured() && (wants_many || !holder->is_null()))
    throw Error{ErrorCode::protocol, "the answer holds no {} at {}", wants_many ? "list" : "object", selector.text()};
  if (holder->is_null()) return all;
  std::vector<const nlohmann::json*> found;
  select(json_, selector.parts(), 0, found);
  for (const nlohmann::json* value : found) all.emplace_back(*value);
  return all;
}

}  // namespace decom::http
