#include "daemon/steps/destroy.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/domain/policy.hpp"
#include "daemon/steps/power_off.hpp"
#include "daemon/steps/sighting.hpp"
#include "daemon/steps/vm_task.hpp"
#include "daemon/steps/world.hpp"

namespace decom {
namespace {

/// What is left of it afterwards: enough to know what was lost, and to look for its files.
std::string machine_image(const Machine& now) {
  nlohmann::json disks = nlohmann::json::array();
  for (const Disk& disk : now.disks)
    disks.push_back({{"label", disk.label}, {"capacity_bytes", disk.capacity_bytes}, {"backing", disk.backing}});
  return nlohmann::json{{"name", now.name},
                        {"moref", now.identity.moref},
                        {"instance_uuid", now.identity.instance_uuid},
                        {"bios_uuid", now.bios_uuid},
                        {"vcenter", now.vcenter},
                        {"datacenter", now.datacenter},
                        {"folder", now.folder},
                        {"cluster", now.cluster},
                        {"guest_id", now.guest_id},
                        {"cpus", now.cpus},
                        {"memory_mb", now.memory_mb},
                        {"annotation", now.annotation},
                        {"attributes", now.attributes},
                        {"tags", now.tags},
                        {"disks", disks},
                        {"snapshots", now.snapshots}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string describe(const std::string& name, const Machine& now) {
  std::int64_t bytes = 0;
  for (const Disk& disk : now.disks) bytes += disk.capacity_bytes;
  std::string text = fmt::format("destroy {} with {} disk{} ({} GiB)", name, now.disks.size(),
                                 now.disks.size() == 1 ? "" : "s", (bytes + (1LL << 30) - 1) >> 30);
  if (!now.snapshots.empty())
    text += fmt::format(" and {} snapshot{}", now.snapshots.size(), now.snapshots.size() == 1 ? "" : "s");
  return text;
}

/// Whether an earlier step of the plan will have powered it off.
bool follows_power_off(StepContext& ctx) {
  for (const PlanStep& step : ctx.plan().steps) {
    if (step.name == ctx.step().name) return false;
    if (step.kind == kPowerOffKind && !step.skipped) return true;
  }
  return false;
}

[[noreturn]] void throw_powered_on(StepContext& ctx, const Machine& now) {
  if (!follows_power_off(ctx))
    throw Error{ErrorCode::conflict, "{} is powered on, and no step of the plan powers it off", now.name};
  throw Error{ErrorCode::conflict,
              "{} was powered on again since it was powered off; somebody may need it, so it was left alone", now.name};
}

void require_off(StepContext& ctx, const Machine& now) {
  if (now.power == PowerState::unknown)
    throw Error{ErrorCode::unreachable, "{} does not know whether {} is off; is its host connected?", now.vcenter,
                now.name};
  if (now.power != PowerState::off) throw_powered_on(ctx, now);
}

/// The refusals that one read tells.
void require_destroyable(StepContext& ctx, const Machine& now) {
  if (const auto why = refusals(now, ctx.protected_uuids()); !why.empty())
    throw Error{ErrorCode::conflict, "{} must not be destroyed: {}", now.name, join(why, "; ")};
}

/// The call ended without success: that proves that it had no effect only while the very machine is still there.
bool is_still_there(StepContext& ctx) {
  try {
    return look(ctx).has_value();
  } catch (const Error& e) {
    if (e.code() == ErrorCode::precondition) return false;
    throw;
  }
}

}  // namespace

Observation Destroy::observe(StepContext& ctx) {
  const auto now = look(ctx);
  if (!now) return judge_absence(ctx);
  auto why = refusals(*now, ctx.protected_uuids());
  if (const auto sharers = ctx.vms().sharing_disks(*now); !sharers.empty())
    why.push_back(fmt::format("its disks are also used by {}", join(sharers, ", ")));
  if (!why.empty()) return Blocked{fmt::format("{} must not be destroyed: {}", now->name, join(why, "; "))};

  Needed needed{.what = describe(name_of(ctx, *now), *now), .before = machine_image(*now)};
  if (now->power != PowerState::off && ctx.rehearsal()) {
    if (!follows_power_off(ctx))
      return Blocked{fmt::format("{} is powered on, and no step of the plan powers it off", now->name)};
    needed.what += ", once it is off";
    return needed;
  }
  require_off(ctx, *now);
  return needed;
}

void Destroy::apply(StepContext& ctx, const Needed& needed) {
  const std::string& submitted = ctx.machine().name;
  const TaskEnd end = run_task(
      ctx, {.call = kDestroyCall,
            .task = kDestroyTask,
            .doing = fmt::format("destroying {}", submitted),
            .before = needed.before,
            .irreversible = true,
            .check =
                [&] {
                  const auto now = look(ctx);
                  if (!now) throw Error{ErrorCode::gone, "{} is not visible any more", submitted};
                  require_destroyable(ctx, *now);
                  require_off(ctx, *now);
                  if (now->name != submitted)
                    ctx.say(EventLevel::warning,
                            fmt::format("it is called {} by now; it was submitted as {} and is the same machine",
                                        now->name, submitted));
                },
            .send = [&] { return ctx.vms().destroy(ctx.machine().identity); },
            .proves_no_effect = [&] { return is_still_there(ctx); }});
  if (end.kind == TaskEnd::Kind::done || end.code == ErrorCode::gone) return;
  if (end.code == ErrorCode::conflict)
    throw Error{ErrorCode::conflict,
                "cannot destroy {}: it was powered on again; somebody may need it, so it was left alone", submitted};
  throw Error{end.code, "cannot destroy {}: {}", submitted, end.text};
}

Observation Destroy::resume(StepContext& ctx, const OpenCall& call) {
  const auto end = find_end(ctx, call, kDestroyTask, fmt::format("destroying {}", ctx.machine().name));
  if (end && end->kind == TaskEnd::Kind::done) return Satisfied{end->text};
  if (!is_still_there(ctx)) {
    Observation seen = judge_absence(ctx);
    if (std::holds_alternative<Satisfied>(seen)) return seen;
    return Unknown{fmt::format("{}{}", text_of(seen), end ? "; " + end->text : "")};
  }
  if (!end) {
    require_past_deadline(ctx, call);
    return Needed{
        .what = fmt::format("{} is unchanged, and vCenter has no task that would destroy it", ctx.machine().name)};
  }
  if (end->kind == TaskEnd::Kind::failed)
    return Blocked{fmt::format("cannot destroy {}: {}", ctx.machine().name, end->text)};
  return Needed{.what = end->text};
}

}  // namespace decom
