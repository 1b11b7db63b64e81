#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.hpp"

namespace decom {

/// The part behind the '?', typed. Every mistake names the parameter. Throws `usage`.
class Query {
 public:
  /// Refuses parameters that are not `known` (and names the nearest), and repeated ones.
  Query(const std::multimap<std::string, std::string>& given, const std::vector<std::string>& known);

  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise = {}) const;
  [[nodiscard]] std::optional<std::int64_t> number(const std::string& name, std::int64_t least,
                                                   std::int64_t most) const;
  [[nodiscard]] bool flag(const std::string& name) const;  ///< "true" or "1"; "false", "0" or absent
  [[nodiscard]] std::optional<Timestamp> time(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

/// Digits alone, in range; nothing for anything else.
std::optional<std::int64_t> parse_number(std::string_view text);

}  // namespace decom
