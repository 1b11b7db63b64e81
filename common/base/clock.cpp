#include "common/base/clock.hpp"

#include <charconv>
#include <cstdint>
#include <utility>

#include <fmt/core.h>

#include "common/base/error.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

class SystemClock final : public Clock {
 public:
  Timestamp now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  Steady steady() const override { return std::chrono::steady_clock::now(); }
  void wait_until(std::condition_variable_any& changed, std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
                  Steady until) override {
    // The overload with a stop token cannot miss a stop between looking and waiting. It takes a predicate and returns
    // when that holds: here, after the first wake-up.
    changed.wait_until(lock, stop, until, [first = true]() mutable { return !std::exchange(first, false); });
  }
};

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

[[noreturn]] void not_a_time(std::string_view text) {
  throw Error{ErrorCode::invalid, "'{}' is not a time with an offset, such as 2026-03-01T08:15:00Z", text};
}

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

bool sleep_for(Clock& clock, std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  const auto until = clock.steady() + time;
  while (!stop.stop_requested() && clock.steady() < until) {
    clock.wait_until(changed, lock, stop, until);
  }
  return !stop.stop_requested();
}

std::string to_rfc3339(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Timestamp parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    not_a_time(text);
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) not_a_time(text);

  std::size_t at = 19;
  std::int64_t millis = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t scale = 100;
    std::size_t seen = 0;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++seen, scale /= 10)
      millis += scale * (text[at] - '0');
    if (seen == 0) not_a_time(text);
  }
  std::chrono::minutes offset{0};
  if (at + 1 == text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    offset = 0min;
  } else if (at + 6 == text.size() && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':') {
    const auto hours = digits(text, at + 1, 2);
    const auto minutes = digits(text, at + 4, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) not_a_time(text);
    offset = std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
    if (text[at] == '-') offset = -offset;
  } else {
    not_a_time(text);
  }
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second} + std::chrono::milliseconds{millis} - offset;
}

std::int64_t to_millis(Timestamp time) { return time.time_since_epoch().count(); }

Timestamp from_millis(std::int64_t millis) { return Timestamp{std::chrono::milliseconds{millis}}; }

std::chrono::milliseconds parse_duration(std::string_view text) {
  const auto fail = [&]() -> std::chrono::milliseconds {
    throw Error{ErrorCode::invalid, "'{}' is not a duration, such as 90s, 5m, 2h, 1d or 1h30m", text};
  };
  if (text.empty()) return fail();
  constexpr std::int64_t kMost = std::int64_t{10} * 365 * 24 * 3600 * 1000;
  std::int64_t total = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::int64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || number < 0 || number > kMost) return fail();
    std::string_view unit(next, static_cast<std::size_t>(end - next));
    unit = unit.substr(0, unit.find_first_of("0123456789"));
    std::int64_t factor = 0;
    if (unit == "ms") factor = 1;
    if (unit == "s") factor = 1'000;
    if (unit == "m" || unit == "min") factor = 60'000;
    if (unit == "h") factor = 3'600'000;
    if (unit == "d") factor = 86'400'000;
    if (factor == 0 || number > kMost / factor) return fail();
    total += number * factor;
    if (total > kMost) return fail();
    at = next + unit.size();
  }
  return std::chrono::milliseconds{total};
}

std::string to_text(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 1'000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{}.{}s", ms / 1'000, ms % 1'000 / 100);
  const auto two_parts = [](std::int64_t whole, char unit, std::int64_t rest, char unit_of_rest) {
    return rest == 0 ? fmt::format("{}{}", whole, unit) : fmt::format("{}{} {}{}", whole, unit, rest, unit_of_rest);
  };
  if (ms < 3'600'000) return two_parts(ms / 60'000, 'm', ms % 60'000 / 1'000, 's');
  if (ms < 86'400'000) return two_parts(ms / 3'600'000, 'h', ms % 3'600'000 / 60'000, 'm');
  return two_parts(ms / 86'400'000, 'd', ms % 86'400'000 / 3'600'000, 'h');
}

}  // namespace decom
