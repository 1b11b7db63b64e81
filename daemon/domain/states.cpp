#include "daemon/domain/states.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "common/base/error.hpp"

namespace decom {
namespace {

constexpr std::array kDecommissionStates{
    DecommissionState::pending_approval, DecommissionState::scheduled, DecommissionState::queued,
    DecommissionState::running,          DecommissionState::holding,   DecommissionState::succeeded,
    DecommissionState::failed,           DecommissionState::cancelled, DecommissionState::needs_attention};

constexpr std::array kStepStates{StepState::pending,   StepState::running, StepState::deferred, StepState::blocked,
                                 StepState::succeeded, StepState::already, StepState::warned,   StepState::skipped,
                                 StepState::failed,    StepState::unknown, StepState::cancelled};

template <typename States>
auto state_from(const States& states, std::string_view name, std::string_view what) {
  const auto found = std::ranges::find_if(states, [&](auto state) { return to_string(state) == name; });
  if (found == states.end()) throw Error{ErrorCode::invalid, "'{}' is not a state of a {}", name, what};
  return *found;
}

struct Edge {
  DecommissionState from;
  Trigger trigger;
  DecommissionState to;
};

using enum DecommissionState;
constexpr std::array kEdges{
    Edge{pending_approval, Trigger::approve, queued},
    Edge{pending_approval, Trigger::cancel, cancelled},
    Edge{scheduled, Trigger::due, queued},
    Edge{scheduled, Trigger::cancel, cancelled},
    Edge{queued, Trigger::start, running},
    Edge{queued, Trigger::cancel, cancelled},
    Edge{queued, Trigger::doubt, needs_attention},  // cancelled while an effect of an earlier run is without proof
    Edge{running, Trigger::finish, succeeded},
    Edge{running, Trigger::fail, failed},
    Edge{running, Trigger::hold, holding},
    Edge{running, Trigger::cancel, cancelled},
    Edge{running, Trigger::doubt, needs_attention},
    Edge{running, Trigger::requeue, queued},
    Edge{holding, Trigger::due, queued},
    Edge{holding, Trigger::retry, queued},
    Edge{holding, Trigger::cancel, cancelled},
    Edge{holding, Trigger::doubt, needs_attention},
    Edge{failed, Trigger::retry, queued},
    Edge{needs_attention, Trigger::retry, queued},
    Edge{needs_attention, Trigger::cancel, cancelled},  // only once nothing is in doubt: the store checks
    Edge{needs_attention, Trigger::fail, failed},       // resolved as not done
    Edge{needs_attention, Trigger::finish, succeeded},  // resolved as done, and it was the last step
};

}  // namespace

std::string_view to_string(DecommissionState state) {
  switch (state) {
    case pending_approval: return "pending_approval";
    case scheduled: return "scheduled";
    case queued: return "queued";
    case running: return "running";
    case holding: return "holding";
    case succeeded: return "succeeded";
    case failed: return "failed";
    case cancelled: return "cancelled";
    case needs_attention: return "needs_attention";
  }
  std::abort();  // not an enumerator: memory is corrupt
}

std::string_view to_string(StepState state) {
  switch (state) {
    case StepState::pending: return "pending";
    case StepState::running: return "running";
    case StepState::deferred: return "deferred";
    case StepState::blocked: return "blocked";
    case StepState::succeeded: return "succeeded";
    case StepState::already: return "already";
    case StepState::warned: return "warned";
    case StepState::skipped: return "skipped";
    case StepState::failed: return "failed";
    case StepState::unknown: return "unknown";
    case StepState::cancelled: return "cancelled";
  }
  std::abort();  // not an enumerator: memory is corrupt
}

std::string_view to_string(Trigger trigger) {
  switch (trigger) {
    case Trigger::approve: return "approve";
    case Trigger::due: return "queue";
    case Trigger::start: return "start";
    case Trigger::hold: return "hold";
    case Trigger::finish: return "finish";
    case Trigger::fail: return "fail";
    case Trigger::cancel: return "cancel";
    case Trigger::doubt: return "doubt";
    case Trigger::retry: return "retry";
    case Trigger::requeue: return "requeue";
  }
  std::abort();  // not an enumerator: memory is corrupt
}

DecommissionState decommission_state_from(std::string_view name) {
  return state_from(kDecommissionStates, name, "decommission");
}
StepState step_state_from(std::string_view name) { return state_from(kStepStates, name, "step"); }
std::span<const DecommissionState> all_decommission_states() { return kDecommissionStates; }
std::span<const StepState> all_step_states() { return kStepStates; }

bool is_closed(DecommissionState state) { return state == succeeded || state == failed || state == cancelled; }
bool is_settled(DecommissionState state) { return is_closed(state) || state == needs_attention; }

bool is_passed(StepState state) {
  return state == StepState::succeeded || state == StepState::already || state == StepState::warned ||
         state == StepState::skipped;
}
bool is_stuck(StepState state) {
  return state == StepState::deferred || state == StepState::blocked || state == StepState::failed ||
         state == StepState::unknown;
}

DecommissionState next_state(DecommissionState from, Trigger trigger) {
  const auto edge = std::ranges::find_if(kEdges, [&](const Edge& e) { return e.from == from && e.trigger == trigger; });
  if (edge == kEdges.end())
    throw Error{ErrorCode::conflict, "cannot {} a {} decommission", to_string(trigger), to_string(from)};
  return edge->to;
}

}  // namespace decom
