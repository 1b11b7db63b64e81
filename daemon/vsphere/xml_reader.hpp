#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <pugixml.hpp>

#include "common/base/clock.hpp"

namespace decom::vsphere {

inline constexpr std::string_view kXsiNamespace = "http://www.w3.org/2001/XMLSchema-instance";
inline constexpr std::string_view kSoapNamespace = "http://schemas.xmlsoap.org/soap/envelope/";

/// Reads what an XmlScanner let through. Throws Error{protocol}. The document keeps its own copy.
pugi::xml_document parse_xml(std::string_view text);
/// The same, in the memory of `text`, which must outlive the document.
pugi::xml_document parse_xml_in_place(std::string& text);

/// Guards and parses a whole answer at once.
pugi::xml_document read_document(std::string_view text);

// Elements are found by their local names: vCenter's answers put them into urn:vim25 by default, proxies and other
// servers by a prefix of any spelling.
std::string_view local_name(const pugi::xml_node& node);
bool is_named(const pugi::xml_node& node, std::string_view local);
pugi::xml_node child_named(const pugi::xml_node& node, std::string_view local);
pugi::xml_node next_named(const pugi::xml_node& node, std::string_view local);
/// Down a path of local names; an empty node where one is missing.
pugi::xml_node descend(pugi::xml_node node, std::initializer_list<std::string_view> path);
pugi::xml_node first_element(const pugi::xml_node& node);

/// All text of an element, CDATA sections included.
std::string text_of(const pugi::xml_node& node);
std::string text_of(const pugi::xml_node& node, std::string_view child);
std::int64_t integer_of(const pugi::xml_node& node);  ///< 0 where there is none
bool is_true(const pugi::xml_node& node);
/// xsd:dateTime; one without an offset is UTC. nullopt where it is missing or garbled.
std::optional<Timestamp> time_of(const pugi::xml_node& node);

/// The namespace of an element or, with a prefix given, of that prefix there.
std::string_view namespace_of(const pugi::xml_node& node);
/// Value of xsi:type without its prefix, whatever the attribute's prefix is called; empty where there is none.
std::string_view xsi_type(const pugi::xml_node& node);

}  // namespace decom::vsphere
