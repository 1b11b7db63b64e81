#include <algorithm>

#include <doctest/doctest.h>

#include "common/base/failpoint.hpp"
#include "daemon/steps/vm_task.hpp"
#include "tests/unit/engine/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

/// web01 has records in three systems, which wait for its destruction and for nothing else.
struct RecordsFixture : EngineFixture {
  FakeRecords& dns = systems["dns"];
  FakeRecords& icinga = systems["icinga"];
  FakeRecords& cmdb = systems["cmdb"];

  RecordsFixture() {
    for (const char* name : {"dns", "icinga", "cmdb"}) {
      systems[name].add_proven("web01", std::string(name) + "-1");
      more_steps.push_back({.name = name,
                            .kind = "fake",
                            .irreversible = true,
                            .after = {"destroy"},
                            .system = name,
                            .definition = FakeSystems::definition(name)});
    }
  }
  ~RecordsFixture() { failpoint::disarm(); }

  bool until_destroyed() {
    return until([&] { return step("destroy").state == StepState::succeeded; });
  }
  /// What a daemon that died left on disk: everything before `dns` is done, and its removal is on its way.
  std::int64_t open_removal() {
    const Claim taken = claim();
    pass_power_off(taken);
    store->finish_attempt(begin(taken, "destroy"), {.state = StepState::succeeded, .text = "done"});
    return store->open_effect({.attempt = begin(taken, "dns"),
                               .call = "remove from dns",
                               .target = "dns-1",
                               .before = "dns-1 as it was",
                               .irreversible = true,
                               .deadline = clock.now() + 60s});
  }
};

}  // namespace

TEST_CASE_FIXTURE(RecordsFixture,
                  "records of several systems are removed side by side, and nothing else begins beside") {
  submit(1);
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->hold();
  start();
  REQUIRE(until_destroyed());
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->wait_until_inside(1);
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->release();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  for (const char* name : {"dns", "icinga", "cmdb"}) {
    CHECK(step(name).state == StepState::succeeded);
    CHECK(systems[name].removed() == std::vector<std::string>{std::string(name) + "-1"});
    REQUIRE(effects(name).size() == 1);
    CHECK(effects(name)[0].outcome == EffectOutcome::done);
    CHECK(effects(name)[0].before == std::string(name) + "-1 as it was");
  }
  CHECK(directory.removed().size() == 1);
}

TEST_CASE_FIXTURE(RecordsFixture, "a step behind two others waits for both") {
  more_steps.push_back({.name = "ipam",
                        .kind = "fake",
                        .irreversible = true,
                        .after = {"dns", "cmdb"},
                        .system = "ipam",
                        .definition = FakeSystems::definition("ipam")});
  systems["ipam"].add_proven("web01", "ipam-1");
  submit(1);
  systems["ipam"].before([&](const std::string& call, const std::string&) {
    if (call == "remove") CHECK((!dns.has("dns-1") && !cmdb.has("cmdb-1")));
  });
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK_FALSE(systems["ipam"].has("ipam-1"));
}

TEST_CASE_FIXTURE(RecordsFixture,
                  "a system that is away defers its step, the others go on, and it is done when it is back") {
  submit(1);
  icinga.go_away();
  start();
  REQUIRE(until_state(DecommissionState::holding));
  CHECK(step("icinga").state == StepState::deferred);
  CHECK(step("dns").state == StepState::succeeded);
  CHECK(step("cmdb").state == StepState::succeeded);
  REQUIRE(until([&] { return step("icinga").message.find("waiting since 2026-01-01T") != std::string::npos; }, 1s));
  icinga.come_back();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(dns.received("dns-1") == 1);
}

TEST_CASE_FIXTURE(RecordsFixture, "a step that came due while another was at work says too since when it waits") {
  submit(1);
  const Claim taken = claim();
  pass_power_off(taken);
  for (const char* name : {"destroy", "dns"})
    store->finish_attempt(begin(taken, name), {.state = StepState::succeeded, .text = "done"});
  for (const auto& [name, wait] : {std::pair{"icinga", 10s}, std::pair{"cmdb", 20s}})
    store->finish_attempt(begin(taken, name),
                          {.state = StepState::deferred, .text = "away", .not_before = clock.now() + wait});
  store->settle(taken.decommission.id, Trigger::hold, "icinga: away", clock.now() + 10s);
  icinga.hold();
  cmdb.go_away();
  start();
  REQUIRE(until([&] { return icinga.most_at_once() == 1; }));
  clock.advance(20s);
  icinga.release();
  REQUIRE(until([&] { return step("cmdb").attempts == 2 && step("cmdb").state == StepState::deferred; }));
  CHECK(step("cmdb").message.find("waiting since 2026-01-01T") != std::string::npos);
  cmdb.come_back();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
}

TEST_CASE_FIXTURE(RecordsFixture, "a system that was away when the plan was made loses nothing, and it is said") {
  cmdb.go_away();
  submit(1);
  cmdb.come_back();
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(step("cmdb").state == StepState::warned);
  CHECK(step("cmdb").message.find("could not be read when the plan was made") != std::string::npos);
  CHECK(cmdb.has("cmdb-1"));
}

TEST_CASE_FIXTURE(RecordsFixture, "a cancel reaches every system at once") {
  submit(1);
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->hold();
  start();
  REQUIRE(until_destroyed());
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->wait_until_inside(1);
  CHECK(store->cancel(1, {}, alice).size() == 1);
  engine->cancel(machine(1).id);
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::cancelled);
  for (const char* name : {"dns", "icinga", "cmdb"}) CHECK(systems[name].has(std::string(name) + "-1"));
}

TEST_CASE_FIXTURE(RecordsFixture, "a stop waits for all of them, and the next start ends what was begun") {
  submit(1);
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->hold();
  start();
  REQUIRE(until_destroyed());
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->wait_until_inside(1);
  stop();
  CHECK(state() == DecommissionState::queued);
  for (FakeRecords* system : {&dns, &icinga, &cmdb}) system->release();
  reopen();
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  for (const char* name : {"dns", "icinga", "cmdb"}) CHECK(systems[name].received(std::string(name) + "-1") == 1);
}

TEST_CASE_FIXTURE(RecordsFixture, "a removal whose answer was lost is found out about, and not sent blindly again") {
  dns.add_proven("web01", "dns-2");
  submit(1);
  bool executed = false;
  SUBCASE("executed") { executed = true; }
  SUBCASE("not executed") {}
  dns.fail_next_removal("dns-1", ErrorCode::lost, executed);
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::succeeded);
  CHECK(step("dns").state == StepState::succeeded);
  CHECK(dns.received("dns-1") == (executed ? 1 : 2));
  CHECK(dns.removed() == std::vector<std::string>{"dns-1", "dns-2"});
}

TEST_CASE_FIXTURE(RecordsFixture, "killed between intent and answer: recovery looks, and ends true") {
  submit(1);
  (void)open_removal();
  SUBCASE("it was executed") {
    dns.take_away("dns-1");
    reopen();
    start();
    REQUIRE(until_settled());
    CHECK(dns.received("dns-1") == 0);
    CHECK(effects("dns")[0].outcome == EffectOutcome::done);
  }
  SUBCASE("it was not: sent once more, when nothing can hold the first one any more") {
    const Timestamp opened = clock.now();
    Timestamp again{};
    dns.before([&](const std::string& call, const std::string&) {
      if (call == "remove") again = clock.now();
    });
    reopen();
    start();
    REQUIRE(until_settled());
    CHECK(dns.received("dns-1") == 1);
    CHECK(again - opened >= 60s);
    REQUIRE(effects("dns").size() == 2);
    CHECK(effects("dns")[0].outcome == EffectOutcome::not_sent);
    CHECK(effects("dns")[1].outcome == EffectOutcome::done);
  }
  SUBCASE("the system is away: the call stays open, nothing is sent") {
    dns.go_away();
    reopen();
    start();
    REQUIRE(until([&] { return step("dns").state == StepState::deferred; }));
    CHECK(effects("dns")[0].outcome == EffectOutcome::open);
    dns.come_back();
    REQUIRE(until_settled());
  }
  CHECK(state() == DecommissionState::succeeded);
  CHECK(step("dns").state == StepState::succeeded);
  CHECK_FALSE(dns.has("dns-1"));
}

TEST_CASE_FIXTURE(RecordsFixture,
                  "one that is there again after it was removed is a person's, and is not removed by itself") {
  submit(1);
  dns.before([&](const std::string& call, const std::string&) {
    if (call == "find" && dns.received("dns-1") == 1 && !dns.has("dns-1")) dns.add_proven("web01", "dns-1");
  });
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::needs_attention);
  CHECK(step("dns").state == StepState::unknown);
  CHECK(dns.received("dns-1") == 1);
  CHECK(step("cmdb").state == StepState::succeeded);
}

TEST_CASE_FIXTURE(RecordsFixture, "a refusal stops its step; a retry goes on with what is left") {
  dns.add_proven("web01", "dns-2");
  submit(1);
  dns.fail_next_removal("dns-2", ErrorCode::denied);
  start();
  REQUIRE(until_settled());
  CHECK(state() == DecommissionState::failed);
  CHECK(step("dns").state == StepState::failed);
  CHECK(dns.removed() == std::vector<std::string>{"dns-1"});
  (void)store->retry(1, {}, false, alice);
  engine->wake();
  REQUIRE(until_state(DecommissionState::succeeded));
  CHECK(dns.received("dns-1") == 1);
  CHECK(dns.received("dns-2") == 2);
}

TEST_CASE_FIXTURE(RecordsFixture,
                  "a preview looks at all systems side by side, and what it cannot read may lose nothing") {
  submit(1);
  start();
  const Decommission d = machine(1);
  stop();
  start();
  vms.add(d.machine);
  dns.add("web01", {.id = "dns-x", .facts = {"name web01"}});
  cmdb.go_away();
  Plan plan = d.plan;
  const auto previews = engine->preview({.machine = d.machine, .plan = plan}, {});
  REQUIRE(previews.size() == 6);
  CHECK(previews[3].observation == "needed");
  REQUIRE(previews[3].records.size() == 2);
  CHECK(previews[3].records[1].left_alone == "one fact only, name web01");
  CHECK(previews[5].observation == "unread");
  CHECK(previews[5].text.find("nothing is removed from it") != std::string::npos);
  freeze_records(plan, previews);
  CHECK(plan.steps[3].records->size() == 1);
  CHECK(plan.steps[4].records->front().id == "icinga-1");
  CHECK_FALSE(plan.steps[5].records);
  CHECK_FALSE(plan.steps[0].records);
}
