#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "daemon/steps/step.hpp"
#include "daemon/steps/world.hpp"

namespace decom {

// Methods of VirtualMachine and the last part of their tasks' descriptionId, vSphere Web Services API.
inline constexpr const char* kShutdownGuestCall = "ShutdownGuest";
inline constexpr const char* kPowerOffCall = "PowerOffVM_Task";
inline constexpr const char* kDestroyCall = "Destroy_Task";
inline constexpr std::string_view kPowerOffTask = "powerOff";
inline constexpr std::string_view kDestroyTask = "destroy";

/// A moment that we noted, as vCenter's clock had it. Asks vCenter where it was not noted by that clock.
Timestamp by_vcenters_clock(StepContext& ctx, const LastSeen& moment);

/// Whether its descriptionId is "VirtualMachine.<kind>".
bool is_task_of(const TaskInfo& task, std::string_view kind);

/// How an ended task is to be read.
struct TaskEnd {
  enum class Kind {
    done,
    harmless,   ///< refused without effect: the same call may be sent again
    cancelled,  ///< by somebody, in vCenter
    failed      ///< and is not sent again by itself
  };
  Kind kind = Kind::failed;
  ErrorCode code = ErrorCode::refused;  ///< when not done
  std::string text;
};
TaskEnd read_end(const TaskInfo& task);

struct TaskCall {
  const char* call = nullptr;  ///< "Destroy_Task"
  std::string_view task;       ///< "destroy"
  std::string doing;           ///< "destroying web01": for progress
  std::string before;
  bool irreversible = false;
  std::function<void()> check;        ///< run last, right before sending; throws to keep it from being sent
  std::function<std::string()> send;  ///< answers the task
  /// After an end without success: whether the world proves that nothing happened. Where it does not, the call stays
  /// open and `lost` is thrown. Empty: the end alone is proof enough.
  std::function<bool()> proves_no_effect = {};
};

/// Intent, check, call, handle, and the task to its end. A cancel on the way asks vCenter to cancel the task and then
/// waits for what became of it. Returns with the call closed as done, or as refused where its end says so; an end in
/// `gone` (the machine vanished before the call came) is refused too. Throws with the call open where there is no
/// proof.
TaskEnd run_task(StepContext& ctx, const TaskCall& what);

/// The end of an earlier call's task: waits for it if it still runs. Finds it by its handle, checking that it is ours
/// (a restored vCenter reuses numbers), or in vCenter's history since the intent. nullopt: no such task was ever there.
/// Throws what is transient, and `lost` when it still runs at the step's deadline.
std::optional<TaskEnd> find_end(StepContext& ctx, const OpenCall& call, std::string_view task,
                                const std::string& doing);

/// Throws `busy` until a call that nobody answered cannot reach the other side any more.
void require_past_deadline(StepContext& ctx, const OpenCall& call);

/// Throws `cancelled` and closes the call as not sent when a stop came between its intent and its sending.
void require_not_stopped(StepContext& ctx, Call& call);

}  // namespace decom
