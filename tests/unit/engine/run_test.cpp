#include <algorithm>
#include <mutex>

#include <doctest/doctest.h>

#include "common/base/failpoint.hpp"
#include "daemon/steps/vm_task.hpp"
#include "tests/unit/engine/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;
using Fate = FakeVms::Fate;

TEST_CASE_FIXTURE(EngineFixture,
                  "a machine goes through its plan, each call is sent once and recorded with its outcome") {
  submit(1);
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(vms.ledger() == std::vector<FakeVms::Entry>{{kShutdownGuestCall, "vm-1", true}, {kDestroyCall, "vm-1", true}});
  CHECK(directory.removed().size() == 1);
  for (const char* name : {"power_off", "destroy", "ad_computer"}) CHECK(step(name).state == StepState::succeeded);
  const auto destroyed = effects("destroy");
  REQUIRE(destroyed.size() == 1);
  CHECK(destroyed[0].outcome == EffectOutcome::done);
  CHECK(destroyed[0].handle == "task-100");
  CHECK(destroyed[0].before.find("\"instance_uuid\":\"50-1\"") != std::string::npos);
}

TEST_CASE_FIXTURE(EngineFixture, "what is as it should be already is said to be so, and nothing is sent") {
  submit(1);
  vms.destroy_by_other("vm-1");
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(step("power_off").state == StepState::already);
  CHECK(step("destroy").state == StepState::already);
  CHECK(step("ad_computer").state == StepState::succeeded);
  CHECK(vms.ledger().empty());
}

TEST_CASE_FIXTURE(EngineFixture, "25 machines on 8 workers: each is destroyed once, and no more run at once than may") {
  options.workers = 8;
  options.most_per_vcenter = 3;
  std::mutex mutex;
  int asked = 0;
  std::ptrdiff_t most = 0;
  may_act = [&](const Claim& claim, const KindTraits&) {  // a worker is busy for a moment longer than its machine runs
    const Request seen = store->load_request(claim.request.id);
    const auto running = std::ranges::count(seen.decommissions, DecommissionState::running, &Decommission::state);
    const std::lock_guard guard(mutex);
    most = std::max(most, running);
    ++asked;
  };
  const auto request = submit(25);
  start();
  REQUIRE(until_settled(request));
  for (int ordinal = 1; ordinal <= 25; ++ordinal) CHECK(state(request, ordinal) == DecommissionState::succeeded);
  CHECK(vms.executed(kDestroyCall) == 25);
  CHECK(vms.received(kDestroyCall) == 25);
  CHECK(directory.removed().size() == 25);
  CHECK(most > 1);
  CHECK(most <= 3);
  CHECK(asked == 75);
}

TEST_CASE_FIXTURE(EngineFixture, "a request of one machine does not wait behind a large one") {
  submit(12);
  const auto small = submit(1, 50);
  start();
  REQUIRE(until_settled(small));
  CHECK(store->load_request(1).decommissions.back().state == DecommissionState::queued);
  REQUIRE(until_settled(1));
}

TEST_CASE_FIXTURE(EngineFixture, "a right lost midway: denied, nothing done, and nothing behind it") {
  may_act = [](const Claim& claim, const KindTraits& kind) {
    CHECK(claim.acting_sid == "S-1-5-21-1");
    if (kind.irreversible) throw Error{ErrorCode::denied, "alice is no operator any more"};
  };
  submit(1);
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::failed);
  CHECK(step("power_off").state == StepState::succeeded);
  CHECK(step("destroy").state == StepState::failed);
  CHECK(step("destroy").message == "alice is no operator any more");
  CHECK(step("ad_computer").state == StepState::pending);
  CHECK(effects("destroy").empty());
  CHECK(vms.received(kDestroyCall) == 0);
}

TEST_CASE_FIXTURE(EngineFixture, "while it cannot be known who may, nothing is done") {
  std::atomic<bool> away = true;
  may_act = [&](const Claim&, const KindTraits&) {
    if (away) throw Error{ErrorCode::unreachable, "the directory does not answer"};
  };
  submit(1);
  start();
  REQUIRE(until_state(DecommissionState::holding));
  CHECK(step("power_off").state == StepState::deferred);
  CHECK(vms.ledger().empty());
  away = false;
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
}

TEST_CASE_FIXTURE(EngineFixture, "a freeze stops every call at once, a thaw lets all go on") {
  store->set_freeze(true, "wrong machines", alice);
  submit(1);
  start();
  REQUIRE(until_state(DecommissionState::holding));
  CHECK(machine(1).reason == "power_off: frozen by CORP\\alice: wrong machines");
  CHECK(engine->status().trouble == "frozen by CORP\\alice: wrong machines");
  CHECK(vms.ledger().empty());
  store->set_freeze(false, "", alice);
  engine->wake();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(vms.executed(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "a vCenter that is away holds the machine without a worker, until it is back") {
  submit(1);
  vms.set_unreachable(true);
  start();
  REQUIRE(until_state(DecommissionState::holding));
  CHECK(machine(1).not_before.has_value());
  CHECK(step("power_off").state == StepState::deferred);
  REQUIRE(until([&] { return engine->status().busy == 0; }, 0ms));
  vms.set_unreachable(false);
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
}

TEST_CASE_FIXTURE(EngineFixture, "what was refused without effect is tried again") {
  submit(1);
  SUBCASE("as a fault") { vms.next(kDestroyCall, Fate::busy); }
  SUBCASE("as a task's end") { vms.next(kDestroyCall, Fate::task_fails, "TaskInProgress"); }
  SUBCASE("not even sent") { vms.next(kDestroyCall, Fate::unreachable); }
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(vms.executed(kDestroyCall) == 1);
  CHECK(effects("destroy").size() == 2);
  CHECK(effects("destroy")[1].outcome == EffectOutcome::done);
}

TEST_CASE_FIXTURE(EngineFixture, "what failed for good is not tried again by itself") {
  submit(1);
  SUBCASE("a fault") { vms.next(kDestroyCall, Fate::refused); }
  SUBCASE("a right that vCenter denies") { vms.next(kDestroyCall, Fate::denied); }
  SUBCASE("a task's end") { vms.next(kDestroyCall, Fate::task_fails, "CannotDeleteFile"); }
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::failed);
  CHECK(vms.received(kDestroyCall) == 1);
  CHECK(effects("destroy")[0].outcome == EffectOutcome::refused);
  (void)store->retry(1, {}, false, alice);
  engine->wake();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
}

TEST_CASE_FIXTURE(EngineFixture, "a lost answer is looked into: executed, it is found by its task and not sent again") {
  submit(1);
  vms.next(kDestroyCall, Fate::lost_executed);
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(step("destroy").state == StepState::succeeded);
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "a lost call that never arrived is sent again, once nothing can hold it any more") {
  submit(1);
  vms.next(kDestroyCall, Fate::lost);
  Timestamp lost{};
  Timestamp again{};
  vms.before(kDestroyCall, [&] { (lost == Timestamp{} ? lost : again) = clock.now(); });
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(vms.executed(kDestroyCall) == 1);
  CHECK(again - lost >= 60s);
  CHECK(effects("destroy")[0].outcome == EffectOutcome::not_sent);
}

TEST_CASE_FIXTURE(EngineFixture, "without proof it is unknown; retry only looks, retry --apply allows one more call") {
  submit(1);
  vms.next(kDestroyCall, Fate::lost);
  vms.before(kDestroyCall, [&] { vms.hide("vm-1"); });
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::needs_attention);
  CHECK(step("destroy").state == StepState::unknown);
  CHECK(step("ad_computer").state == StepState::pending);
  CHECK(directory.removed().empty());

  vms.hide("vm-1", false);
  vms.before(kDestroyCall, {});
  clock.advance(61s);
  (void)store->retry(1, {}, false, alice);
  engine->wake();
  REQUIRE(until([&] { return step("destroy").attempts == 2 && is_settled(state()); }));
  CHECK(state() == DecommissionState::needs_attention);
  CHECK(vms.received(kDestroyCall) == 1);

  (void)store->retry(1, {}, true, alice);
  engine->wake();
  REQUIRE(until([&] { return state() == DecommissionState::succeeded; }));
  CHECK(vms.received(kDestroyCall) == 2);
  CHECK(vms.executed(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "an unknown that turns out to be done needs no second call") {
  submit(1);
  vms.next(kDestroyCall, Fate::lost);
  vms.before(kDestroyCall, [&] { vms.hide("vm-1"); });
  start();
  REQUIRE(until_state(DecommissionState::needs_attention));
  vms.hide("vm-1", false);
  vms.destroy_by_other("vm-1");
  (void)store->retry(1, {}, false, alice);
  engine->wake();
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(vms.received(kDestroyCall) == 1);
}

TEST_CASE_FIXTURE(EngineFixture, "what disappears between submit and step is unknown, never a success") {
  submit(1);
  SUBCASE("unregistered") { vms.remove("vm-1"); }
  SUBCASE("hidden") { vms.hide("vm-1"); }
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::needs_attention);
  CHECK(vms.ledger().empty());
  CHECK(directory.removed().empty());
}

TEST_CASE_FIXTURE(EngineFixture, "another machine in its place fails and is left alone") {
  submit(1);
  vms.edit("vm-1", [](Machine& m) { m.identity.instance_uuid = "50-other"; });
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::failed);
  CHECK(vms.ledger().empty());
  CHECK(directory.removed().empty());
}

TEST_CASE_FIXTURE(EngineFixture, "a step that may fail does not stop the plan, and the warning stays") {
  on_failure["ad_computer"] = OnFailure::warn;
  submit(1);
  const std::string guid = directory.find_computers({"web01"})[0].guid;
  SUBCASE("refused: a warning") {
    may_act = [&](const Claim&, const KindTraits& kind) {
      if (kind.needs_directory) directory.add_child(guid, "CN=late");  // it is no leaf any more
    };
    start();
    REQUIRE(until_settled());
    CHECK(state() == DecommissionState::succeeded);
    CHECK(step("ad_computer").state == StepState::warned);
    CHECK(machine(1).warnings == 1);
  }
  SUBCASE("a right that is missing is nothing to shrug off") {
    directory.take_right_to_remove();
    start();
    REQUIRE(until_settled());
    CHECK(state() == DecommissionState::failed);
    CHECK(step("ad_computer").state == StepState::failed);
  }
  CHECK(vms.executed(kDestroyCall) == 1);
  CHECK(directory.removed().empty());
}

TEST_CASE_FIXTURE(EngineFixture, "a step over whose failure a person decides waits for that person") {
  on_failure["ad_computer"] = OnFailure::ask;
  submit(1);
  directory.take_right_to_remove();
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::needs_attention);
  CHECK(step("ad_computer").state == StepState::blocked);
  CHECK(step("ad_computer").message.find("a person decides") != std::string::npos);
  SUBCASE("retry") {
    directory.take_right_to_remove(false);
    (void)store->retry(1, {}, false, alice);
    engine->wake();
    REQUIRE(until_state(DecommissionState::succeeded));
    CHECK(directory.removed().size() == 1);
  }
  SUBCASE("resolved as done") {
    store->resolve(1, 1, "ad_computer", true, "removed by hand", alice);
    CHECK(state() == DecommissionState::succeeded);
  }
  SUBCASE("resolved as not done") {
    store->resolve(1, 1, "ad_computer", false, "it stays", alice);
    CHECK(state() == DecommissionState::failed);
  }
  SUBCASE("cancelled") {
    (void)store->cancel(1, {}, alice);
    CHECK(state() == DecommissionState::cancelled);
  }
}

TEST_CASE_FIXTURE(EngineFixture, "an account that is not proven is warned of, and the rest is a success") {
  submit(1);
  vms.edit("vm-1", [](Machine& m) { m.power = PowerState::off; });
  directory.delete_computer(directory.find_computers({"web01"})[0].guid);
  directory.add_computer({.name = "WEB01", .dns = "web01.other.example.test"});
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(step("ad_computer").state == StepState::warned);
  CHECK(machine(1).warnings == 1);
  CHECK(directory.removed().empty());
}

TEST_CASE_FIXTURE(EngineFixture, "a preview looks at the whole plan and changes nothing") {
  const auto request = submit(1);
  start();
  const Decommission d = machine(request);
  stop();
  start();
  RequestOptions wishes;
  Plan plan = d.plan;
  plan.steps[2].skipped = true;
  vms.add(d.machine);
  const auto previews = engine->preview({.machine = d.machine, .plan = plan}, wishes);
  REQUIRE(previews.size() == 3);
  CHECK(previews[0].observation == "needed");
  CHECK(previews[1].text == "destroy web01 with 0 disks (0 GiB), once it is off");
  CHECK(previews[2].observation == "skipped");
  vms.set_unreachable(true);
  CHECK(engine->preview({.machine = d.machine, .plan = plan}, wishes)[0].observation == "unread");
}
