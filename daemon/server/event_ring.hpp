#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/event.hpp"

namespace decom {

/// One event, encoded once and shared between all streams that send it.
struct EncodedEvent {
  explicit EncodedEvent(const Event& event);

  std::int64_t seq = 0;
  std::int64_t request = 0;
  std::optional<int> machine;
  bool request_finished = false;
  bool machine_finished = false;
  std::shared_ptr<const std::string> frame;  ///< "id: 5\nevent: step.finished\ndata: {…}\n\n"
  std::size_t json_at = 0;                   ///< where the object begins in `frame`

  [[nodiscard]] std::string_view as_event_stream() const { return *frame; }
  /// The object and one line end.
  [[nodiscard]] std::string_view as_ndjson() const {
    return std::string_view(*frame).substr(json_at, frame->size() - json_at - 1);
  }
};

/// What a stream wants of the journal.
struct EventWish {
  std::int64_t request = 0;  ///< 0: all
  std::optional<int> machine;

  [[nodiscard]] bool wants(const EncodedEvent& event) const {
    return (request == 0 || event.request == request) && (!machine || event.machine == machine);
  }
};

/// The youngest events. It covers every number in (begin, end]. One thread only.
class EventRing {
 public:
  EventRing(std::int64_t end, std::size_t capacity) : begin_(end), end_(end), capacity_(capacity) {}

  /// Starts over behind `end`, when what lies before is not to be had.
  void restart(std::int64_t end);
  void append(std::vector<EncodedEvent> events);

  [[nodiscard]] std::int64_t begin() const { return begin_; }
  [[nodiscard]] std::int64_t end() const { return end_; }
  [[nodiscard]] bool covers(std::int64_t since) const { return since >= begin_ && since <= end_; }

  /// What `wish` wants behind `position`, at most `bytes` (but one at least); moves `position` behind what was looked
  /// at.
  [[nodiscard]] std::vector<EncodedEvent> take(std::int64_t& position, const EventWish& wish, std::size_t bytes) const;

 private:
  std::deque<EncodedEvent> events_;
  std::int64_t begin_;
  std::int64_t end_;
  std::size_t capacity_;
};

}  // namespace decom
