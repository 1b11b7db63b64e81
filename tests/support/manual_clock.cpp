#include "tests/support/manual_clock.hpp"

namespace decom {

Timestamp ManualClock::now() const {
  const std::lock_guard guard(mutex_);
  return now_;
}

Clock::Steady ManualClock::steady() const {
  const std::lock_guard guard(mutex_);
  return steady_;
}

void ManualClock::wait_until(std::condition_variable_any& changed, std::unique_lock<std::mutex>& lock,
                             const std::stop_token& stop, Steady until) {
  std::list<std::condition_variable_any*>::iterator self;
  {
    const std::lock_guard guard(mutex_);
    if (stop.stop_requested() || steady_ >= until) return;
    self = waiting_.insert(waiting_.end(), &changed);
  }
  {
    const std::stop_callback wake(stop, [&changed] { changed.notify_all(); });
    // The real wait is bounded, since `advance` may come between the check above and the wait: the caller loops.
    changed.wait_for(lock, std::chrono::milliseconds{5});
  }
  const std::lock_guard guard(mutex_);
  waiting_.erase(self);
}

void ManualClock::advance(std::chrono::milliseconds time) {
  const std::lock_guard guard(mutex_);
  now_ += time;
  steady_ += time;
  for (auto* changed : waiting_) changed->notify_all();
}

void ManualClock::set_wall_clock(Timestamp now) {
  const std::lock_guard guard(mutex_);
  now_ = now;
}

}  // namespace decom
