#pragma once

#include <span>
#include <string_view>

/// Every state, spelled as on the wire, in the database and in the manual page.
namespace decom {

enum class DecommissionState {
  pending_approval,
  scheduled,  ///< its time has not come
  queued,
  running,
  holding,  ///< nothing can run now; no worker is occupied
  succeeded,
  failed,
  cancelled,
  needs_attention  ///< an irreversible call whose outcome is unknown; a person decides
};

enum class StepState {
  pending,
  running,
  deferred,  ///< the other system could not be reached; tried again at not_before
  blocked,   ///< it must not be done as things are
  succeeded,
  already,  ///< found as it should be
  warned,   ///< left alone, and said why
  skipped,  ///< left out by request or by plan
  failed,
  unknown,  ///< an effect was sent and there is no proof of its outcome
  cancelled
};

std::string_view to_string(DecommissionState state);
std::string_view to_string(StepState state);
DecommissionState decommission_state_from(std::string_view name);  ///< throws `invalid`
StepState step_state_from(std::string_view name);                  ///< throws `invalid`
std::span<const DecommissionState> all_decommission_states();
std::span<const StepState> all_step_states();

/// Nothing more happens by itself: succeeded, failed, cancelled, needs_attention.
bool is_settled(DecommissionState state);
/// The machine is free for another request: succeeded, failed, cancelled. needs_attention still holds it.
bool is_closed(DecommissionState state);
/// The step is through and its successors may run: succeeded, already, warned, skipped.
bool is_passed(StepState state);
/// It stops its successors until somebody or something moves it: deferred, blocked, failed, unknown.
bool is_stuck(StepState state);

/// What moves a decommission.
enum class Trigger {
  approve,
  due,    ///< its time came, or the reason to hold is over
  start,  ///< a worker takes it
  hold,   ///< nothing runnable now
  finish,
  fail,
  cancel,  ///< settled as cancelled, with nothing in doubt
  doubt,   ///< an effect is without proof
  retry,
  requeue  ///< the daemon died or stopped under it
};
std::string_view to_string(Trigger trigger);

/// The table is the diagram. Throws `conflict` for what the table does not have.
DecommissionState next_state(DecommissionState from, Trigger trigger);

}  // namespace decom
