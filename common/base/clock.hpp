#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace decom {

/// UTC, in milliseconds: as stored, and as in JSON.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// The wall clock names moments; the steady clock measures waits. No timeout is ever computed from the wall clock,
/// since administrators and NTP step it.
class Clock {
 public:
  using Steady = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
  [[nodiscard]] virtual Steady steady() const = 0;
  /// Waits on `changed` until it is notified, `stop` is requested or `until` has come. The caller checks its predicate.
  virtual void wait_until(std::condition_variable_any& changed, std::unique_lock<std::mutex>& lock,
                          const std::stop_token& stop, Steady until) = 0;
};

/// The real one; shared by all.
Clock& system_clock();

/// Sleeps on `clock`; false when stopped before the time was over.
bool sleep_for(Clock& clock, std::chrono::milliseconds time, const std::stop_token& stop);

/// RFC 3339 in UTC with milliseconds: 2026-03-01T08:15:00.250Z
std::string to_rfc3339(Timestamp time);
/// Any RFC 3339 date-time with an offset; nothing without one is accepted. Throws `invalid`.
Timestamp parse_rfc3339(std::string_view text);

std::int64_t to_millis(Timestamp time);
Timestamp from_millis(std::int64_t millis);

/// "90s", "5m", "2h", "1d", "1h30m", "250ms"; a bare number is refused. Throws `invalid`.
std::chrono::milliseconds parse_duration(std::string_view text);
/// "1h 30m", "12.3s": for people.
std::string to_text(std::chrono::milliseconds duration);

}  // namespace decom
