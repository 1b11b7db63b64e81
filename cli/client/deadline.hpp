#pragma once

#include <algorithm>
#include <chrono>

namespace decom::cli {

/// A moment on the steady clock after which a call has taken too long.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline in(std::chrono::milliseconds time) { return Deadline{Clock::now() + time}; }
  static Deadline at(Clock::time_point when) { return Deadline{when}; }

  [[nodiscard]] std::chrono::milliseconds left() const {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(when_ - Clock::now());
    return std::max(rest, std::chrono::milliseconds{0});
  }
  [[nodiscard]] bool passed() const { return Clock::now() >= when_; }
  [[nodiscard]] Clock::time_point when() const { return when_; }

 private:
  explicit Deadline(Clock::time_point when) : when_(when) {}
  Clock::time_point when_;
};

}  // namespace decom::cli
