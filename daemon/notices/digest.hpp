#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/event.hpp"
#include "daemon/notices/notice.hpp"

namespace decom::notices {

/// Events in, few drafts out: one at a request's start, one at its end, and what fails or waits for a person gathered
/// in a window that begins with the first of it. The drafts of one request come in the order of their events and do not
/// overlap. One thread.
class Digest {
 public:
  /// Whether its request began with this `decommission.started`.
  using IsFirst = std::function<bool(const Event& event)>;
  Digest(std::chrono::milliseconds window, IsFirst is_first);

  void take(const Event& event, Clock::Steady now);
  /// What is to be told by now, oldest first.
  std::vector<Draft> due(Clock::Steady now);
  /// When the next window closes.
  [[nodiscard]] std::optional<Clock::Steady> next_due() const;
  /// The number of the oldest event that waits in an open window.
  [[nodiscard]] std::optional<std::int64_t> held_from() const;

 private:
  struct Window {
    Clock::Steady closes{};
    Draft draft;
  };
  void gather(const Event& event, Item item, Clock::Steady now);
  void close(std::map<std::int64_t, Window>::iterator window);
  void begin(const Event& event);
  void tell_at_once(const Event& event, Item item);

  std::chrono::milliseconds window_;
  IsFirst is_first_;
  std::map<std::int64_t, Window> open_;  ///< by request
  std::vector<Draft> ready_;
  std::set<std::int64_t> begun_;  ///< requests whose start is known to be over, so that nobody is asked again
};

}  // namespace decom::notices
