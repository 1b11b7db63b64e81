#include <doctest/doctest.h>

#include "common/base/failpoint.hpp"
#include "daemon/steps/vm_task.hpp"
#include "tests/unit/engine/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;
using Fate = FakeVms::Fate;

namespace {

struct CancelFixture : EngineFixture {
  ~CancelFixture() { failpoint::disarm(); }

  void cancel() {
    const auto cancelled = store->cancel(1, {}, alice);
    CHECK(cancelled.size() == 1);
    engine->cancel(machine(1).id);
    engine->wake();
  }
  bool until_passed(const char* point) {
    return until([&] { return failpoint::passed(point) > 0; }, 0ms);
  }
};

}  // namespace

TEST_CASE_FIXTURE(CancelFixture, "cancelled before a worker came: nothing is done") {
  submit(1);
  (void)store->cancel(1, {}, alice);
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::cancelled);
  CHECK(vms.ledger().empty());
}

TEST_CASE_FIXTURE(CancelFixture, "cancelled before the intent: steps done stay done, nothing more is sent") {
  failpoint::arm("vsphere.destroy.before_t1=wait");
  submit(1);
  start();
  REQUIRE(until_passed("vsphere.destroy.before_t1"));
  cancel();
  failpoint::release();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::cancelled);
  CHECK(step("power_off").state == StepState::succeeded);
  CHECK(step("destroy").state == StepState::cancelled);
  CHECK(effects("destroy").empty());
  CHECK(machine(1).reason == "done: power_off; not done: destroy, ad_computer");
  CHECK(vms.exists("vm-1"));
}

TEST_CASE_FIXTURE(CancelFixture, "cancelled after the intent and before sending: cancelled, not sent") {
  failpoint::arm("vsphere.destroy.after_t1=wait");
  submit(1);
  start();
  REQUIRE(until_passed("vsphere.destroy.after_t1"));
  cancel();
  failpoint::release();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::cancelled);
  REQUIRE(effects("destroy").size() == 1);
  CHECK(effects("destroy")[0].outcome == EffectOutcome::not_sent);
  CHECK(vms.received(kDestroyCall) == 0);
}

TEST_CASE_FIXTURE(CancelFixture,
                  "cancelled in flight: the task is cancelled where it can be, else its end is waited for") {
  vms.next(kDestroyCall, Fate::task_runs);
  submit(1);
  SUBCASE("cancelable") {
    start();
    REQUIRE(until([&] { return !vms.running_tasks().empty(); }));
    cancel();
    REQUIRE(until_settled());
    CHECK(state() == DecommissionState::cancelled);
    CHECK(effects("destroy")[0].outcome == EffectOutcome::refused);
    CHECK(vms.exists("vm-1"));
  }
  SUBCASE("not cancelable") {
    vms.set_tasks_cancelable(false);
    start();
    REQUIRE(until([&] { return !vms.running_tasks().empty(); }));
    cancel();
    REQUIRE(until([&] { return vms.received("CancelTask") == 1; }));
    vms.finish("task-100");
    REQUIRE(until_settled());
    CHECK(step("destroy").state == StepState::succeeded);
    CHECK(state() == DecommissionState::cancelled);
    CHECK(machine(1).reason == "done: power_off, destroy; not done: ad_computer");
  }
  CHECK(vms.received(kDestroyCall) == 1);
  CHECK(directory.removed().empty());
}

TEST_CASE_FIXTURE(CancelFixture, "cancelled while the guest shuts down") {
  submit(1);
  vms.guest_ignores_shutdown("vm-1");
  start();
  REQUIRE(until([&] { return vms.received(kShutdownGuestCall) == 1; }, 1ms));
  cancel();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::cancelled);
  CHECK(vms.received(kPowerOffCall) == 0);
  CHECK(machine(1).warnings == 1);
}

TEST_CASE_FIXTURE(CancelFixture, "cancelled with a call in doubt: it is a person's, never simply cancelled") {
  submit(1);
  vms.next(kDestroyCall, Fate::lost);
  start();
  REQUIRE(until_state(DecommissionState::holding));
  CHECK(step("destroy").state == StepState::deferred);
  cancel();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::needs_attention);
}

TEST_CASE_FIXTURE(CancelFixture, "a cancel that comes when the last step is done changes nothing") {
  failpoint::arm("ad.computer.before_t3=wait");
  submit(1);
  start();
  REQUIRE(until_passed("ad.computer.before_t3"));
  cancel();
  failpoint::release();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
}
