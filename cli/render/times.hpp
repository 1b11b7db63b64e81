#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"

namespace decom::cli {

/// "2026-03-01 09:15:00 +01:00": in the zone of the person, with its offset, so that nobody has to guess.
std::string local_time(Timestamp time);
/// The same from the API's RFC 3339; what is no time comes back as it is.
std::string local_time(std::string_view rfc3339);
std::string local_time(const std::optional<std::string>& rfc3339);

/// "3m 20s" between two moments of the API; nothing where one is missing.
std::string between(const std::optional<std::string>& from, const std::optional<std::string>& to, Timestamp now);
/// "5m", "3h", "12d": how long ago, for a column.
std::string age(std::string_view rfc3339, Timestamp now);

/// What a person types for a moment: RFC 3339, "2026-03-01 06:00", "06:00" (the next, or with `past` the last one),
/// "now", "today 18:00", "tomorrow 06:00", "yesterday", "monday 06:00", "2h" (from now, or with `past` ago).
/// Throws `usage`.
enum class Direction { future, past };
Timestamp parse_moment(std::string_view text, Direction direction, Timestamp now);

}  // namespace decom::cli
