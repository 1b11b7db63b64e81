#include "daemon/steps/power_off.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "daemon/steps/sighting.hpp"
#include "daemon/steps/vm_task.hpp"
#include "daemon/steps/world.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

bool asks_guest(StepContext& ctx, const Machine& now) {
  return now.power == PowerState::on && now.tools_running() && ctx.options().guest_shutdown;
}

std::string power_image(const Machine& now) {
  return nlohmann::json{{"name", now.name},
                        {"power", to_string(now.power)},
                        {"tools", now.tools},
                        {"host_name", now.guest_host_name},
                        {"ip_addresses", now.ip_addresses}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// True once it is off, or not there any more; false when the request's time for it is over.
bool wait_until_off(StepContext& ctx) {
  Clock& clock = ctx.clock();
  const auto started = clock.steady();
  const milliseconds most = ctx.options().shutdown_timeout;
  constexpr milliseconds kFirst{250};
  constexpr milliseconds kMost{5'000};
  milliseconds pause = kFirst;
  for (;;) {
    try {
      const auto now = look(ctx);
      if (!now || now->power == PowerState::off) return true;
    } catch (const Error& e) {
      if (!traits(e.code()).transient) throw;  // vCenter away for a moment does not restart the guest's time
    }
    const auto waited = std::chrono::floor<milliseconds>(clock.steady() - started);
    if (waited >= most) return false;
    ctx.progress(static_cast<int>(waited * 100 / most),
                 fmt::format("waiting for the guest to shut down: {} of {}", to_text(waited), to_text(most)));
    if (!sleep_for(clock, std::min(pause, most - waited), ctx.stop())) {
      if (!ctx.shutdown().stop_requested())
        ctx.say(EventLevel::warning, "the guest was asked to shut down already; that cannot be recalled");
      throw Error{ErrorCode::cancelled, "stopped while the guest shuts down"};
    }
    pause = std::min(pause * 3 / 2, kMost);
  }
}

/// True when the machine went off by itself.
bool shut_down_guest(StepContext& ctx, const Machine& now) {
  const Identity& machine = ctx.machine().identity;
  const auto call = ctx.effect({.call = kShutdownGuestCall,
                                .target = machine.moref,
                                .before = power_image(now),
                                .irreversible = false,
                                .deadline = ctx.vms().call_timeout(machine)});
  require_not_stopped(ctx, *call);
  try {
    ctx.vms().shutdown_guest(machine);
    call->done("the guest was asked to shut down");
  } catch (const Error& e) {
    if (e.code() == ErrorCode::lost) {
      call->unclear(e.what());
    } else if (e.code() == ErrorCode::refused) {  // tools that are only said to run
      call->refused(e.what());
      ctx.say(EventLevel::info, fmt::format("the guest cannot be asked to shut down: {}", e.what()));
      return false;
    } else {
      throw;
    }
  }
  if (wait_until_off(ctx)) return true;
  ctx.say(EventLevel::warning, fmt::format("the guest did not shut down within {}: taking its power away",
                                           to_text(ctx.options().shutdown_timeout)));
  return false;
}

}  // namespace

Observation PowerOff::observe(StepContext& ctx) {
  const auto now = look(ctx);
  if (!now) return judge_absence(ctx);
  const std::string name = name_of(ctx, *now);
  if (now->power != PowerState::off && ctx.did(kPowerOffCall))
    throw Error{ErrorCode::conflict,
                "{} was powered off and is not off any more; somebody may need it, so it was left alone", name};
  switch (now->power) {
    case PowerState::off: return Satisfied{fmt::format("{} is off", name)};
    case PowerState::unknown:
      throw Error{ErrorCode::unreachable, "{} does not know whether {} is on; is its host connected?", now->vcenter,
                  name};
    case PowerState::suspended:
      return Needed{.what = fmt::format("power off {}, which is suspended", name), .before = power_image(*now)};
    case PowerState::on: break;
  }
  if (asks_guest(ctx, *now))
    return Needed{.what = fmt::format("shut down the guest of {}, and power it off if that takes more than {}", name,
                                      to_text(ctx.options().shutdown_timeout)),
                  .before = power_image(*now)};
  return Needed{.what = fmt::format("power off {} at once{}", name,
                                    ctx.options().guest_shutdown ? ": no tools run in its guest" : ""),
                .before = power_image(*now)};
}

void PowerOff::apply(StepContext& ctx, const Needed& needed) {
  const auto now = look(ctx);
  if (!now || now->power == PowerState::off) return;
  if (asks_guest(ctx, *now) && shut_down_guest(ctx, *now)) return;

  const TaskEnd end =
      run_task(ctx, {.call = kPowerOffCall,
                     .task = kPowerOffTask,
                     .doing = fmt::format("powering off {}", now->name),
                     .before = needed.before,
                     .irreversible = false,
                     .check =
                         [&] {
                           if (!look(ctx))
                             throw Error{ErrorCode::gone, "{} is not visible any more", ctx.machine().name};
                         },
                     .send = [&] { return ctx.vms().power_off(ctx.machine().identity); }});
  // It was off, or gone, when the call came: what is true now, the second look says.
  if (end.kind == TaskEnd::Kind::done || end.code == ErrorCode::conflict || end.code == ErrorCode::gone) return;
  throw Error{end.code, "cannot power off {}: {}", now->name, end.text};
}

Observation PowerOff::resume(StepContext& ctx, const OpenCall& call) {
  if (call.call == kPowerOffCall) {
    const auto end = find_end(ctx, call, kPowerOffTask, fmt::format("powering off {}", ctx.machine().name));
    if (end && end->kind == TaskEnd::Kind::done) return Satisfied{end->text};
    if (!end) {
      const auto now = look(ctx);
      if (now && now->power != PowerState::off) require_past_deadline(ctx, call);
    }
  }
  return observe(ctx);
}

}  // namespace decom
