#include "daemon/steps/vm_task.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

milliseconds time_left(StepContext& ctx) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(ctx.deadline() - ctx.clock().steady()));
}

/// Waits, and on a cancel asks vCenter to cancel and waits for the truth. On shutdown it throws `cancelled` at once:
/// the handle is on disk.
TaskInfo wait_to_the_end(StepContext& ctx, const std::string& task, const std::string& doing) {
  const Identity& machine = ctx.machine().identity;
  const auto on_progress = [&](int percent) { ctx.progress(percent, doing); };
  try {
    return ctx.vms().wait_for_task(machine, task, time_left(ctx), ctx.stop(), on_progress);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::cancelled || ctx.shutdown().stop_requested()) throw;
  }
  try {
    ctx.vms().cancel_task(machine, task);
    ctx.say(EventLevel::info, fmt::format("asked vCenter to cancel {}; waiting for what became of it", task));
  } catch (const Error& e) {
    ctx.say(EventLevel::info, fmt::format("{} cannot be cancelled ({}); waiting for its end", task, e.what()));
  }
  return ctx.vms().wait_for_task(machine, task, time_left(ctx), ctx.shutdown(), on_progress);
}

bool has_ended(const TaskInfo& task) { return task.state == TaskState::success || task.state == TaskState::error; }

TaskEnd end_of(StepContext& ctx, TaskInfo task, const std::string& doing) {
  if (!has_ended(task)) {
    try {
      task = wait_to_the_end(ctx, task.moref, doing);
    } catch (const Error& e) {
      if (e.code() == ErrorCode::timed_out && ctx.clock().steady() >= ctx.deadline())
        throw Error{ErrorCode::lost, "{} of vCenter still runs at the deadline of the step", task.moref};
      throw;
    }
  }
  return read_end(task);
}

}  // namespace

Timestamp by_vcenters_clock(StepContext& ctx, const LastSeen& moment) {
  if (moment.theirs) return *moment.theirs;
  return moment.ours + (ctx.vms().server_time(ctx.machine().identity) - ctx.clock().now());
}

bool is_task_of(const TaskInfo& task, std::string_view kind) {
  const std::string_view id = task.description_id;
  return equals_folded(id.substr(id.rfind('.') + 1), kind);
}

TaskEnd read_end(const TaskInfo& task) {
  using Kind = TaskEnd::Kind;
  if (task.state == TaskState::success)
    return {.kind = Kind::done, .code = ErrorCode::internal, .text = fmt::format("{} succeeded", task.moref)};
  const std::string text = fmt::format("{}: {}", task.moref, explain_fault(task.fault, task.message));
  if (task.cancelled || task.fault == "RequestCanceled")
    return {.kind = Kind::cancelled,
            .code = ErrorCode::cancelled,
            .text = fmt::format("{} was cancelled in vCenter", task.moref)};
  // Faults that vCenter raises before it does anything, and that pass by themselves.
  constexpr std::array<std::string_view, 3> kBusy{"TaskInProgress", "ResourceInUse", "ConcurrentAccess"};
  if (std::ranges::find(kBusy, task.fault) != kBusy.end())
    return {.kind = Kind::harmless, .code = ErrorCode::busy, .text = text};
  if (task.fault == "NoPermission") return {.kind = Kind::failed, .code = ErrorCode::denied, .text = text};
  if (task.fault == "InvalidPowerState") return {.kind = Kind::failed, .code = ErrorCode::conflict, .text = text};
  return {.kind = Kind::failed, .code = ErrorCode::refused, .text = text};
}

TaskEnd run_task(StepContext& ctx, const TaskCall& what) {
  const Identity& machine = ctx.machine().identity;
  const auto call = ctx.effect({.call = what.call,
                                .target = machine.moref,
                                .before = what.before,
                                .irreversible = what.irreversible,
                                .deadline = ctx.vms().call_timeout(machine),
                                .server_time = ctx.vms().server_time(machine)});
  require_not_stopped(ctx, *call);
  try {
    what.check();
  } catch (const Error& e) {
    call->not_sent(e.what());
    throw;
  }
  std::string task;
  try {
    task = what.send();
  } catch (const Error& e) {
    if (e.code() != ErrorCode::gone) throw;
    call->refused(e.what());
    return {.kind = TaskEnd::Kind::failed, .code = ErrorCode::gone, .text = e.what()};
  }
  call->handle(task);
  TaskEnd end = end_of(ctx, TaskInfo{.moref = task}, what.doing);
  if (end.kind == TaskEnd::Kind::done) {
    call->done(end.text);
  } else {
    if (what.proves_no_effect && !what.proves_no_effect()) throw Error{ErrorCode::lost, "{}", end.text};
    call->refused(end.text);
  }
  return end;
}

std::optional<TaskEnd> find_end(StepContext& ctx, const OpenCall& call, std::string_view task,
                                const std::string& doing) {
  const Identity& machine = ctx.machine().identity;
  const Timestamp since = by_vcenters_clock(ctx, {.ours = call.opened, .theirs = call.server_time});
  const auto is_ours = [&](const TaskInfo& info) {
    return info.entity == machine.moref && is_task_of(info, task) && (!info.queued_at || *info.queued_at >= since);
  };
  if (!call.handle.empty()) {
    try {
      const TaskInfo info = ctx.vms().read_task(machine, call.handle);
      if (is_ours(info)) return end_of(ctx, info, doing);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::gone) throw;  // vCenter forgets ended tasks; its history keeps them for days
    }
  }
  std::vector<TaskInfo> ours = ctx.vms().task_history(machine, since);
  std::erase_if(ours, [&](const TaskInfo& info) { return !is_ours(info); });
  if (ours.empty()) return std::nullopt;
  const auto better = [](TaskState state) {
    return state == TaskState::success ? 0 : state == TaskState::error ? 2 : 1;
  };
  std::ranges::stable_sort(ours, {}, [&](const TaskInfo& info) { return better(info.state); });
  // One that succeeded tells all; one that still runs will tell; of those that failed, the last.
  const TaskInfo& chosen = ours.front().state == TaskState::error ? ours.back() : ours.front();
  return end_of(ctx, chosen, doing);
}

void require_past_deadline(StepContext& ctx, const OpenCall& call) {
  const milliseconds limit = call.deadline - call.opened;
  const Timestamp now = ctx.clock().now();
  // Our wall clock may have been stepped since; the other side's tells the time that went by there.
  const bool past = call.server_time ? ctx.vms().server_time(ctx.machine().identity) - *call.server_time >= limit
                                     : now >= call.deadline || now < call.opened;
  if (past) return;
  throw Error{ErrorCode::busy, "the answer to {} was never seen; until {} it may still be on its way", call.call,
              to_rfc3339(call.deadline)};
}

void require_not_stopped(StepContext& ctx, Call& call) {
  if (!ctx.stop().stop_requested()) return;
  call.not_sent("stopped before it was sent");
  throw Error{ErrorCode::cancelled, "stopped before the call was sent: nothing was done"};
}

}  // namespace decom
