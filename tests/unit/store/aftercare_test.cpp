#include <algorithm>

#include <doctest/doctest.h>

#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

/// Looks again at `dns` after one hour and after a day.
struct AftercareFixture : StoreFixture {
  AftercareFixture() {
    rules = {.look_again = {1h, 24h}, .looked = {"dns"}};
    reopen();
  }

  /// The first two steps pass, and `dns` ends like that.
  std::int64_t succeed(StepState dns = StepState::succeeded) {
    const auto request = submit({1});
    const Claim taken = claim();
    pass(taken, 0);
    pass(taken, 1);
    pass(taken, 2, dns);
    store->settle(taken.decommission.id, Trigger::finish, "");
    return request;
  }
  /// Passes the first `passed` steps, and fails.
  Claim fail(std::size_t passed = 1) {
    submit({1});
    const Claim taken = claim();
    for (std::size_t i = 0; i < passed; ++i) pass(taken, i);
    store->settle(taken.decommission.id, Trigger::fail, "as the test says");
    return taken;
  }
  std::vector<std::int64_t> ids() {
    std::vector<std::int64_t> found;
    for (const Aftercare& due : store->due_aftercare()) found.push_back(due.id);
    return found;
  }
  Decommission machine_of(std::int64_t request) { return store->load_request(request).decommissions.at(0); }
  static SeenRecord seen(const std::string& id) {
    return {.record = {.id = id, .what = "host " + id}, .facts = {"name web01", "address 10.1.2.1"}};
  }
};

/// And lifts what `power_off` left behind.
struct LiftFixture : AftercareFixture {
  LiftFixture() {
    rules.lifted = {"vsphere.power_off"};
    rules.destroying = {"vsphere.destroy"};
    reopen();
  }
};

}  // namespace

TEST_CASE_FIXTURE(AftercareFixture, "the end of a decommission plans its looks, and a restart keeps them") {
  const Timestamp end = clock.now();
  const auto request = succeed();
  CHECK(ids().empty());
  CHECK(store->next_aftercare() == end + 1h);
  reopen();
  CHECK(store->next_aftercare() == end + 1h);
  const std::vector<Aftercare> planned = machine_of(request).steps.at(2).aftercare;
  REQUIRE(planned.size() == 2);
  CHECK(planned[0].after == 1h);
  CHECK(planned[1].due == end + 24h);
  CHECK(planned[1].state == AftercareState::waiting);
  CHECK(machine_of(request).steps.at(0).aftercare.empty());

  clock.advance(1h);
  const auto due = store->due_aftercare();
  REQUIRE(due.size() == 1);
  CHECK(due[0].kind == AftercareKind::look);
  CHECK(due[0].step_name == "dns");
  const Claim ended = store->load_ended(due[0].decommission);
  CHECK(ended.decommission.machine == machine(1));
  CHECK(ended.acting_sid == alice.sid);
}

TEST_CASE_FIXTURE(AftercareFixture, "steps that were left out, other kinds and an empty list are not looked at again") {
  submit({1}, {.skip = {"dns"}});
  Claim taken = claim();
  pass(taken, 0);
  pass(taken, 1);
  store->settle(taken.decommission.id, Trigger::finish, "");
  CHECK_FALSE(store->next_aftercare());
  rules.look_again.clear();
  reopen();
  succeed();
  CHECK_FALSE(store->next_aftercare());
}

TEST_CASE_FIXTURE(AftercareFixture, "a look that found nothing is said once, as an event and in the audit") {
  const auto request = succeed();
  clock.advance(1h);
  store->finish_aftercare({.ids = ids(), .text = "nothing came back"});
  CHECK(ids().empty());
  CHECK(events_of(request).back() == "record.looked web01: dns: 1h after the end: nothing came back");
  const Event event = store->events({.since = 0, .request = request}).back();
  CHECK(event.level == EventLevel::info);
  CHECK(event.data.find(R"("after_ms":3600000)") != std::string::npos);
  CHECK(machine_of(request).warnings == 0);
  CHECK(store->audit_entries(0, 1000).back().action == "look");
  CHECK(store->audit_entries(0, 1000).back().object == "1.1/dns");
  CHECK_FALSE(store->verify_audit());
  CHECK(machine_of(request).steps.at(2).aftercare.at(0).said == "nothing came back");
}

TEST_CASE_FIXTURE(AftercareFixture, "records that came back are a warning that stays, counted once each") {
  const auto request = succeed(StepState::already);
  clock.advance(1h);
  store->finish_aftercare({.ids = ids(), .text = "1 record came back", .found = {seen("a")}});
  Event event = store->events({.since = 0, .request = request}).back();
  CHECK(event.kind == EventKind::record_returned);
  CHECK(event.level == EventLevel::warning);
  CHECK(event.step == "dns");
  CHECK(event.data.find(R"("what":"host a")") != std::string::npos);
  CHECK(machine_of(request).warnings == 1);
  CHECK(machine_of(request).state == DecommissionState::succeeded);
  CHECK(store->list_requests({}).at(0).warnings == 1);

  reopen();
  clock.advance(23h);
  store->finish_aftercare({.ids = ids(), .text = "still there", .found = {seen("a")}});
  CHECK(store->events({.since = 0, .request = request}).back().kind == EventKind::record_looked);
  CHECK(machine_of(request).warnings == 1);
  CHECK(machine_of(request).steps.at(2).aftercare.at(1).found == std::vector<std::string>{"a"});
  CHECK_FALSE(store->next_aftercare());
}

TEST_CASE_FIXTURE(AftercareFixture, "a system that is away makes its look wait, which is said once") {
  const auto request = succeed(StepState::warned);
  clock.advance(1h);
  const auto first = ids();
  store->finish_aftercare(
      {.ids = first, .state = AftercareState::waiting, .text = "cannot be reached", .due = clock.now() + 1min});
  const auto last = store->last_seq();
  CHECK(ids().empty());
  clock.advance(1min);
  CHECK(ids() == first);
  store->finish_aftercare(
      {.ids = first, .state = AftercareState::waiting, .text = "cannot be reached", .due = clock.now() + 2min});
  CHECK(store->last_seq() == last);
  CHECK(machine_of(request).steps.at(2).aftercare.at(0).attempts == 2);
  clock.advance(2min);
  store->finish_aftercare({.ids = first, .state = AftercareState::given_up, .text = "given up"});
  CHECK(store->events({.since = 0, .request = request}).back().level == EventLevel::warning);
  CHECK(machine_of(request).warnings == 2);  // the step's own, and this
  CHECK(store->next_aftercare() == clock.now() - 3min + 23h);
}

TEST_CASE_FIXTURE(AftercareFixture, "what fell due while the daemon was off is due at once, oldest machine first") {
  succeed();
  clock.advance(1min);
  submit({2});
  const Claim taken = claim();
  for (std::size_t i = 0; i < 3; ++i) pass(taken, i);
  store->settle(taken.decommission.id, Trigger::finish, "");
  store.reset();
  clock.advance(30 * 24h);
  store = open();
  auto due = store->due_aftercare();
  REQUIRE(due.size() == 2);
  CHECK(due[0].after == 1h);
  CHECK(due[1].after == 24h);
  CHECK(due[0].decommission == 1);
  store->finish_aftercare({.ids = {due[0].id, due[1].id}, .text = "nothing came back"});
  CHECK(events_of(1).back() == "record.looked web01: dns: 1d after the end: nothing came back");
  due = store->due_aftercare();
  REQUIRE(due.size() == 2);
  CHECK(due[0].decommission == 2);
}

TEST_CASE_FIXTURE(LiftFixture, "what a step left behind is lifted at once where its machine did not succeed") {
  const Claim taken = fail();
  const auto due = store->due_aftercare();
  REQUIRE(due.size() == 1);
  CHECK(due[0].kind == AftercareKind::lift);
  CHECK(due[0].step_name == "power_off");
  CHECK(store->begin_lift(due[0].id));
  store->finish_aftercare({.ids = {due[0].id}, .text = "downtime removed"});
  CHECK(events_of(taken.request.id).back() == "step.lifted web01: power_off: downtime removed");
  CHECK_FALSE(store->begin_lift(due[0].id));
  CHECK_FALSE(store->verify_audit());
}

TEST_CASE_FIXTURE(LiftFixture, "what is to be lifted comes before looks that are overdue") {
  succeed();
  store->finish_aftercare({.ids = ids(), .text = "downtime removed"});
  clock.advance(48h);
  submit({2});
  const Claim taken = claim();
  pass(taken, 0);
  store->settle(taken.decommission.id, Trigger::fail, "as the test says");
  REQUIRE(store->due_aftercare().size() == 1);
  CHECK(store->due_aftercare()[0].kind == AftercareKind::lift);
  store->finish_aftercare({.ids = ids(), .text = "downtime removed"});
  CHECK(store->due_aftercare().size() == 2);
}

TEST_CASE_FIXTURE(LiftFixture, "a cancel lifts what has begun, and nothing where nothing has") {
  const auto waiting = submit({1});
  store->cancel(waiting, {}, bob);
  CHECK(store->due_aftercare().empty());
  const auto request = submit({1});
  const Claim taken = claim();
  pass(taken, 0);
  store->cancel(request, {}, bob);
  CHECK(store->due_aftercare().empty());  // a worker has it still
  store->settle(taken.decommission.id, Trigger::cancel, "");
  CHECK(store->due_aftercare().size() == 1);
}

TEST_CASE_FIXTURE(LiftFixture, "nothing is lifted for a machine that is gone, while its records may be there") {
  fail(2);
  CHECK(store->due_aftercare().empty());
}

TEST_CASE_FIXTURE(LiftFixture, "after a success it is lifted at once, too") {
  const auto request = succeed();
  const auto due = store->due_aftercare();
  REQUIRE(due.size() == 1);
  CHECK(due[0].kind == AftercareKind::lift);
  store->finish_aftercare({.ids = ids(), .text = "there was none any more"});
  CHECK(events_of(request).back() == "step.lifted web01: power_off: there was none any more");
  CHECK(machine_of(request).warnings == 0);
  CHECK(machine_of(request).steps.at(2).aftercare.size() == 2);
}

TEST_CASE_FIXTURE(LiftFixture, "a retry withdraws what was due and does the step again that was lifted") {
  const Claim taken = fail();
  const auto due = ids();
  store->retry(taken.request.id, {}, false, alice);
  CHECK(store->due_aftercare().empty());
  CHECK_FALSE(store->begin_lift(due.at(0)));
  store->finish_aftercare({.ids = due, .text = "too late"});
  CHECK(machine_of(taken.request.id).steps.at(0).state == StepState::pending);
  const Claim again = claim();
  pass(again, 0, StepState::already);
  store->settle(again.decommission.id, Trigger::fail, "again");
  CHECK(store->due_aftercare().size() == 1);
}

TEST_CASE_FIXTURE(AftercareFixture, "rows that somebody changed by hand are not worked on") {
  succeed();
  clock.advance(1h);
  by_hand("UPDATE decommission SET facts = replace(facts, 'web01', 'web02')");
  store = open();
  CHECK(thrown([&] { (void)store->load_ended(1); }).starts_with("precondition"));
  CHECK(ids().size() == 1);
}
