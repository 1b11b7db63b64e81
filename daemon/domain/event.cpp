#include "daemon/domain/event.hpp"

#include <algorithm>
#include <array>

#include "common/base/error.hpp"

namespace decom {
namespace {

struct KindName {
  EventKind kind;
  std::string_view name;
};
constexpr std::array kKindNames{
    KindName{EventKind::request_accepted, "request.accepted"},
    KindName{EventKind::request_finished, "request.finished"},
    KindName{EventKind::decommission_queued, "decommission.queued"},
    KindName{EventKind::decommission_started, "decommission.started"},
    KindName{EventKind::decommission_holding, "decommission.holding"},
    KindName{EventKind::decommission_cancelling, "decommission.cancelling"},
    KindName{EventKind::decommission_retried, "decommission.retried"},
    KindName{EventKind::decommission_resolved, "decommission.resolved"},
    KindName{EventKind::decommission_finished, "decommission.finished"},
    KindName{EventKind::step_started, "step.started"},
    KindName{EventKind::step_observed, "step.observed"},
    KindName{EventKind::step_effect, "step.effect"},
    KindName{EventKind::step_handle, "step.handle"},
    KindName{EventKind::step_progress, "step.progress"},
    KindName{EventKind::step_message, "step.message"},
    KindName{EventKind::step_finished, "step.finished"},
    KindName{EventKind::step_lifted, "step.lifted"},
    KindName{EventKind::record_looked, "record.looked"},
    KindName{EventKind::record_returned, "record.returned"},
    KindName{EventKind::freeze_changed, "freeze.changed"},
    KindName{EventKind::notice_failed, "notice.failed"},
};
constexpr auto kKinds = [] {
  std::array<EventKind, kKindNames.size()> kinds{};
  for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i] = kKindNames[i].kind;
  return kinds;
}();

struct LevelName {
  EventLevel level;
  std::string_view name;
};
constexpr std::array kLevelNames{LevelName{EventLevel::info, "info"}, LevelName{EventLevel::warning, "warning"},
                                 LevelName{EventLevel::error, "error"}};

}  // namespace

std::string_view to_string(EventKind kind) { return std::ranges::find(kKindNames, kind, &KindName::kind)->name; }
std::string_view to_string(EventLevel level) { return std::ranges::find(kLevelNames, level, &LevelName::level)->name; }
std::span<const EventKind> all_event_kinds() { return kKinds; }

EventKind event_kind_from(std::string_view name) {
  const auto row = std::ranges::find(kKindNames, name, &KindName::name);
  if (row == kKindNames.end()) throw Error{ErrorCode::invalid, "'{}' is not a kind of event", name};
  return row->kind;
}

EventLevel event_level_from(std::string_view name) {
  const auto row = std::ranges::find(kLevelNames, name, &LevelName::name);
  if (row == kLevelNames.end()) throw Error{ErrorCode::invalid, "'{}' is not an event level", name};
  return row->level;
}

}  // namespace decom
