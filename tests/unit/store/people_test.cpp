#include <doctest/doctest.h>

#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

struct People : StoreFixture {
  Decommission at(std::int64_t request, std::size_t index = 0) {
    return store->load_request(request).decommissions.at(index);
  }
  /// Fails the machine at its first step.
  void fail(const Claim& taken) {
    pass(taken, 0, StepState::failed);
    store->settle(taken.decommission.id, Trigger::fail, "power_off: no");
  }
  /// An irreversible call was sent, and nobody knows more.
  void doubt(const Claim& taken) {
    pass(taken, 0);
    const auto attempt = store->begin_attempt(taken.decommission.steps[1].id);
    const auto effect = store->open_effect(
        {.attempt = attempt, .call = "Destroy_Task", .target = "vm-1", .before = "", .irreversible = true});
    store->finish_attempt(attempt, {.state = StepState::unknown,
                                    .text = "no proof",
                                    .effects = {{.effect = effect, .outcome = EffectOutcome::unknown}}});
    store->settle(taken.decommission.id, Trigger::doubt, "no proof");
  }
};

}  // namespace

TEST_CASE_FIXTURE(People, "cancel ends what waits at once, marks what runs, and leaves what is over") {
  const auto id = submit({1, 2, 3, 4});
  fail(claim());
  const Claim running = claim();
  REQUIRE(running.decommission.ordinal == 2);
  const auto answer = store->cancel(id, {}, bob);
  REQUIRE(answer.size() == 4);
  CHECK(answer[0].state == DecommissionState::failed);
  CHECK_FALSE(answer[0].in_flight);
  CHECK(answer[1].state == DecommissionState::running);
  CHECK(answer[1].in_flight);
  CHECK(answer[2].state == DecommissionState::cancelled);
  CHECK(answer[3].state == DecommissionState::cancelled);
  CHECK(at(id, 2).reason == "cancelled by CORP\\bob");
  CHECK(at(id, 2).steps[0].state == StepState::cancelled);
  CHECK_FALSE(store->list_requests({}).at(0).finished);
  CHECK(store->list_requests({.live_only = true}).size() == 1);

  // Once more changes nothing and says the same.
  const auto before = store->last_seq();
  CHECK(store->cancel(id, {2}, alice).at(0).in_flight);
  CHECK(store->last_seq() == before);
  store->settle(running.decommission.id, Trigger::cancel, "");
  CHECK(store->list_requests({}).at(0).finished);
  CHECK(store->list_requests({.live_only = true}).empty());
  CHECK(events_of(id).back() == "request.finished request 1: failed");

  CHECK(thrown([&] { store->cancel(id, {9}, bob); }) == "not_found: request 1 has no machine 9: it has 4");
  CHECK(thrown([&] { store->cancel(77, {}, bob); }) == "not_found: there is no request 77");
  submit({3});  // free again
}

TEST_CASE_FIXTURE(People, "cancel reaches what is scheduled and what holds") {
  const auto later = submit({1}, {.not_before = clock.now() + 1h});
  CHECK(store->cancel(later, {}, alice).at(0).state == DecommissionState::cancelled);
  const auto held = submit({2});
  const Claim taken = claim();
  pass(taken, 0, StepState::deferred);
  store->settle(taken.decommission.id, Trigger::hold, "away", clock.now() + 1h);
  CHECK(store->cancel(held, {}, alice).at(0).state == DecommissionState::cancelled);
  CHECK_FALSE(store->next_due());
}

TEST_CASE_FIXTURE(People, "retry runs what failed once more, in the name of who asked") {
  const auto id = submit({1, 2});
  fail(claim());
  CHECK(thrown([&] { store->retry(id, {2}, false, bob); }) == "conflict: cannot retry web02: it is queued");
  CHECK(store->retry(id, {}, false, bob) == std::vector<int>{1});
  CHECK(thrown([&] { store->retry(id, {}, false, bob); }).starts_with("conflict: there is nothing to retry"));
  const Claim taken = claim();
  CHECK(taken.decommission.ordinal == 1);
  CHECK(taken.acting_sid == bob.sid);
  CHECK(taken.acting_name == "CORP\\bob");
  CHECK(taken.acting_upn == "bob@corp.example.test");
  CHECK(taken.request.requester_sid == alice.sid);
  CHECK(taken.decommission.steps[0].state == StepState::pending);
  CHECK(taken.decommission.steps[0].attempts == 1);
}

TEST_CASE_FIXTURE(People, "retry is refused while the machine lives in another request") {
  const auto old = submit({1});
  fail(claim());
  const auto fresh = submit({1});
  CHECK(thrown([&] { store->retry(old, {}, false, alice); }) ==
        "conflict: cannot retry web01: it is in request 2.1 by now");
  CHECK(at(old).state == DecommissionState::failed);
  store->cancel(fresh, {}, alice);
  CHECK(store->retry(old, {}, false, alice).size() == 1);
}

TEST_CASE_FIXTURE(People, "a person says what became of it: done") {
  const auto id = submit({1});
  const Claim taken = claim();
  doubt(taken);
  CHECK(events_of(id).back() == "request.finished request 1: needs_attention");
  CHECK(thrown([&] { store->resolve(id, 1, "dns", true, "", bob); }).starts_with("conflict"));
  CHECK(thrown([&] { store->resolve(id, 1, "nothing", true, "", bob); }).starts_with("not_found"));
  store->resolve(id, 1, "destroy", true, "seen in vCenter", bob);
  CHECK(at(id).state == DecommissionState::queued);
  CHECK(at(id).steps[1].state == StepState::succeeded);
  CHECK(at(id).steps[1].message == "resolved as done by CORP\\bob: seen in vCenter");
  CHECK(store->effects_of(taken.decommission.steps[1].id).at(0).outcome == EffectOutcome::done);
  const Claim again = claim();
  CHECK(again.acting_sid == alice.sid);
  pass(again, 2);
  store->settle(again.decommission.id, Trigger::finish, "");
  CHECK(at(id).state == DecommissionState::succeeded);
}

TEST_CASE_FIXTURE(People, "a person says what became of it: not done, and it may be retried") {
  const auto id = submit({1});
  doubt(claim());
  store->resolve(id, 1, "destroy", false, "it is still there", bob);
  CHECK(at(id).state == DecommissionState::failed);
  CHECK_FALSE(store->live_decommission(machine(1).identity));
  store->retry(id, {}, false, alice);
  const Claim taken = claim();
  const auto attempt = store->begin_attempt(taken.decommission.steps[1].id);
  CHECK(store->open_effect({.attempt = attempt, .call = "Destroy_Task", .target = "vm-1", .irreversible = true}) > 0);
}

TEST_CASE_FIXTURE(People, "resolving the last step as done ends the machine") {
  const auto id = submit({1}, {.skip = {"dns"}});
  doubt(claim());
  store->resolve(id, 1, "destroy", true, "seen", bob);
  CHECK(at(id).state == DecommissionState::succeeded);
  CHECK(events_of(id).back() == "request.finished request 1: succeeded");
}

TEST_CASE_FIXTURE(People, "what was cancelled in doubt is cancelled when the doubt is gone") {
  const auto id = submit({1});
  const Claim taken = claim();
  pass(taken, 0);
  const auto attempt = store->begin_attempt(taken.decommission.steps[1].id);
  const auto effect =
      store->open_effect({.attempt = attempt, .call = "Destroy_Task", .target = "vm-1", .irreversible = true});
  store->cancel(id, {}, alice);
  store->finish_attempt(attempt, {.state = StepState::unknown,
                                  .text = "no proof",
                                  .effects = {{.effect = effect, .outcome = EffectOutcome::unknown}}});
  store->settle(taken.decommission.id, Trigger::cancel, "");
  CHECK(at(id).state == DecommissionState::needs_attention);
  store->resolve(id, 1, "destroy", false, "it is still there", bob);
  CHECK(at(id).state == DecommissionState::cancelled);
}

TEST_CASE_FIXTURE(People, "sessions are found by the hash of their token, until they are revoked") {
  SessionRow row{.id = "s-1",
                 .token_hash = "aa",
                 .sid = alice.sid,
                 .sam = "alice",
                 .upn = "alice@corp.example.test",
                 .domain = "CORP",
                 .uid = 1000,
                 .is_token = true,
                 .name = "cron",
                 .roles = "operator",
                 .created = clock.now(),
                 .expires = clock.now() + 8h,
                 .revoked = {}};
  store->add_session(row, alice);
  row.id = "s-2";
  row.token_hash = "bb";
  row.is_token = false;
  store->add_session(row, alice);
  const auto found = store->find_session("aa");
  REQUIRE(found);
  CHECK(found->name == "cron");
  CHECK(found->uid == 1000);
  CHECK(found->roles == "operator");
  CHECK(found->expires == clock.now() + 8h);
  CHECK_FALSE(found->revoked);
  CHECK_FALSE(store->find_session("a"));
  CHECK(store->tokens_of(alice.sid).size() == 1);
  CHECK(store->tokens_of("").size() == 1);
  CHECK(store->tokens_of(bob.sid).empty());
  CHECK(store->revoke_session("s-1", alice));
  CHECK_FALSE(store->revoke_session("s-1", alice));
  CHECK(store->find_session("aa")->revoked == clock.now());
  clock.advance(9h);
  CHECK_FALSE(store->revoke_session("s-2", alice));
  const auto audit = store->audit_entries(0, 10);
  REQUIRE(audit.size() == 3);
  CHECK(audit[0].action == "token");
  CHECK(audit[1].action == "login");
  CHECK(audit[2].action == "revoke");
}
