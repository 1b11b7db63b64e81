#include "daemon/api/query.hpp"

#include <algorithm>
#include <charconv>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom {

Query::Query(const std::multimap<std::string, std::string>& given, const std::vector<std::string>& known) {
  for (const auto& [name, value] : given) {
    if (std::ranges::find(known, name) == known.end()) {
      const auto meant = nearest(name, known, 1);
      throw Error{ErrorCode::usage,
                  fmt::format("there is no parameter '{}'{}", name,
                              meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant.front())),
                  {{name, "is not known here"}}};
    }
    if (!values_.try_emplace(name, value).second)
      throw Error{ErrorCode::usage, "the parameter '{}' is there more than once", name};
  }
}

std::string Query::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

std::optional<std::int64_t> Query::number(const std::string& name, std::int64_t least, std::int64_t most) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  const auto value = parse_number(found->second);
  if (!value || *value < least || *value > most)
    throw Error{ErrorCode::usage, "'{}' is a number from {} to {}, not '{}'", name, least, most, found->second};
  return value;
}

bool Query::flag(const std::string& name) const {
  const std::string value = text(name);
  if (value == "true" || value == "1") return true;
  if (value.empty() || value == "false" || value == "0") return false;
  throw Error{ErrorCode::usage, "'{}' is true or false, not '{}'", name, value};
}

std::optional<Timestamp> Query::time(const std::string& name) const {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  try {
    return parse_rfc3339(value);
  } catch (const Error& e) {
    throw Error{ErrorCode::usage, "'{}': {}", name, e.what()};
  }
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return value;
}

}  // namespace decom
