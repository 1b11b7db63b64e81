#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"

namespace decom {

enum class EventKind {
  request_accepted,
  request_finished,
  decommission_queued,
  decommission_started,
  decommission_holding,
  decommission_cancelling,
  decommission_retried,
  decommission_resolved,
  decommission_finished,  ///< settled: data.state says how
  step_started,
  step_observed,
  step_effect,      ///< an intent was committed; the call is about to be sent
  step_handle,      ///< the other side took it: data.handle
  step_progress,    ///< batched; at most four a second a step
  step_message,     ///< a line for people, or a warning or error that stays visible
  step_finished,    ///< data.state says how
  step_lifted,      ///< after the end: what the step left behind, such as a silence, was taken away
  record_looked,    ///< after the end: looked for again; nothing new was there, or the system could not be asked
  record_returned,  ///< after the end: records that were removed are there again
  freeze_changed,
  notice_failed  ///< somebody was to be told, and was not
};
std::string_view to_string(EventKind kind);  ///< "request.accepted", "step.finished": dots on the wire
EventKind event_kind_from(std::string_view name);
std::span<const EventKind> all_event_kinds();

enum class EventLevel { info, warning, error };
std::string_view to_string(EventLevel level);
EventLevel event_level_from(std::string_view name);

/// One immutable row of the journal. `seq` has no gaps and rises in commit order.
struct Event {
  std::int64_t seq = 0;
  Timestamp at{};
  std::int64_t request = 0;         ///< 0: of the daemon as a whole
  std::optional<int> machine;       ///< ordinal in the request
  std::optional<std::string> step;  ///< its name
  EventKind kind = EventKind::step_message;
  EventLevel level = EventLevel::info;
  std::string text;         ///< for people, as it came: escape at the sink
  std::string data = "{}";  ///< a JSON object, for programs

  bool operator==(const Event&) const = default;
};

}  // namespace decom
