#pragma once

#include <list>

#include "common/base/clock.hpp"

namespace decom {

/// Time that only moves when a test says so. Waits return when the time has come, as the real ones do.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = from_millis(1'767'225'600'000)) : now_(start) {}  // 2026-01-01T00:00:00Z

  Timestamp now() const override;
  Steady steady() const override;
  void wait_until(std::condition_variable_any& changed, std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
                  Steady until) override;

  /// Moves both clocks and wakes whoever waits.
  void advance(std::chrono::milliseconds time);
  /// Steps the wall clock alone, as an administrator would.
  void set_wall_clock(Timestamp now);

 private:
  mutable std::mutex mutex_;
  Timestamp now_;
  Steady steady_{std::chrono::hours{1}};
  std::list<std::condition_variable_any*> waiting_;
};

}  // namespace decom
