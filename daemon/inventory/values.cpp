#include "daemon/inventory/values.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::inventory {
namespace {

using std::chrono::days;

/// From its first to its last moment, both in.
struct Span {
  std::int64_t first;
  std::int64_t last;
};

Range compare(Comparison comparison, Span span) {
  switch (comparison) {
    case Comparison::none:
    case Comparison::equal: return {span.first, span.last};
    case Comparison::less: return {Range{}.least, span.first - 1};
    case Comparison::at_most: return {Range{}.least, span.last};
    case Comparison::more: return {span.last + 1, Range{}.most};
    case Comparison::at_least: return {span.first, Range{}.most};
  }
  return {};
}

template <typename Read>
std::optional<Range> range(Comparison comparison, std::string_view text, Read read) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) {
    const std::optional<Span> span = read(text);
    return span ? std::optional{compare(comparison, *span)} : std::nullopt;
  }
  if (comparison != Comparison::none) return std::nullopt;
  const std::optional<Span> from = read(text.substr(0, dots));
  const std::optional<Span> to = read(text.substr(dots + 2));
  if (!from || !to) return std::nullopt;
  return Range{from->first, to->last};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr std::int64_t kMost = 1'000'000'000'000'000;
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > kMost) return std::nullopt;
  return value;
}

std::optional<Span> size_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string unit = folded(std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end)));
  if (unit.empty()) unit = "gb";
  if (unit.size() == 3 && unit.ends_with("ib")) unit.erase(1, 1);
  if (unit.size() == 1 && unit != "b") unit += 'b';
  constexpr std::array<std::string_view, 6> kUnits{"b", "kb", "mb", "gb", "tb", "pb"};
  for (std::size_t power = 0; power < kUnits.size(); ++power) {
    if (kUnits[power] != unit) continue;
    const double bytes = number * std::pow(1024.0, static_cast<double>(power));
    if (bytes > 9e18) return std::nullopt;
    return Span{std::llround(bytes), std::llround(bytes)};
  }
  return std::nullopt;
}

std::int64_t millis_of(std::chrono::sys_days day) { return std::chrono::milliseconds{day.time_since_epoch()}.count(); }

std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// 2024, 2024-01 or 2024-01-31.
std::optional<Span> date_of(std::string_view text) {
  const auto parts = split(text, '-');
  if (parts.size() > 3 || parts[0].size() != 4) return std::nullopt;
  for (std::size_t i = 1; i < parts.size(); ++i)
    if (parts[i].size() != 2) return std::nullopt;
  const auto year = digits(parts[0]);
  const auto month = parts.size() > 1 ? digits(parts[1]) : std::optional{1U};
  const auto day = parts.size() > 2 ? digits(parts[2]) : std::optional{1U};
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day first{std::chrono::year{static_cast<int>(*year)}, std::chrono::month{*month},
                                          std::chrono::day{*day}};
  if (!first.ok()) return std::nullopt;
  std::chrono::sys_days next = std::chrono::sys_days{first} + days{1};
  if (parts.size() == 1) next = std::chrono::sys_days{first + std::chrono::years{1}};
  if (parts.size() == 2) next = std::chrono::sys_days{first + std::chrono::months{1}};
  return Span{millis_of(std::chrono::sys_days{first}), millis_of(next) - 1};
}

std::optional<Span> moment_of(std::string_view text, Timestamp now) {
  const auto today = std::chrono::floor<days>(now);
  if (equals_folded(text, "today")) return Span{millis_of(today), millis_of(today + days{1}) - 1};
  if (equals_folded(text, "yesterday")) return Span{millis_of(today - days{1}), millis_of(today) - 1};
  if (const auto date = date_of(text)) return date;
  try {
    const std::int64_t at = to_millis(parse_rfc3339(text));
    return Span{at, at};
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Months are 30 days and years 365: an age is a rough thing.
std::optional<std::int64_t> age_of(std::string_view text) {
  struct Unit {
    std::string_view name;
    int hours;
  };
  constexpr std::array kUnits{Unit{"h", 1}, Unit{"d", 24}, Unit{"w", 24 * 7}, Unit{"mo", 24 * 30}, Unit{"y", 24 * 365}};
  const auto letter = text.find_first_not_of("0123456789");
  if (letter == 0 || letter == std::string_view::npos) return std::nullopt;
  const auto number = whole_number(text.substr(0, letter));
  if (!number || *number > 1'000'000) return std::nullopt;
  for (const Unit& unit : kUnits)
    if (equals_folded(text.substr(letter), unit.name)) return *number * std::int64_t{unit.hours} * 3'600'000;
  return std::nullopt;
}

Range by_age(Comparison comparison, std::int64_t then) {
  switch (comparison) {
    case Comparison::less: return {then + 1, Range{}.most};
    case Comparison::none:
    case Comparison::equal:
    case Comparison::at_most: return {then, Range{}.most};
    case Comparison::more: return {Range{}.least, then - 1};
    case Comparison::at_least: return {Range{}.least, then};
  }
  return {};
}

}  // namespace

std::optional<Range> count_range(Comparison comparison, std::string_view text) {
  return range(comparison, text, [](std::string_view part) -> std::optional<Span> {
    const auto value = whole_number(part);
    return value ? std::optional{Span{*value, *value}} : std::nullopt;
  });
}

std::optional<Range> size_range(Comparison comparison, std::string_view text) {
  return range(comparison, text, size_of);
}

std::optional<Range> time_range(Comparison comparison, std::string_view text, Timestamp now) {
  if (const auto age = age_of(text)) return by_age(comparison, to_millis(now) - *age);
  return range(comparison, text, [now](std::string_view part) { return moment_of(part, now); });
}

}  // namespace decom::inventory
