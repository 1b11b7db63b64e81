#include <thread>

#include <doctest/doctest.h>

#include "common/base/json.hpp"
#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

EffectIntent destroy_of(std::int64_t attempt, Timestamp now) {
  return {.attempt = attempt,
          .call = "Destroy_Task",
          .target = "vm-1",
          .before = R"({"power":"off"})",
          .irreversible = true,
          .deadline = now + 60s,
          .server_time = now - 1s};
}

struct Running : StoreFixture {
  std::int64_t request = submit({1});
  Claim taken = claim();
  std::int64_t id = taken.decommission.id;

  [[nodiscard]] std::int64_t step(std::size_t index) const { return taken.decommission.steps.at(index).id; }
  Decommission now() { return store->load_request(request).decommissions.at(0); }
  /// power_off is through, destroy has an intent.
  struct Sent {
    std::int64_t attempt;
    std::int64_t effect;
  };
  Sent send_destroy() {
    pass(taken, 0);
    const auto attempt = store->begin_attempt(step(1));
    return {attempt, store->open_effect(destroy_of(attempt, clock.now()))};
  }
};

}  // namespace

TEST_CASE_FIXTURE(Running, "a machine goes through its steps, and each commit is told in the journal") {
  CHECK(taken.acting_sid == alice.sid);
  CHECK(taken.acting_name == "CORP\\alice");
  CHECK(taken.acting_domain == "CORP");
  CHECK(taken.effects.empty());
  CHECK(now().state == DecommissionState::running);

  auto attempt = store->begin_attempt(step(0));
  store->observed(attempt, Needed{.what = "it is on", .records = {}, .before = "on"});
  const auto off = store->open_effect({.attempt = attempt,
                                       .call = "ShutdownGuest",
                                       .target = "vm-1",
                                       .before = "on",
                                       .deadline = clock.now() + 60s,
                                       .server_time = {}});
  clock.advance(12s);
  store->finish_attempt(attempt, {.state = StepState::succeeded,
                                  .text = "powered off",
                                  .effects = {{.effect = off, .outcome = EffectOutcome::done, .detail = "off"}}});

  attempt = store->begin_attempt(step(1));
  const auto destroy = store->open_effect(destroy_of(attempt, clock.now()));
  store->set_handle(destroy, "task-77");
  store->finish_attempt(attempt, {.state = StepState::succeeded,
                                  .text = "destroyed",
                                  .effects = {{.effect = destroy, .outcome = EffectOutcome::done}}});
  const auto effects = store->effects_of(step(1));
  REQUIRE(effects.size() == 1);
  CHECK(effects[0].handle == "task-77");
  CHECK(effects[0].step == step(1));
  CHECK(effects[0].outcome == EffectOutcome::done);
  CHECK(effects[0].irreversible);
  CHECK(effects[0].server_time == clock.now() - 1s);

  attempt = store->begin_attempt(step(2));
  store->message(attempt, EventLevel::warning, "one record was left alone");
  store->finish_attempt(attempt, {.state = StepState::failed, .text = "no answer", .code = ErrorCode::unreachable});
  CHECK(now().steps[2].state == StepState::warned);
  CHECK(now().warnings == 2);
  store->settle(id, Trigger::finish, "");

  CHECK(now().state == DecommissionState::succeeded);
  CHECK(now().finished);
  CHECK(store->list_requests({}).at(0).finished);
  CHECK_FALSE(store->live_decommission(machine(1).identity));
  CHECK(events_of(request) ==
        std::vector<std::string>{
            "request.accepted request 1 accepted: 1 machine, asked for by CORP\\alice",
            "decommission.queued web01: queued", "decommission.started web01: started",
            "step.started web01: power_off started", "step.observed web01: power_off sees: it is on",
            "step.effect web01: power_off calls ShutdownGuest on vm-1",
            "step.finished web01: power_off succeeded: powered off", "step.started web01: destroy started",
            "step.effect web01: destroy calls Destroy_Task on vm-1", "step.handle web01: destroy runs as task-77",
            "step.finished web01: destroy succeeded: destroyed", "step.started web01: dns started",
            "step.message web01: dns: one record was left alone",
            "step.finished web01: dns warned: failed, which this plan takes for a warning: no answer",
            "decommission.finished web01: succeeded", "request.finished request 1: succeeded, 2 warnings"});
  const auto events = store->events({.since = 6, .request = request, .limit = 1});
  REQUIRE(events.size() == 1);
  CHECK(events[0].machine == 1);
  CHECK(events[0].step == "power_off");
  const Json data = Json::parse(events[0].data);
  CHECK(data["state"] == "succeeded");
  CHECK(data["attempts"] == 1);
  CHECK(data["took_ms"] == 12'000);
  CHECK(data["name"] == "web01");
  CHECK(data["next"] == Json::array({"destroy"}));
  CHECK_FALSE(store->verify_audit());
}

TEST_CASE_FIXTURE(Running, "steps keep their order, and an attempt ends once") {
  CHECK(thrown([&] { store->begin_attempt(step(1)); }) ==
        "conflict: cannot begin destroy of web01: power_off is pending");
  const auto attempt = store->begin_attempt(step(0));
  CHECK(thrown([&] { store->begin_attempt(step(0)); }).starts_with("conflict"));
  store->finish_attempt(attempt, {.state = StepState::deferred, .text = "away", .not_before = clock.now() + 1min});
  CHECK(thrown([&] { store->finish_attempt(attempt, {}); }).starts_with("conflict"));
  CHECK(thrown([&] { store->begin_attempt(step(1)); }).starts_with("conflict"));
  CHECK(thrown([&] { store->settle(id, Trigger::finish, ""); }) ==
        "conflict: cannot finish web01: power_off is deferred");
  store->settle(id, Trigger::hold, "vCenter is away");
  CHECK(now().state == DecommissionState::holding);
  CHECK(now().not_before == clock.now() + 1min);
  CHECK(store->next_due() == clock.now() + 1min);
  CHECK_FALSE(store->claim_next(8));
  clock.advance(1min);
  const Claim again = claim();
  CHECK(again.decommission.steps[0].state == StepState::pending);
  CHECK(again.decommission.steps[0].attempts == 1);
}

TEST_CASE_FIXTURE(Running, "an outcome is recorded once, and what was unknown may become known") {
  const Sent sent = send_destroy();
  store->close_effect(sent.effect, EffectOutcome::unknown, "no answer");
  store->close_effect(sent.effect, EffectOutcome::done, "found in the task history");
  CHECK(thrown([&] { store->close_effect(sent.effect, EffectOutcome::refused, ""); }).starts_with("conflict"));
  CHECK(thrown([&] { store->set_handle(sent.effect, "task-1"); }).starts_with("conflict"));
}

TEST_CASE_FIXTURE(Running, "an irreversible call is not sent again while nobody knows what became of the first") {
  const Sent sent = send_destroy();
  CHECK(thrown([&] { store->open_effect(destroy_of(sent.attempt, clock.now())); }).starts_with("conflict"));
  store->finish_attempt(sent.attempt, {.state = StepState::unknown,
                                       .text = "no proof",
                                       .effects = {{.effect = sent.effect, .outcome = EffectOutcome::unknown}}});
  // Even where a worker says `fail`: nothing may take the machine for free.
  store->settle(id, Trigger::fail, "no proof");
  CHECK(now().state == DecommissionState::needs_attention);
  CHECK(store->live_decommission(machine(1).identity) == "1.1");

  CHECK(store->retry(request, {}, false, alice) == std::vector<int>{1});
  taken = claim();
  CHECK_FALSE(taken.apply_again);
  REQUIRE(taken.effects.size() == 1);
  CHECK(taken.effects[0].outcome == EffectOutcome::unknown);
  auto attempt = store->begin_attempt(step(1));
  CHECK(thrown([&] { store->open_effect(destroy_of(attempt, clock.now())); }).starts_with("conflict"));
  store->finish_attempt(attempt, {.state = StepState::unknown, .text = "still no proof"});
  store->settle(id, Trigger::doubt, "still no proof");

  store->retry(request, {1}, true, bob);
  taken = claim();
  CHECK(taken.apply_again);
  CHECK(taken.acting_sid == bob.sid);
  attempt = store->begin_attempt(step(1));
  const auto second = store->open_effect(destroy_of(attempt, clock.now()));
  store->finish_attempt(attempt, {.state = StepState::succeeded,
                                  .text = "destroyed",
                                  .effects = {{.effect = second, .outcome = EffectOutcome::done}}});
  pass(taken, 2);
  store->settle(id, Trigger::finish, "");
  CHECK(now().state == DecommissionState::succeeded);
}

TEST_CASE_FIXTURE(Running, "a cancel that committed first refuses the call") {
  pass(taken, 0);
  const auto attempt = store->begin_attempt(step(1));
  const auto cancelled = store->cancel(request, {}, bob);
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0].in_flight);
  CHECK(cancelled[0].state == DecommissionState::running);
  CHECK(store->cancel_requested(id));
  CHECK(thrown([&] { store->open_effect(destroy_of(attempt, clock.now())); }).starts_with("cancelled"));
  store->finish_attempt(attempt, {.state = StepState::cancelled, .text = "not sent"});
  CHECK(thrown([&] { store->begin_attempt(step(2)); }).starts_with("cancelled"));
  store->settle(id, Trigger::cancel, "cancelled by CORP\\bob");
  CHECK(now().state == DecommissionState::cancelled);
  CHECK(now().steps[0].state == StepState::succeeded);
  CHECK(now().steps[2].state == StepState::cancelled);
  CHECK_FALSE(store->live_decommission(machine(1).identity));
}

TEST_CASE_FIXTURE(Running, "a cancel does not hide a call whose outcome is unknown") {
  const Sent sent = send_destroy();
  store->cancel(request, {1}, alice);
  store->settle(id, Trigger::cancel, "");
  CHECK(now().state == DecommissionState::needs_attention);
  CHECK(store->cancel(request, {}, alice).at(0).state == DecommissionState::needs_attention);
  store->retry(request, {}, false, alice);
  taken = claim();
  const auto attempt = store->begin_attempt(step(1));
  store->finish_attempt(attempt, {.state = StepState::succeeded,
                                  .text = "it was destroyed",
                                  .effects = {{.effect = sent.effect, .outcome = EffectOutcome::done}}});
  pass(taken, 2);
  store->settle(id, Trigger::finish, "");
  CHECK(now().state == DecommissionState::succeeded);
}

TEST_CASE_FIXTURE(Running, "a cancel under a worker that would hold or stop ends the machine") {
  store->cancel(request, {}, alice);
  SUBCASE("hold") { store->settle(id, Trigger::hold, "away", clock.now() + 1h); }
  SUBCASE("requeue") { store->settle(id, Trigger::requeue, ""); }
  CHECK(now().state == DecommissionState::cancelled);
}

TEST_CASE_FIXTURE(Running, "a freeze refuses the irreversible alone, and thaw lets it through") {
  pass(taken, 0);
  const auto attempt = store->begin_attempt(step(1));
  store->set_freeze(true, "incident 9", bob);
  CHECK(store->freeze_state().frozen);
  CHECK(store->freeze_state().who == "CORP\\bob");
  CHECK(thrown([&] { store->open_effect(destroy_of(attempt, clock.now())); }) ==
        "frozen: CORP\\bob froze every irreversible call: incident 9");
  auto harmless = destroy_of(attempt, clock.now());
  harmless.irreversible = false;
  harmless.call = "PowerOffVM_Task";
  store->open_effect(harmless);
  store->set_freeze(false, "", bob);
  CHECK(store->open_effect(destroy_of(attempt, clock.now())) > 0);
}

TEST_CASE_FIXTURE(Running, "what a freeze put off is due with the thaw") {
  pass(taken, 0);
  store->set_freeze(true, "incident 9", bob);
  const auto attempt = store->begin_attempt(step(1));
  store->finish_attempt(attempt, {.state = StepState::deferred, .text = "frozen", .code = ErrorCode::frozen});
  store->settle(id, Trigger::hold, "frozen");
  CHECK_FALSE(store->next_due());
  store->set_freeze(false, "", bob);
  CHECK(store->next_due() == clock.now());
  CHECK(claim().decommission.steps[1].state == StepState::pending);
}

TEST_CASE_FIXTURE(Running, "a right that was lost fails a step whose failures are warnings") {
  pass(taken, 0);
  pass(taken, 1);
  const auto attempt = store->begin_attempt(step(2));
  store->finish_attempt(attempt, {.state = StepState::failed, .text = "no role", .code = ErrorCode::denied});
  store->settle(id, Trigger::fail, "no role");
  CHECK(now().steps[2].state == StepState::failed);
  CHECK(now().state == DecommissionState::failed);
}

TEST_CASE_FIXTURE(Running, "a cancelled machine holds while a call in doubt can still be found out") {
  const Sent sent = send_destroy();
  store->cancel(request, {}, alice);
  store->finish_attempt(sent.attempt,
                        {.state = StepState::deferred, .text = "vCenter is away", .not_before = clock.now() + 1min});
  store->settle(id, Trigger::hold, "vCenter is away");
  CHECK(now().state == DecommissionState::holding);
  CHECK(now().cancel_requested);
  clock.advance(1min);
  taken = claim();
  const auto attempt = store->begin_attempt(step(1));
  store->finish_attempt(attempt, {.state = StepState::cancelled,
                                  .text = "it was not executed",
                                  .effects = {{.effect = sent.effect, .outcome = EffectOutcome::not_sent}}});
  store->settle(id, Trigger::cancel, "");
  CHECK(now().state == DecommissionState::cancelled);
}

TEST_CASE_FIXTURE(Running, "what was running when the daemon died is queued again with its open calls") {
  const Sent sent = send_destroy();
  store->set_handle(sent.effect, "task-5");
  reopen();
  CHECK(store->requeue_interrupted() == 1);
  CHECK(store->requeue_interrupted() == 0);
  taken = claim();
  REQUIRE(taken.effects.size() == 1);
  CHECK(taken.effects[0].outcome == EffectOutcome::open);
  CHECK(taken.effects[0].handle == "task-5");
  CHECK(taken.effects[0].step == step(1));
  CHECK(taken.decommission.steps[1].state == StepState::pending);
  const auto attempt = store->begin_attempt(step(1));
  store->finish_attempt(attempt, {.state = StepState::succeeded,
                                  .text = "the task succeeded",
                                  .effects = {{.effect = sent.effect, .outcome = EffectOutcome::done}}});
  CHECK(now().steps[1].attempts == 2);
}

TEST_CASE_FIXTURE(Running, "three crashes in one step block it, and the rest of the queue goes on") {
  submit({2});
  for (int crash = 1; crash <= 3; ++crash) {
    store->begin_attempt(step(0));
    reopen();
    store->requeue_interrupted();
    taken = claim();
    CHECK(taken.decommission.steps[0].state == (crash < 3 ? StepState::pending : StepState::blocked));
  }
  CHECK(now().steps[0].message == "decomd died 3 times in this step");
  store->settle(id, Trigger::fail, "blocked");
  CHECK(claim().decommission.machine.name == "web02");
  store->retry(request, {}, false, alice);
  CHECK(now().steps[0].state == StepState::pending);
}

TEST_CASE_FIXTURE(Running, "a cancelled machine whose call is open is looked at after a crash, and not acted on") {
  const Sent sent = send_destroy();
  store->cancel(request, {}, alice);
  reopen();
  store->requeue_interrupted();
  taken = claim();
  CHECK(taken.decommission.cancel_requested);
  const auto attempt = store->begin_attempt(step(1));
  auto other = destroy_of(attempt, clock.now());
  other.call = "UnregisterVM";
  CHECK(thrown([&] { store->open_effect(other); }).starts_with("cancelled"));
  store->finish_attempt(attempt, {.state = StepState::cancelled,
                                  .text = "it was not executed",
                                  .effects = {{.effect = sent.effect, .outcome = EffectOutcome::refused}}});
  store->settle(id, Trigger::cancel, "");
  CHECK(now().state == DecommissionState::cancelled);
}

TEST_CASE_FIXTURE(StoreFixture, "claims are fair between requests and keep to the limit of a vCenter") {
  submit({1, 2, 3});
  clock.advance(1s);
  submit({4, 5});
  const auto name = [&](std::size_t most) {
    const auto taken = store->claim_next(most);
    return taken ? taken->decommission.machine.name : std::string("none");
  };
  CHECK(name(8) == "web01");
  CHECK(name(8) == "web04");
  CHECK(name(8) == "web02");
  CHECK(name(3) == "none");
  CHECK(name(4) == "web05");
  CHECK(name(8) == "web03");
  CHECK(name(8) == "none");
}

TEST_CASE_FIXTURE(Running, "percentages are thinned out and never cost a commit each") {
  std::atomic<std::int64_t> grown{0};
  store->on_grown([&](std::int64_t last) { grown = last; });
  const auto attempt = store->begin_attempt(step(0));
  const auto before = store->last_seq();
  for (int percent = 0; percent <= 100; ++percent) store->progress(attempt, percent, "copying");
  clock.advance(100ms);
  while (grown <= before) std::this_thread::yield();
  for (int percent = 0; percent <= 50; ++percent) store->progress(attempt, percent, "again");
  clock.advance(150ms);
  while (grown <= before + 1) {
    clock.advance(10ms);
    std::this_thread::yield();
  }
  const auto events = store->events({.since = before, .request = 0});
  REQUIRE(events.size() == 2);
  CHECK(events[0].kind == EventKind::step_progress);
  CHECK(events[0].text == "web01: power_off 100%: copying");
  CHECK(events[1].text == "web01: power_off 50%: again");
  // What still waits when the attempt ends is dropped.
  store->progress(attempt, 99, "late");
  store->finish_attempt(attempt, {.state = StepState::succeeded, .text = "done"});
  clock.advance(1s);
  store->audit("x", "", "", "", "", 0);
  CHECK(store->events({.since = store->last_seq() - 1, .request = 0}).at(0).kind == EventKind::step_finished);
}
