#pragma once

#include <nlohmann/json_fwd.hpp>

/// Says that a type of the API goes to JSON and comes from it. The mapping itself is in mapping.cpp, so that it is
/// compiled once and not in each file that includes the type. Who converts includes common/base/json.hpp.
// NOLINTBEGIN(bugprone-macro-parentheses): a type in brackets declares nothing
#define DECOM_WIRE_TYPE(Type)                         \
  void to_json(nlohmann::json& j, const Type& value); \
  void from_json(const nlohmann::json& j, Type& value);
// NOLINTEND(bugprone-macro-parentheses)
