#include <doctest/doctest.h>

#include "common/base/failpoint.hpp"
#include "daemon/steps/vm_task.hpp"
#include "tests/unit/engine/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;
using Fate = FakeVms::Fate;

TEST_CASE_FIXTURE(EngineFixture, "the daemon died before the intent: the step starts over") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  begin(taken, "destroy");
  reopen();
  start();
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "the daemon died between intent and handle") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  open_destroy(begin(taken, "destroy"));
  const Timestamp opened = clock.now();
  SUBCASE("it was never sent: one more attempt, past the deadline of the first") {
    Timestamp sent{};
    vms.before(kDestroyCall, [&] { sent = clock.now(); });
    reopen();
    start();
    REQUIRE(until_state(DecommissionState::succeeded));
    CHECK(sent - opened >= 60s);
    CHECK(effects("destroy").size() == 2);
    CHECK(effects("destroy")[0].outcome == EffectOutcome::not_sent);
  }
  SUBCASE("it was executed: its task proves that") {
    (void)vms.destroy({"vc-1", "vm-1", "50-1"});
    reopen();
    start();
    REQUIRE(until_state(DecommissionState::succeeded));
    CHECK(step("destroy").state == StepState::succeeded);
    CHECK(effects("destroy").size() == 1);
    CHECK(effects("destroy")[0].outcome == EffectOutcome::done);
  }
  SUBCASE("it arrives late, by way of a proxy: it is waited for and found") {
    reopen();
    start();
    REQUIRE(until_state(DecommissionState::holding));
    (void)vms.destroy({"vc-1", "vm-1", "50-1"});
    REQUIRE(until_state(DecommissionState::succeeded));
  }
  SUBCASE("it is gone and nothing says why: unknown") {
    vms.remove("vm-1");
    reopen();
    start();
    REQUIRE(until_settled());
    CHECK(state() == DecommissionState::needs_attention);
    CHECK(vms.received(kDestroyCall) == 0);
    return;
  }
  CHECK(vms.received(kDestroyCall) == 1);
  CHECK(vms.executed(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "the daemon died after the handle: that very task decides") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  const auto effect = open_destroy(begin(taken, "destroy"));
  SUBCASE("done meanwhile") { store->set_handle(effect, vms.destroy({"vc-1", "vm-1", "50-1"})); }
  SUBCASE("still running") {
    vms.next(kDestroyCall, Fate::task_runs);
    store->set_handle(effect, vms.destroy({"vc-1", "vm-1", "50-1"}));
    vms.before("wait", [&] {
      if (!vms.running_tasks().empty()) vms.finish("task-100");
    });
  }
  SUBCASE("done, and vCenter's list forgot it") {
    store->set_handle(effect, vms.destroy({"vc-1", "vm-1", "50-1"}));
    vms.forget_recent_tasks();
  }
  reopen();
  start();
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(step("destroy").state == StepState::succeeded);
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "the daemon died after the outcome: the next step runs") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  const auto attempt = begin(taken, "destroy");
  const auto effect = open_destroy(attempt);
  store->set_handle(effect, vms.destroy({"vc-1", "vm-1", "50-1"}));
  store->finish_attempt(attempt, {.state = StepState::succeeded,
                                  .text = "done",
                                  .effects = {{effect, EffectOutcome::done, "task-100 succeeded"}}});
  reopen();
  start();
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(vms.received(kDestroyCall) == 1);
  CHECK(directory.removed().size() == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "a cancel that was committed before the death: the truth first, then cancelled") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  const auto effect = open_destroy(begin(taken, "destroy"));
  store->set_handle(effect, vms.destroy({"vc-1", "vm-1", "50-1"}));
  (void)store->cancel(1, {}, alice);
  reopen();
  start();
  REQUIRE(until_settled());
  CHECK(step("destroy").state == StepState::succeeded);
  CHECK(state() == DecommissionState::cancelled);
  CHECK(directory.removed().empty());
}

TEST_CASE_FIXTURE(EngineFixture, "an unreachable vCenter at recovery leaves the call open, and nothing is sent") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  open_destroy(begin(taken, "destroy"));
  vms.set_unreachable(true);
  reopen();
  start();
  REQUIRE(until_state(DecommissionState::holding));
  CHECK(effects("destroy")[0].outcome == EffectOutcome::open);
  vms.set_unreachable(false);
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "an orderly stop leaves a running task to the next start, and is no crash") {
  submit(1);
  vms.next(kDestroyCall, Fate::task_runs);
  start();
  REQUIRE(until([&] { return !vms.running_tasks().empty(); }));
  for (int times = 0; times < 4; ++times) {
    stop();
    CHECK(state() == DecommissionState::queued);
    CHECK(effects("destroy")[0].outcome == EffectOutcome::open);
    CHECK(effects("destroy")[0].handle == "task-100");
    start();
    REQUIRE(until_state(DecommissionState::running));
  }
  vms.finish("task-100");
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "powered on again while the daemon was dead: its power is not taken a second time") {
  submit(1);
  const Claim taken = claim();
  const auto effect = store->open_effect({.attempt = begin(taken, "power_off"),
                                          .call = kPowerOffCall,
                                          .target = "vm-1",
                                          .deadline = clock.now() + 60s,
                                          .server_time = clock.now()});
  store->set_handle(effect, vms.power_off({"vc-1", "vm-1", "50-1"}));
  vms.edit("vm-1", [](Machine& m) { m.power = PowerState::on; });
  reopen();
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::failed);
  CHECK(effects("power_off")[0].outcome == EffectOutcome::done);
  CHECK(vms.received(kPowerOffCall) == 1);
  CHECK(vms.received(kShutdownGuestCall) == 0);
}

TEST_CASE_FIXTURE(EngineFixture, "a machine that is there again after its destroy task succeeded is a person's") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  const auto effect = open_destroy(begin(taken, "destroy"));
  const Machine before = vms.read_machine({"vc-1", "vm-1", "50-1"});
  store->set_handle(effect, vms.destroy({"vc-1", "vm-1", "50-1"}));
  vms.add(before);  // a vCenter restored from its backup
  reopen();
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::needs_attention);
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "three crashes in one step block it, and the rest of the queue goes on") {
  submit(1);
  for (int crash = 0; crash < 3; ++crash) {
    const Claim taken = claim();
    if (crash == 0) pass_power_off(taken);
    begin(taken, "destroy");
    reopen();
    store->requeue_interrupted();
  }
  const auto other = submit(1, 2);
  start();
  REQUIRE(until_settled(other));
  REQUIRE(until_settled(1));
  CHECK(step("destroy").state == StepState::blocked);
  CHECK(state(1) == DecommissionState::failed);
  CHECK(state(other) == DecommissionState::succeeded);
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "a fault of ours between call and handle is looked into, not sent again") {
  submit(1);
  failpoint::arm("vsphere.destroy.after_send=error");
  start();
  REQUIRE(until_state(DecommissionState::succeeded));
  failpoint::disarm();
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "an account whose removal was not answered is found out about") {
  submit(1);
  SUBCASE("executed") { directory.lose_next_removal(true); }
  SUBCASE("not executed") { directory.lose_next_removal(false); }
  start();
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(step("ad_computer").state == StepState::succeeded);
  CHECK(directory.removed().size() == 1);
}
