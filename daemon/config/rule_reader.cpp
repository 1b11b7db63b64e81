#include "daemon/config/rule_reader.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace decom {

void read_rule(TableReader& when, MachineRule& rule) {
  std::vector<std::string> families;
  when.strings("family", families, [](const std::string& name) -> std::optional<std::string> {
    try {
      (void)os_family_from(name);
      return std::nullopt;
    } catch (const Error&) {
      return fmt::format("is '{}'; expected windows, linux, other or ambiguous", name);
    }
  });
  for (const std::string& name : families) rule.families.push_back(os_family_from(name));
  when.strings("guest_id", rule.guest_ids);
  when.strings("vcenter", rule.vcenters);
  when.strings("folder", rule.folders);
  when.strings("tag", rule.tags);
  when.strings("name", rule.names);
}

void read_on_return(TableReader& reader, OnReturn& target) {
  std::string text(to_string(target));
  reader.string("on_return", text, [](const std::string& value) -> std::optional<std::string> {
    try {
      (void)on_return_from(value);
      return std::nullopt;
    } catch (const Error&) {
      return fmt::format("is '{}'; expected warn or remove", value);
    }
  });
  target = on_return_from(text);
}

void read_on_failure(TableReader& reader, OnFailure& target) {
  std::string text(to_string(target));
  reader.string("on_failure", text, [](const std::string& value) -> std::optional<std::string> {
    try {
      (void)on_failure_from(value);
      return std::nullopt;
    } catch (const Error&) {
      return fmt::format("is '{}'; expected stop, warn or ask", value);
    }
  });
  target = on_failure_from(text);
}

std::optional<std::string> check_step_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (plain) return std::nullopt;
  return fmt::format("is '{}'; expected lower-case letters, digits, '_' and '-', at most 64", name);
}

}  // namespace decom
