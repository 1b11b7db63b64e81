#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;

namespace {

/// Five entries: four submits and a freeze.
struct Audited : StoreFixture {
  Audited() {
    for (int number = 1; number <= 4; ++number) submit({number});
    store->set_freeze(true, "for the test", bob);
    REQUIRE(store->audit_entries(0, 100).size() == 5);
    REQUIRE_FALSE(store->verify_audit());
  }
  std::optional<std::int64_t> after(const std::string& statements) {
    by_hand(statements);
    store = open();
    return store->verify_audit();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Audited, "an audit that nobody touched is whole after a restart, and goes on") {
  reopen();
  CHECK_FALSE(store->verify_audit());
  submit({9});
  CHECK_FALSE(store->verify_audit());
  const auto entries = store->audit_entries(4, 100);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].action == "freeze");
  CHECK(entries[0].who == "CORP\\bob");
  CHECK(entries[1].previous == entries[0].hash);
}

TEST_CASE_FIXTURE(Audited, "an audit that was changed is found at the number") {
  SUBCASE("a text") { CHECK(after("UPDATE audit SET text = 'nothing' WHERE number = 3") == 3); }
  SUBCASE("a person") { CHECK(after("UPDATE audit SET sid = 'S-1-1-0' WHERE number = 1") == 1); }
  SUBCASE("a time") { CHECK(after("UPDATE audit SET at = at + 1 WHERE number = 2") == 2); }
  SUBCASE("dropped") { CHECK(after("DELETE FROM audit WHERE number = 2") == 2); }
  SUBCASE("dropped, the others moved up") {
    CHECK(after("DELETE FROM audit WHERE number = 2; UPDATE audit SET number = number - 1 WHERE number > 2") == 2);
  }
  SUBCASE("two in another order") {
    CHECK(after("UPDATE audit SET number = 99 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4;"
                "UPDATE audit SET number = 4 WHERE number = 99") == 3);
  }
  SUBCASE("the end cut off") { CHECK(after("DELETE FROM audit WHERE number > 3") == 4); }
  SUBCASE("the end cut off, the head made to fit") {
    CHECK(after("DELETE FROM audit WHERE number > 3; UPDATE meta SET value = '3 ' || (SELECT hash FROM audit WHERE"
                " number = 3) || ' 00' WHERE name = 'audit_head'") == 4);
  }
  SUBCASE("all gone") { CHECK(after("DELETE FROM audit") == 1); }
  SUBCASE("the head gone") { CHECK(after("DELETE FROM meta WHERE name = 'audit_head'") == 5); }
}

TEST_CASE_FIXTURE(StoreFixture, "what was accepted and then changed by hand is not run, and the queue goes on") {
  submit({1}, {.reason = "first"});
  submit({2});
  submit({3});
  const auto change = [&](const std::string& statement) {
    by_hand(statement);
    store = open();
  };
  SUBCASE("the plan") {
    change(R"(UPDATE decommission SET plan = replace(plan, 'vsphere.power_off', 'exec') WHERE id = 1)");
  }
  SUBCASE("the plan and its step") {
    change(R"(UPDATE decommission SET plan = replace(plan, 'vsphere.power_off', 'exec') WHERE id = 1;
              UPDATE step SET kind = 'exec' WHERE decommission = 1 AND ordinal = 0)");
  }
  SUBCASE("the machine") { change("UPDATE decommission SET moref = 'vm-999' WHERE id = 1"); }
  SUBCASE("the facts, taken from another") {
    change("UPDATE decommission SET facts = (SELECT facts FROM decommission WHERE id = 2) WHERE id = 1");
  }
  SUBCASE("all of another row") {
    change(R"(UPDATE decommission SET (facts, plan, plan_hash, seal, moref, instance_uuid) =
                (SELECT facts, plan, plan_hash, seal, 'vm-2', '5000-2x' FROM decommission WHERE id = 2) WHERE id = 1)");
  }
  SUBCASE("a step") { change("UPDATE step SET kind = 'exec' WHERE decommission = 1 AND ordinal = 0"); }
  SUBCASE("a step's danger") { change("UPDATE step SET irreversible = 0 WHERE decommission = 1"); }
  SUBCASE("a step dropped") { change("DELETE FROM step WHERE decommission = 1 AND ordinal = 2"); }
  SUBCASE("the options") { change("UPDATE request SET options = replace(options, 'first', 'second') WHERE id = 1"); }
  SUBCASE("the requester") { change("UPDATE request SET requester_sid = 'S-1-5-32-544' WHERE id = 1"); }
  SUBCASE("whose rights count") { change("UPDATE decommission SET acting_sid = 'S-1-5-32-544' WHERE id = 1"); }
  SUBCASE("no JSON at all") { change("UPDATE decommission SET plan = 'x' WHERE id = 1"); }

  CHECK(claim().decommission.machine.name == "web02");
  const auto row = store->list_requests({}).back();
  CHECK(row.id == 1);
  CHECK(row.state == DecommissionState::failed);
  const auto entries = store->audit_entries(3, 10);
  REQUIRE(!entries.empty());
  CHECK(entries[0].action == "refuse");
}

TEST_CASE_FIXTURE(StoreFixture, "a plan that was changed between show and submit is refused") {
  const PlanOffer shown = offer({1});
  SUBCASE("its machines") { by_hand("UPDATE plan SET machines = replace(machines, 'web01', 'web02')"); }
  SUBCASE("its expiry") { by_hand("UPDATE plan SET expires = expires + 3600000"); }
  SUBCASE("its owner") { by_hand("UPDATE plan SET requester_sid = '" + bob.sid + "'"); }
  store = open();
  CHECK(thrown([&] {
          store->submit({.plan_id = shown.id, .plan_hash = shown.hash}, alice);
        }).starts_with("precondition"));
  CHECK(thrown([&] { (void)store->load_plan(shown.id); }).starts_with("precondition"));
}
