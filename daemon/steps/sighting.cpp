#include "daemon/steps/sighting.hpp"

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/steps/vm_task.hpp"
#include "daemon/steps/world.hpp"

namespace decom {

std::optional<Machine> look(StepContext& ctx) {
  const Machine& submitted = ctx.machine();
  std::optional<Machine> now;
  try {
    now = ctx.vms().read_machine(submitted.identity);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::gone) throw;
    return std::nullopt;
  }
  if (now->identity.instance_uuid.empty())
    throw Error{ErrorCode::unreachable, "{} cannot read the configuration of {} now; is its host connected?",
                submitted.vcenter, submitted.name};
  if (!equals_folded(now->identity.instance_uuid, submitted.identity.instance_uuid))
    throw Error{ErrorCode::precondition,
                "{} is not {} any more: '{}' with another instance UUID stands in its place; it was left alone",
                submitted.id(), submitted.name, now->name};
  return now;
}

Observation judge_absence(StepContext& ctx) {
  const Machine& submitted = ctx.machine();
  if (ctx.did(kDestroyCall)) return Satisfied{fmt::format("{} was destroyed", submitted.name)};
  VmOps& vms = ctx.vms();
  if (!vms.can_read_root(submitted.identity))
    return Unknown{fmt::format("{} is not visible, and neither is the root folder of {}: our rights were lost",
                               submitted.name, submitted.vcenter)};
  if (const auto places = vms.known_elsewhere(submitted.identity); !places.empty())
    return Unknown{fmt::format("{} is not visible at {} any more; its instance UUID is known to {}", submitted.name,
                               submitted.id(), join(places, ", "))};
  for (const TaskInfo& task : vms.task_history(submitted.identity, by_vcenters_clock(ctx, ctx.last_seen())))
    if (task.entity == submitted.identity.moref && is_task_of(task, kDestroyTask) && task.state == TaskState::success)
      return Satisfied{fmt::format("{} is gone: {} of {} destroyed it{}", submitted.name, task.moref, submitted.vcenter,
                                   task.completed_at ? " at " + to_rfc3339(*task.completed_at) : "")};
  return Unknown{
      fmt::format("{} is not visible, and no task of {} destroyed it: it may be unregistered, moved, or hidden from us",
                  submitted.name, submitted.vcenter)};
}

std::string name_of(StepContext& ctx, const Machine& now) {
  if (now.name == ctx.machine().name) return now.name;
  return fmt::format("{} (submitted as {})", now.name, ctx.machine().name);
}

}  // namespace decom
