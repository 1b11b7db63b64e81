// Machines that are gone: who may clean up behind them, and that none which lives is taken for one.
#include "daemon/admission/departed.hpp"

#include <thread>

#include <doctest/doctest.h>

#include "common/base/clock.hpp"
#include "daemon/store/codec.hpp"
#include "tests/unit/api/house.hpp"

using namespace decom;
using namespace decom::test;

namespace {

using Strings = std::vector<std::string>;

struct Gone : House {
  /// web01 was destroyed for alice, and its request is over.
  Gone() {
    submit("alice", {1});
    run();
    ended = to_rfc3339(clock.now());
    vcenter.remove("vm-1");
    hear_of(1, false);
  }

  /// Every step of the next machine ends well.
  void run() {
    const auto claim = store.claim_next(8);
    REQUIRE(claim);
    for (const Step& step : claim->decommission.steps)
      store.finish_attempt(store.begin_attempt(step.id), {.state = StepState::succeeded, .text = "as the test says"});
    store.settle(claim->decommission.id, Trigger::finish, "");
  }
  void hear_of(int number, bool there) {
    clock.advance(std::chrono::minutes{1});  // a mirror does not publish each change at once
    while (inventory->by_id(fmt::format("lab:vm-{}", number)).has_value() != there) std::this_thread::yield();
  }
  Departed departed() {
    return {store,
            [this](const Identity& machine) {
              if (away) throw Error{ErrorCode::unreachable, "vCenter lab cannot be asked"};
              CHECK(machine.instance_uuid == uuid);
              return places;
            },
            *inventory};
  }
  /// What `find` objects to, as "code: text"; empty where it finds web01.
  std::string objection(const std::string& typed, const std::string& sam = "alice") {
    Objections objections(1);
    const auto found = departed().find(typed, principal(sam), objections);
    try {
      objections.throw_if_any();
    } catch (const Error& e) {
      REQUIRE(!e.findings().empty());
      return fmt::format("{}: {}", to_string(e.code()), e.findings().front().what);
    }
    REQUIRE(found);
    CHECK(*found == some_machine(1, "web01"));  // as it was when its end was accepted
    return {};
  }
  std::string not_gone() {
    try {
      departed().require_gone(some_machine(1, "web01"));
    } catch (const Error& e) {
      return fmt::format("{}: {}", to_string(e.code()), e.what());
    }
    return {};
  }

  std::string uuid = some_machine(1, {}).identity.instance_uuid;
  std::string ended;
  bool away = false;
  Strings places;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE_FIXTURE(Gone, "a machine that is gone is found by its id, its name and its UUIDs, whatever their case") {
  for (const std::string typed :
       {"lab:vm-1", "WEB01", "50000000-0000-4000-8000-000000000001", "42000000-0000-4000-8000-000000000001"})
    CHECK_MESSAGE(objection(typed).empty(), typed);
  CHECK(not_gone().empty());
}

TEST_CASE_FIXTURE(Gone, "whoever asked for its end may clean up behind it, and an administrator, and nobody else") {
  CHECK(objection("web01", "root").empty());
  const std::string other = objection("web01", "bob");
  CHECK(contains(other, "denied: "));
  CHECK(contains(other, "alice, in request 1"));
}

TEST_CASE_FIXTURE(Gone, "what no request retired is refused, with what to do") {
  for (const std::string typed : {"never-was", "web", "10.0.0.1", "web01.corp.example.test", "", "%"}) {
    const std::string refused = objection(typed);
    CHECK_MESSAGE(contains(refused, "not_found: "), typed);
    CHECK_MESSAGE(contains(refused, "decomctl records --name"), typed);
  }
}

TEST_CASE_FIXTURE(Gone, "a machine whose destroy step did not end well is not gone") {
  submit("alice", {2});
  const auto claim = store.claim_next(8);
  REQUIRE(claim);
  const Step& off = claim->decommission.steps.front();
  store.finish_attempt(store.begin_attempt(off.id), {.state = StepState::failed, .text = "as the test says"});
  store.settle(claim->decommission.id, Trigger::fail, "");
  vcenter.remove("vm-2");
  hear_of(2, false);
  CHECK(contains(objection("web02"), "not_found: "));
}

TEST_CASE_FIXTURE(Gone, "a machine that lives is refused, by whatever it is named") {
  for (const std::string typed : {"web02", "lab:vm-2"}) CHECK(contains(objection(typed), "invalid: web02 is there"));
  // The name of the dead, given again: the living one is not meant by it.
  put_machine(9, "web01");
  hear_of(9, true);
  CHECK(contains(objection("web01"), "name the one that is gone by its UUID: " + uuid));
  CHECK(objection(uuid).empty());
}

TEST_CASE_FIXTURE(Gone, "a machine that is there again is refused, under whatever MoRef and in whichever vCenter") {
  places = {"other:vm-77"};
  CHECK(contains(objection("web01"), "invalid: web01 is there, as other:vm-77"));
  CHECK(not_gone() == "precondition: web01 is there, as other:vm-77");
}

TEST_CASE_FIXTURE(Gone, "a copy that was restored under another instance UUID is taken for it") {
  Machine restored = some_machine(8, "web01-restored");
  restored.bios_uuid = some_machine(1, {}).bios_uuid;
  vcenter.put(restored);
  hear_of(8, true);
  CHECK(contains(objection("web01"), "invalid: lab:vm-8 has the BIOS UUID of web01"));
  CHECK(contains(not_gone(), "precondition: "));
}

TEST_CASE_FIXTURE(Gone, "where nobody can say whether it is there, nothing is taken for granted") {
  away = true;
  CHECK_THROWS_WITH(objection("web01"), "vCenter lab cannot be asked");
  CHECK(not_gone() == "unreachable: vCenter lab cannot be asked");
  away = false;
  vcenter.fail(ErrorCode::unreachable, "connection refused");
  while (inventory->states().at(0).connected) std::this_thread::yield();
  CHECK(contains(not_gone(), "unreachable: cannot tell whether web01 is gone: the mirror of vCenter lab"));
  vcenter.recover();
}

TEST_CASE_FIXTURE(Gone, "two that had one name are told apart by their UUIDs") {
  PlanOffer second = offer("alice", {4});
  second.id = "second";
  second.machines.front().machine.name = "web01";
  second.hash = codec::hash_of(second.options, second.machines);
  store.save_plan(second);
  store.submit({.plan_id = "second", .plan_hash = second.hash, .idempotency_key = {}, .body_hash = {}},
               principal("alice"));
  run();
  const std::string refused = objection("web01");
  CHECK(contains(refused, "ambiguous: 2 machines 'web01' were retired"));
  CHECK(contains(refused, uuid));
  CHECK(objection(uuid).empty());

  const HttpResponse both = ask("POST", "/v1/records", R"({"machines":["web01"]})", login("carol"));
  CHECK(both.status == 422);
  CHECK(code_of(both) == "ambiguous");
}

TEST_CASE_FIXTURE(Gone, "records of a machine that is gone are found by what it was") {
  book.replace({{.name = "dns", .kind = "fake", .definition = FakeSystems::definition("dns")}});
  fakes["dns"].add_proven("web01", "A web01");
  const HttpResponse response = ask("POST", "/v1/records", R"({"machines":["web01","web02"]})", login("carol"));
  REQUIRE(response.status == 200);
  const Json items = Json::parse(response.body)["items"];
  CHECK(items[0]["id"] == "lab:vm-1");
  CHECK(items[0]["retired"] == ended);
  CHECK(items[0]["systems"][0]["records"][0]["state"] == "proven");
  CHECK(items[1]["retired"].is_null());
}

TEST_CASE_FIXTURE(Gone, "while a vCenter cannot be asked no plan for records only is made") {
  // No vCenter of the pool is that of web01: nobody can say that it is gone.
  const HttpResponse response =
      ask("POST", "/v1/plans", R"({"machines":["web01"],"options":{"records_only":true}})", login("alice"));
  INFO(response.body);
  CHECK(response.status >= 400);
  CHECK(contains(response.body, "no configured vCenter"));
}
