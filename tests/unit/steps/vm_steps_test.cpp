#include <algorithm>
#include <thread>

#include <doctest/doctest.h>

#include "daemon/steps/destroy.hpp"
#include "daemon/steps/power_off.hpp"
#include "daemon/steps/vm_task.hpp"
#include "tests/support/fake_context.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;
using namespace std::chrono_literals;
using Fate = FakeVms::Fate;

namespace {

Machine web01() {
  return {.identity = {"vc-1", "vm-1", "50-1"},
          .name = "web01",
          .vcenter = "lab",
          .guest_id = "rhel8_64Guest",
          .family = OsFamily::linux_,
          .power = PowerState::on,
          .tools = "running",
          .disks = {{.label = "Hard disk 1", .capacity_bytes = 40LL << 30, .backing = "[ds] web01/web01.vmdk"}}};
}

struct World2 {
  ManualClock clock;
  FakeVms vms{clock};
  Machine machine = web01();

  World2() { vms.add(machine); }

  FakeContext context() {
    FakeContext ctx(clock, vms, machine);
    ctx.whole.steps = {{.name = "power_off", .kind = kPowerOffKind}, {.name = "destroy", .kind = kDestroyKind}};
    ctx.planned = ctx.whole.steps[1];
    return ctx;
  }
  void turn_off() {
    vms.edit("vm-1", [](Machine& m) { m.power = PowerState::off; });
  }

  /// Moves time on until `work` is through: for what waits on the clock.
  void run_through_time(const std::function<void()>& work, std::chrono::milliseconds step = 100ms) {
    std::atomic<bool> over = false;
    std::jthread worker([&] {
      work();
      over = true;
    });
    while (!over) {
      clock.advance(step);
      std::this_thread::yield();
    }
  }
};

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.code();
  }
  FAIL("nothing was thrown");
  return ErrorCode::internal;
}

OpenCall opened(const World2& world, const char* call, const std::string& handle = "") {
  return {.effect = 1,
          .call = call,
          .target = "vm-1",
          .handle = handle,
          .opened = world.clock.now(),
          .deadline = world.clock.now() + 60s,
          .server_time = world.clock.now()};
}

template <typename T>
bool is(const Observation& seen) {
  return std::holds_alternative<T>(seen);
}

}  // namespace

TEST_CASE_FIXTURE(World2, "power_off asks the guest and does not take the power where the guest obeys") {
  auto ctx = context();
  PowerOff step;
  const auto seen = step.observe(ctx);
  REQUIRE(is<Needed>(seen));
  CHECK(text_of(seen) == "shut down the guest of web01, and power it off if that takes more than 5m");
  step.apply(ctx, std::get<Needed>(seen));
  CHECK(vms.ledger() == std::vector<FakeVms::Entry>{{"ShutdownGuest", "vm-1", true}});
  CHECK(ctx.effects.front().outcome == "done");
  CHECK(text_of(step.observe(ctx)) == "web01 is off");
}

TEST_CASE_FIXTURE(World2, "a guest that does not obey loses its power when its time is over, and that is said") {
  vms.guest_ignores_shutdown("vm-1");
  auto ctx = context();
  ctx.request.shutdown_timeout = 90s;
  PowerOff step;
  run_through_time([&] { step.apply(ctx, {}); }, 1s);
  CHECK(vms.received("ShutdownGuest") == 1);
  CHECK(vms.executed("PowerOffVM_Task") == 1);
  CHECK(ctx.said == std::vector<std::string>{"the guest did not shut down within 1m 30s: taking its power away"});
  CHECK(ctx.effects[1].handle == "task-100");
  CHECK(ctx.effects[1].outcome == "done");
}

TEST_CASE_FIXTURE(World2, "without tools, or by request, the power is taken at once") {
  auto ctx = context();
  SUBCASE("no tools") {
    vms.edit("vm-1", [](Machine& m) { m.tools = "not_running"; });
  }
  SUBCASE("not wanted") { ctx.request.guest_shutdown = false; }
  SUBCASE("tools that are only said to run") { vms.next(kShutdownGuestCall, Fate::refused); }
  PowerOff step;
  step.apply(ctx, {});
  CHECK(vms.executed("PowerOffVM_Task") == 1);
  CHECK(vms.executed("ShutdownGuest") == 0);
}

TEST_CASE_FIXTURE(World2, "a lost answer to the guest's shutdown is no reason to stop waiting for it") {
  vms.next(kShutdownGuestCall, Fate::lost_executed);
  auto ctx = context();
  PowerOff().apply(ctx, {});
  CHECK(ctx.effects.front().outcome == "unknown");
  CHECK(vms.received("PowerOffVM_Task") == 0);
}

TEST_CASE_FIXTURE(World2, "a machine that went off by itself between look and call is off, not an error") {
  vms.edit("vm-1", [](Machine& m) { m.tools = "not_running"; });
  vms.before(kPowerOffCall, [&] { turn_off(); });
  auto ctx = context();
  PowerOff step;
  step.apply(ctx, {});
  CHECK(ctx.effects.front().outcome == "refused");
  CHECK(is<Satisfied>(step.observe(ctx)));
}

TEST_CASE_FIXTURE(World2, "a cancel while the guest shuts down says that this cannot be recalled") {
  vms.guest_ignores_shutdown("vm-1");
  auto ctx = context();
  vms.before("read", [&] {
    if (vms.received(kShutdownGuestCall) > 0) ctx.stopping.request_stop();
  });
  PowerOff step;
  CHECK(code_of([&] { step.apply(ctx, {}); }) == ErrorCode::cancelled);
  CHECK(ctx.said == std::vector<std::string>{"the guest was asked to shut down already; that cannot be recalled"});
  CHECK(vms.received(kPowerOffCall) == 0);
}

TEST_CASE_FIXTURE(World2, "another machine under the same MoRef is never touched, whenever it came there") {
  const auto swap = [&] {
    vms.edit("vm-1", [](Machine& m) {
      m.identity.instance_uuid = "50-other";
      m.power = PowerState::off;
    });
  };
  turn_off();
  auto ctx = context();
  SUBCASE("before the first look") {
    swap();
    CHECK(code_of([&] { (void)PowerOff().observe(ctx); }) == ErrorCode::precondition);
    CHECK(code_of([&] { (void)Destroy().observe(ctx); }) == ErrorCode::precondition);
  }
  SUBCASE("between look and intent") {
    swap();
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::precondition);
    CHECK(ctx.effects.front().outcome == "not_sent");
  }
  SUBCASE("between intent and call") {
    ctx.on_effect = swap;
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::precondition);
    CHECK(ctx.effects.front().outcome == "not_sent");
  }
  CHECK(vms.ledger().empty());
  CHECK(vms.exists("vm-1"));
}

TEST_CASE_FIXTURE(World2, "a machine that was only renamed is the machine, and its new name is said") {
  turn_off();
  vms.edit("vm-1", [](Machine& m) { m.name = "web01-old"; });
  auto ctx = context();
  Destroy step;
  const auto seen = step.observe(ctx);
  CHECK(text_of(seen) == "destroy web01-old (submitted as web01) with 1 disk (40 GiB)");
  step.apply(ctx, std::get<Needed>(seen));
  CHECK(ctx.said.size() == 1);
  CHECK(vms.executed(kDestroyCall) == 1);
  CHECK(is<Satisfied>(step.observe(ctx)));
}

TEST_CASE_FIXTURE(World2, "destroy refuses what must never be destroyed, on facts of this moment") {
  turn_off();
  auto ctx = context();
  SUBCASE("managed") {
    vms.edit("vm-1", [](Machine& m) { m.managed_by = "com.vmware.vcDr/x"; });
  }
  SUBCASE("template") {
    vms.edit("vm-1", [](Machine& m) { m.is_template = true; });
  }
  SUBCASE("first-class disk") {
    vms.edit("vm-1", [](Machine& m) { m.disks[0].first_class = true; });
  }
  SUBCASE("the daemon's own") { ctx.protected_ones = {"50-1"}; }
  SUBCASE("a disk that another machine needs") { vms.set_sharers({"clone01"}); }
  CHECK(is<Blocked>(Destroy().observe(ctx)));
}

TEST_CASE_FIXTURE(World2, "what became undestroyable after the look is not destroyed either") {
  turn_off();
  auto ctx = context();
  ctx.on_effect = [&] { vms.edit("vm-1", [](Machine& m) { m.disks[0].multi_writer = true; }); };
  CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::conflict);
  CHECK(vms.ledger().empty());
}

TEST_CASE_FIXTURE(World2, "powered on again is never powered off a second time") {
  turn_off();
  auto ctx = context();
  const auto turn_on = [&] { vms.edit("vm-1", [](Machine& m) { m.power = PowerState::on; }); };
  SUBCASE("at the look") {
    turn_on();
    CHECK(code_of([&] { (void)Destroy().observe(ctx); }) == ErrorCode::conflict);
    CHECK(vms.ledger().empty());
  }
  SUBCASE("after the intent") {
    ctx.on_effect = turn_on;
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::conflict);
    CHECK(vms.ledger().empty());
  }
  SUBCASE("while the call is under way") {
    vms.before(kDestroyCall, turn_on);
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::conflict);
    CHECK(ctx.effects.front().outcome == "refused");
    CHECK(vms.executed(kDestroyCall) == 0);
  }
  CHECK(vms.exists("vm-1"));
}

TEST_CASE_FIXTURE(World2,
                  "a preview of destroy presumes that power_off will have done its part, and nothing else does") {
  auto ctx = context();
  ctx.rehearses = true;
  CHECK(text_of(Destroy().observe(ctx)) == "destroy web01 with 1 disk (40 GiB), once it is off");
  ctx.whole.steps[0].skipped = true;
  CHECK(is<Blocked>(Destroy().observe(ctx)));
}

TEST_CASE_FIXTURE(World2, "not visible is gone only with proof") {
  auto ctx = context();
  SUBCASE("unregistered") {
    vms.remove("vm-1");
    CHECK(is<Unknown>(Destroy().observe(ctx)));
    CHECK(is<Unknown>(PowerOff().observe(ctx)));
  }
  SUBCASE("hidden by a right that was taken away on this one object") {
    vms.hide("vm-1");
    CHECK(is<Unknown>(Destroy().observe(ctx)));
  }
  SUBCASE("rights lost everywhere") {
    vms.hide("vm-1");
    vms.set_root_readable(false);
    CHECK(text_of(Destroy().observe(ctx)) ==
          "web01 is not visible, and neither is the root folder of lab: our rights were lost");
  }
  SUBCASE("moved to another vCenter, though a task of ours says destroy") {
    vms.destroy_by_other("vm-1");
    vms.set_elsewhere({"lab2"});
    CHECK(is<Unknown>(Destroy().observe(ctx)));
  }
  SUBCASE("destroyed by somebody else") {
    vms.destroy_by_other("vm-1");
    CHECK(is<Satisfied>(Destroy().observe(ctx)));
    CHECK(is<Satisfied>(PowerOff().observe(ctx)));
  }
  SUBCASE("a destroy task from before we saw it is another machine's: a restored vCenter reuses numbers") {
    vms.add_task("vm-1", "destroy", TaskState::success, clock.now() - 1h);
    vms.remove("vm-1");
    CHECK(is<Unknown>(Destroy().observe(ctx)));
  }
  SUBCASE("vCenter's clock is not ours") {
    vms.set_server_offset(-2h);
    vms.destroy_by_other("vm-1");
    CHECK(is<Satisfied>(Destroy().observe(ctx)));
  }
  SUBCASE("by ourselves") {
    vms.remove("vm-1");
    ctx.done = {kDestroyCall};
    CHECK(is<Satisfied>(Destroy().observe(ctx)));
  }
  SUBCASE("a vCenter that cannot be asked leaves it open") {
    vms.set_unreachable(true);
    CHECK(code_of([&] { (void)Destroy().observe(ctx); }) == ErrorCode::unreachable);
  }
}

TEST_CASE_FIXTURE(World2, "a stop between intent and call: cancelled, not sent") {
  turn_off();
  auto ctx = context();
  ctx.on_effect = [&] { ctx.stopping.request_stop(); };
  CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::cancelled);
  CHECK(ctx.effects.front().outcome == "not_sent");
  CHECK(vms.ledger().empty());
}

TEST_CASE_FIXTURE(World2, "a cancel in flight cancels the task where it can and waits for the truth") {
  turn_off();
  auto ctx = context();
  vms.next(kDestroyCall, Fate::task_runs);
  SUBCASE("cancelable") {
    vms.before("wait", [&] { ctx.stopping.request_stop(); });
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::cancelled);
    CHECK(ctx.effects.front().outcome == "refused");
    CHECK(vms.exists("vm-1"));
  }
  SUBCASE("not cancelable: it is done in the end") {
    vms.set_tasks_cancelable(false);
    int waits = 0;
    vms.before("wait", [&] {
      ctx.stopping.request_stop();
      if (++waits == 2) vms.finish("task-100");
    });
    Destroy().apply(ctx, {});
    CHECK(ctx.effects.front().outcome == "done");
    CHECK_FALSE(vms.exists("vm-1"));
  }
  SUBCASE("shutdown leaves it open, with its handle") {
    vms.before("wait", [&] {
      ctx.shutting_down.request_stop();
      ctx.stopping.request_stop();
    });
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::cancelled);
    CHECK(ctx.effects.front().outcome == "open");
    CHECK(ctx.effects.front().handle == "task-100");
    CHECK(vms.received("CancelTask") == 0);
  }
}

TEST_CASE_FIXTURE(World2,
                  "a destroy task that fails leaves the call refused where the machine is still there, else open") {
  turn_off();
  auto ctx = context();
  vms.next(kDestroyCall, Fate::task_fails, "GenericVmConfigFault");
  SUBCASE("still there") {
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::refused);
    CHECK(ctx.effects.front().outcome == "refused");
  }
  SUBCASE("not visible") {
    vms.before("wait", [&] { vms.hide("vm-1"); });
    CHECK(code_of([&] { Destroy().apply(ctx, {}); }) == ErrorCode::lost);
    CHECK(ctx.effects.front().outcome == "open");
  }
}

TEST_CASE_FIXTURE(World2, "recovery of a destroy: every row of the table") {
  turn_off();
  auto ctx = context();
  Destroy step;
  SUBCASE("no handle, the call never arrived: only past its deadline may it be sent again") {
    const OpenCall call = opened(*this, kDestroyCall);
    clock.advance(30s);
    CHECK(code_of([&] { (void)step.resume(ctx, call); }) == ErrorCode::busy);
    clock.advance(31s);
    CHECK(is<Needed>(step.resume(ctx, call)));
  }
  SUBCASE("an administrator who steps our clock does not shorten that") {
    const OpenCall call = opened(*this, kDestroyCall);
    vms.set_server_offset(-24h);
    clock.set_wall_clock(clock.now() + 24h);
    CHECK(code_of([&] { (void)step.resume(ctx, call); }) == ErrorCode::busy);
  }
  SUBCASE("no handle, it was executed: its task is found in the history") {
    const OpenCall call = opened(*this, kDestroyCall);
    vms.next(kDestroyCall, Fate::lost_executed);
    CHECK_THROWS_AS(vms.destroy(machine.identity), Error);
    CHECK(text_of(step.resume(ctx, call)) == "task-100 succeeded");
  }
  SUBCASE("no handle, its task still runs: wait for it") {
    const OpenCall call = opened(*this, kDestroyCall);
    vms.next(kDestroyCall, Fate::task_runs);
    (void)vms.destroy(machine.identity);
    vms.before("wait", [&] { vms.finish("task-100"); });
    CHECK(is<Satisfied>(step.resume(ctx, call)));
  }
  SUBCASE("with a handle: that very task") {
    vms.next(kDestroyCall, Fate::task_runs);
    const OpenCall call = opened(*this, kDestroyCall, vms.destroy(machine.identity));
    vms.before("wait", [&] { vms.finish("task-100"); });
    CHECK(is<Satisfied>(step.resume(ctx, call)));
  }
  SUBCASE("with a handle that vCenter's list forgot: its history knows") {
    const OpenCall call = opened(*this, kDestroyCall, vms.destroy(machine.identity));
    vms.forget_recent_tasks();
    CHECK(is<Satisfied>(step.resume(ctx, call)));
  }
  SUBCASE("with a handle that is another's by now: a restored vCenter reuses numbers") {
    const std::string others = vms.add_task("vm-7", "destroy", TaskState::success, clock.now() + 1s);
    clock.advance(61s);
    OpenCall call = opened(*this, kDestroyCall, others);
    call.opened = call.opened - 61s;
    call.deadline = call.deadline - 61s;
    call.server_time = *call.server_time - 61s;
    CHECK(is<Needed>(step.resume(ctx, call)));
  }
  SUBCASE("refused without effect: may be sent again") {
    const OpenCall call = opened(*this, kDestroyCall);
    vms.next(kDestroyCall, Fate::task_fails, "TaskInProgress");
    (void)vms.destroy(machine.identity);
    CHECK(is<Needed>(step.resume(ctx, call)));
  }
  SUBCASE("failed: not sent again by itself") {
    const OpenCall call = opened(*this, kDestroyCall);
    vms.next(kDestroyCall, Fate::task_fails, "InvalidPowerState");
    (void)vms.destroy(machine.identity);
    CHECK(is<Blocked>(step.resume(ctx, call)));
  }
  SUBCASE("gone without any task: no proof") {
    const OpenCall call = opened(*this, kDestroyCall);
    vms.remove("vm-1");
    CHECK(is<Unknown>(step.resume(ctx, call)));
  }
  SUBCASE("another machine stands there: no proof") {
    const OpenCall call = opened(*this, kDestroyCall);
    vms.edit("vm-1", [](Machine& m) { m.identity.instance_uuid = "50-other"; });
    CHECK(is<Unknown>(step.resume(ctx, call)));
  }
  SUBCASE("an older task of the same kind is not this call's") {
    vms.add_task("vm-1", "destroy", TaskState::error, clock.now() - 1s);
    const OpenCall call = opened(*this, kDestroyCall);
    clock.advance(61s);
    CHECK(is<Needed>(step.resume(ctx, call)));
  }
  SUBCASE("still running at the deadline of the step") {
    vms.next(kDestroyCall, Fate::task_runs);
    const OpenCall call = opened(*this, kDestroyCall, vms.destroy(machine.identity));
    ctx.time = 0s;
    CHECK(code_of([&] { (void)step.resume(ctx, call); }) == ErrorCode::lost);
  }
  const int sent = vms.received(kDestroyCall);
  CHECK(sent <= 1);
}

TEST_CASE_FIXTURE(World2, "recovery of a power-off looks at the machine, and sends again only past the deadline") {
  auto ctx = context();
  PowerOff step;
  const OpenCall call = opened(*this, kPowerOffCall);
  SUBCASE("still on") {
    CHECK(code_of([&] { (void)step.resume(ctx, call); }) == ErrorCode::busy);
    clock.advance(61s);
    CHECK(is<Needed>(step.resume(ctx, call)));
  }
  SUBCASE("off") {
    turn_off();
    CHECK(is<Satisfied>(step.resume(ctx, call)));
  }
  SUBCASE("a guest's shutdown may be asked for again at once") {
    CHECK(is<Needed>(step.resume(ctx, opened(*this, kShutdownGuestCall))));
  }
}
