#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

namespace decom {

using Json = nlohmann::json;

/// Parses what came from outside: at most 32 levels deep, no duplicate keys, no NUL in a string, valid UTF-8, and
/// nothing behind the value. nlohmann alone takes depth 100,000 and keeps the last of two equal keys.
/// Throws `usage` and says where.
Json parse_json(std::string_view text);

}  // namespace decom
