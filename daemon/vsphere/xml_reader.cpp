#include "daemon/vsphere/xml_reader.hpp"

#include <charconv>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/vsphere/xml_scanner.hpp"

namespace decom::vsphere {
namespace {

// White space alone is a value too (an annotation of one space), so it is kept where it is the only child.
constexpr unsigned kParse = pugi::parse_default | pugi::parse_ws_pcdata_single;

void check(const pugi::xml_parse_result& result) {
  if (!result) throw Error{ErrorCode::protocol, "cannot read vCenter's answer: {}", result.description()};
}

std::string_view after_colon(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view before_colon(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? std::string_view{} : name.substr(0, colon);
}

std::string_view resolve(pugi::xml_node node, std::string_view prefix) {
  for (; node.type() == pugi::node_element; node = node.parent())
    for (const auto attribute : node.attributes()) {
      const std::string_view name = attribute.name();
      if (prefix.empty() ? name == "xmlns" : before_colon(name) == "xmlns" && after_colon(name) == prefix)
        return attribute.value();
    }
  return {};
}

}  // namespace

pugi::xml_document parse_xml(std::string_view text) {
  pugi::xml_document document;
  check(document.load_buffer(text.data(), text.size(), kParse, pugi::encoding_utf8));
  return document;
}

pugi::xml_document parse_xml_in_place(std::string& text) {
  pugi::xml_document document;
  check(document.load_buffer_inplace(text.data(), text.size(), kParse, pugi::encoding_utf8));
  return document;
}

pugi::xml_document read_document(std::string_view text) {
  XmlScanner scanner;
  scanner.feed(text);
  return parse_xml(scanner.finish());
}

std::string_view local_name(const pugi::xml_node& node) { return after_colon(node.name()); }

bool is_named(const pugi::xml_node& node, std::string_view local) {
  return node.type() == pugi::node_element && local_name(node) == local;
}

pugi::xml_node child_named(const pugi::xml_node& node, std::string_view local) {
  for (auto child = node.first_child(); child; child = child.next_sibling())
    if (is_named(child, local)) return child;
  return {};
}

pugi::xml_node next_named(const pugi::xml_node& node, std::string_view local) {
  for (auto next = node.next_sibling(); next; next = next.next_sibling())
    if (is_named(next, local)) return next;
  return {};
}

pugi::xml_node descend(pugi::xml_node node, std::initializer_list<std::string_view> path) {
  for (const auto step : path) node = child_named(node, step);
  return node;
}

pugi::xml_node first_element(const pugi::xml_node& node) {
  for (auto child = node.first_child(); child; child = child.next_sibling())
    if (child.type() == pugi::node_element) return child;
  return {};
}

std::string text_of(const pugi::xml_node& node) {
  std::string text;
  for (auto child = node.first_child(); child; child = child.next_sibling())
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) text.append(child.value());
  return text;
}

std::string text_of(const pugi::xml_node& node, std::string_view child) { return text_of(child_named(node, child)); }

std::int64_t integer_of(const pugi::xml_node& node) {
  const std::string text = text_of(node);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_true(const pugi::xml_node& node) {
  const std::string text = text_of(node);
  return text == "true" || text == "1";
}

std::optional<Timestamp> time_of(const pugi::xml_node& node) {
  std::string text = text_of(node);
  if (text.empty()) return std::nullopt;
  const bool has_offset =
      text.back() == 'Z' || (text.size() > 6 && (text[text.size() - 6] == '+' || text[text.size() - 6] == '-'));
  if (!has_offset) text += 'Z';
  try {
    return parse_rfc3339(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string_view namespace_of(const pugi::xml_node& node) { return resolve(node, before_colon(node.name())); }

std::string_view xsi_type(const pugi::xml_node& node) {
  for (const auto attribute : node.attributes()) {
    const std::string_view name = attribute.name();
    if (after_colon(name) != "type") continue;
    const auto prefix = before_colon(name);
    if (!prefix.empty() && resolve(node, prefix) == kXsiNamespace) return after_colon(attribute.value());
  }
  return {};
}

}  // namespace decom::vsphere
