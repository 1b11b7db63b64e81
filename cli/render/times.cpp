#include "cli/render/times.hpp"

#include <array>
#include <charconv>
#include <ctime>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

constexpr std::array<std::string_view, 7> kDays{"sunday",   "monday", "tuesday", "wednesday",
                                                "thursday", "friday", "saturday"};

std::tm local_parts(Timestamp time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

/// mktime(3) puts a day of 32 and an hour that summer time left out right by itself.
Timestamp to_moment(std::tm parts) {
  parts.tm_isdst = -1;
  return Timestamp{std::chrono::seconds{std::mktime(&parts)}};
}

struct TimeOfDay {
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<int> number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
  return value;
}

std::optional<TimeOfDay> time_of_day(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  const auto hour = number(parts[0], 23);
  const auto minute = number(parts[1], 59);
  const auto second = parts.size() == 3 ? number(parts[2], 59) : 0;
  if (!hour || !minute || !second) return std::nullopt;
  return TimeOfDay{*hour, *minute, *second};
}

/// "2026-03-01" as parts of a day; nothing for what is none.
std::optional<std::tm> calendar_day(std::string_view text) {
  const auto parts = split(text, '-');
  if (parts.size() != 3 || parts[0].size() != 4) return std::nullopt;
  const auto year = number(parts[0], 9999);
  const auto month = number(parts[1], 12);
  const auto day = number(parts[2], 31);
  if (!year || !month || !day || *month < 1 || *day < 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  std::tm result{};
  result.tm_year = *year - 1900;
  result.tm_mon = *month - 1;
  result.tm_mday = *day;
  return result;
}

/// The day that a word means, at midnight.
std::optional<std::tm> day_of(std::string_view word, Direction direction, Timestamp now) {
  std::tm today = local_parts(now);
  today.tm_hour = today.tm_min = today.tm_sec = 0;
  if (word == "today") return today;
  if (word == "tomorrow" || word == "yesterday") {
    today.tm_mday += word == "tomorrow" ? 1 : -1;
    return today;
  }
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    if (word != kDays[i] && word != kDays[i].substr(0, 3)) continue;
    const int ahead = (static_cast<int>(i) - today.tm_wday + 7) % 7;
    today.tm_mday += direction == Direction::future ? (ahead == 0 ? 7 : ahead) : (ahead == 0 ? -7 : ahead - 7);
    return today;
  }
  return calendar_day(word);
}

}  // namespace

std::string local_time(Timestamp time) {
  const std::tm parts = local_parts(time);
  const long offset = parts.tm_gmtoff / 60;
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} {}{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, offset < 0 ? '-' : '+',
                     std::labs(offset) / 60, std::labs(offset) % 60);
}

std::string local_time(std::string_view rfc3339) {
  if (rfc3339.empty()) return {};
  try {
    return local_time(parse_rfc3339(rfc3339));
  } catch (const Error&) {
    return std::string(rfc3339);
  }
}

std::string local_time(const std::optional<std::string>& rfc3339) {
  return rfc3339 ? local_time(std::string_view(*rfc3339)) : std::string{};
}

std::string between(const std::optional<std::string>& from, const std::optional<std::string>& to, Timestamp now) {
  if (!from) return {};
  try {
    const auto end = to ? parse_rfc3339(*to) : now;
    return to_text(std::max(end - parse_rfc3339(*from), std::chrono::milliseconds{0}));
  } catch (const Error&) {
    return {};
  }
}

std::string age(std::string_view rfc3339, Timestamp now) {
  try {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now - parse_rfc3339(rfc3339)).count();
    if (seconds < 0) return "0s";
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m", seconds / 60);
    if (seconds < 48 * 3600) return fmt::format("{}h", seconds / 3600);
    return fmt::format("{}d", seconds / 86400);
  } catch (const Error&) {
    return {};
  }
}

Timestamp parse_moment(std::string_view text, Direction direction, Timestamp now) {
  const std::string words = folded(trimmed(text));
  const bool past = direction == Direction::past;
  if (words == "now") return now;
  try {
    return parse_rfc3339(trimmed(text));
  } catch (const Error&) {
  }
  try {
    const auto span = parse_duration(words.starts_with('+') ? std::string_view(words).substr(1) : words);
    return past ? now - span : now + span;
  } catch (const Error&) {
  }
  if (const auto clock = time_of_day(words)) {
    std::tm day = local_parts(now);
    day.tm_hour = clock->hour;
    day.tm_min = clock->minute;
    day.tm_sec = clock->second;
    Timestamp when = to_moment(day);
    if (!past && when <= now) ++day.tm_mday;
    if (past && when > now) --day.tm_mday;
    return to_moment(day);
  }
  const auto blank = words.find_first_of(" t");
  for (const std::size_t cut : {words.size(), words.find(' '), blank}) {
    if (cut == std::string::npos) continue;
    auto day = day_of(std::string_view(words).substr(0, cut), direction, now);
    if (!day) continue;
    if (cut < words.size()) {
      const auto clock = time_of_day(trimmed(std::string_view(words).substr(cut + 1)));
      if (!clock) continue;
      day->tm_hour = clock->hour;
      day->tm_min = clock->minute;
      day->tm_sec = clock->second;
    }
    return to_moment(*day);
  }
  throw Error{ErrorCode::usage,
              "'{}' is not a time: try 2026-03-01T06:00:00+01:00, '2026-03-01 06:00', 06:00, 'tomorrow 06:00' or 2h",
              text};
}

}  // namespace decom::cli
