#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "common/base/clock.hpp"

namespace decom::inventory {

/// What a machine has that has no such value: never booted, created before vCenter wrote that down.
inline constexpr std::int64_t kNoValue = std::numeric_limits<std::int64_t>::min();

/// An inclusive range of numbers, bytes or milliseconds since 1970.
struct Range {
  std::int64_t least = kNoValue + 1;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

enum class Comparison { none, equal, less, at_most, more, at_least };

/// Each understands "N", ">N" and its like (the comparison is given apart) and "A..B"; nothing when it is not one.
std::optional<Range> count_range(Comparison comparison, std::string_view text);
/// "16" is GB; B, KB, MB, GB, TB, PB and KiB and so on are all powers of 1,024, as vSphere shows them.
std::optional<Range> size_range(Comparison comparison, std::string_view text);
/// A year, month, day or RFC 3339 time, in UTC, stands for all of its span; "today", "yesterday"; or an age such as
/// 36h, 30d, 2w, 6mo, 1y: `<30d` is younger than 30 days and `30d` alone is the same as `<=30d`.
std::optional<Range> time_range(Comparison comparison, std::string_view text, Timestamp now);

}  // namespace decom::inventory
