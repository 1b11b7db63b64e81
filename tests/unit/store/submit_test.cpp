#include <thread>

#include <doctest/doctest.h>

#include "common/base/json.hpp"
#include "daemon/store/codec.hpp"
#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(StoreFixture, "what was shown is accepted, kept whole, and told in the journal") {
  const auto id = submit({1, 2}, {.reason = "old", .ticket = "CHG-7", .skip = {"dns"}});
  const Request request = store->load_request(id);
  CHECK(request.requester == "CORP\\alice");
  CHECK(request.requester_sid == alice.sid);
  CHECK(request.options.ticket == "CHG-7");
  REQUIRE(request.decommissions.size() == 2);
  const Decommission& second = request.decommissions[1];
  CHECK(second.ordinal == 2);
  CHECK(second.machine == machine(2));
  CHECK(second.state == DecommissionState::queued);
  REQUIRE(second.steps.size() == 3);
  CHECK(second.steps[1].irreversible);
  CHECK(second.steps[1].state == StepState::pending);
  CHECK(second.steps[2].state == StepState::skipped);
  CHECK(second.steps[2].message == "left out by --skip");

  CHECK(events_of(id) ==
        std::vector<std::string>{"request.accepted request 1 accepted: 2 machines, asked for by CORP\\alice",
                                 "decommission.queued web01: queued", "decommission.queued web02: queued"});
  CHECK(store->last_seq() == 3);
  CHECK(store->live_decommission(machine(2).identity) == "1.2");
  CHECK_FALSE(store->live_decommission(machine(3).identity));

  reopen();
  CHECK(store->load_request(id).decommissions[0].machine == machine(1));
  CHECK(store->last_seq() == 3);
}

TEST_CASE_FIXTURE(StoreFixture, "another hash, another person, an expired or used plan is refused") {
  const PlanOffer shown = offer({1});
  const Submission good{.plan_id = shown.id, .plan_hash = shown.hash, .idempotency_key = "", .body_hash = ""};
  Submission wrong = good;
  wrong.plan_hash = "0";
  CHECK(thrown([&] { store->submit(wrong, alice); }).starts_with("precondition"));
  CHECK(thrown([&] { store->submit(good, bob); }).starts_with("denied"));
  wrong = good;
  wrong.plan_id = "nothing";
  CHECK(thrown([&] { store->submit(wrong, alice); }).starts_with("not_found"));
  CHECK(store->load_plan(shown.id).machines.size() == 1);

  const PlanOffer old = offer({2});
  clock.advance(20min);
  CHECK(thrown([&] { store->submit({.plan_id = old.id, .plan_hash = old.hash}, alice); }).starts_with("gone"));
  CHECK(thrown([&] { (void)store->load_plan(old.id); }).starts_with("gone"));
  const PlanOffer fresh = offer({3});
  store->submit({.plan_id = fresh.id, .plan_hash = fresh.hash}, alice);
  CHECK(thrown([&] { store->submit({.plan_id = fresh.id, .plan_hash = fresh.hash}, alice); }) ==
        "gone: this plan was accepted already, as request 1");
}

TEST_CASE_FIXTURE(StoreFixture, "a machine lives in one request only, all machines are accepted or none") {
  submit({1, 2});
  const PlanOffer shown = offer({2, 3, 1});
  try {
    store->submit({.plan_id = shown.id, .plan_hash = shown.hash}, alice);
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::conflict);
    REQUIRE(e.findings().size() == 2);
    CHECK(e.findings()[0] == Finding{"lab:vm-2", "web02 is in request 1.2 already"});
  }
  CHECK(store->list_requests({}).size() == 1);
  CHECK_FALSE(store->live_decommission(machine(3).identity));
  const PlanOffer twice = offer({5, 5});
  CHECK(thrown([&] { store->submit({.plan_id = twice.id, .plan_hash = twice.hash}, alice); }).starts_with("conflict"));
}

TEST_CASE_FIXTURE(StoreFixture, "a hundred submits with one idempotency key are one request") {
  const PlanOffer shown = offer({1});
  const Submission submission{
      .plan_id = shown.id, .plan_hash = shown.hash, .idempotency_key = "cron-7", .body_hash = "b"};
  std::atomic<int> accepted{0};
  std::atomic<int> repeated{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 100; ++i)
    threads.emplace_back([&] {
      const Accepted answer = store->submit(submission, alice);
      if (answer.request == 1) ++(answer.repeated ? repeated : accepted);
    });
  threads.clear();
  CHECK(accepted == 1);
  CHECK(repeated == 99);
  CHECK(store->list_requests({}).size() == 1);

  Submission other = submission;
  other.body_hash = "c";
  CHECK(thrown([&] { store->submit(other, alice); }).starts_with("invalid"));
  // The key is the person's own.
  CHECK(thrown([&] { store->submit(submission, bob); }).starts_with("denied"));
}

TEST_CASE_FIXTURE(StoreFixture, "a request for later is scheduled and becomes due by itself") {
  const Timestamp when = clock.now() + 2h;
  const auto id = submit({1}, {.not_before = when});
  CHECK(store->load_request(id).decommissions[0].state == DecommissionState::scheduled);
  CHECK(store->next_due() == when);
  CHECK_FALSE(store->claim_next(8));
  clock.advance(2h);
  const Claim taken = claim();
  CHECK(taken.decommission.state == DecommissionState::running);
  CHECK_FALSE(store->next_due());
}

TEST_CASE("what the codec writes it reads back") {
  Machine m = machine(1);
  m.disks = {{.label = "Hard disk 1",
              .capacity_bytes = 1LL << 40,
              .backing = "[ds] a/a.vmdk",
              .parents = {"[ds] b/b.vmdk"},
              .raw_mapping = true,
              .multi_writer = true,
              .shared_bus = true,
              .first_class = true}};
  m.snapshots = {"before \"patch\"", "ümläut"};
  m.created = from_millis(1'700'000'000'123);
  m.is_template = true;
  CHECK(codec::machine_from(codec::parse(codec::to_text(m))) == m);
  Plan p = plan();
  p.steps[0].params = {{"timeout", "5m"}};
  p.steps[2].after = {"power_off"};
  p.steps[2].on_return = OnReturn::remove;
  p.steps[2].skipped = true;
  p.steps[2].why = "because";
  p.steps[1].system = "dns-corp";
  p.steps[1].definition = R"({"zone":"lab.example.test"})";
  p.steps[1].records.emplace();
  p.steps[2].records = {{.id = "A web01", .what = "A web01 \"10.0.0.1\"", .before = "A\n10.0.0.1"}};
  CHECK(codec::plan_from(codec::parse(codec::to_text(p))) == p);
  const RequestOptions o{.reason = "r",
                         .ticket = "t",
                         .shutdown_timeout = 17s,
                         .guest_shutdown = false,
                         .skip = {"dns"},
                         .not_before = from_millis(1'800'000'000'000),
                         .records_only = true};
  CHECK(codec::options_from(codec::parse(codec::to_text(o))) == o);
  const auto list = codec::machines_from(codec::parse(codec::to_text({{.machine = m, .plan = p}})));
  REQUIRE(list.size() == 1);
  CHECK(list[0].machine == m);
  CHECK(list[0].plan == p);
  CHECK(codec::hash_of(m, p) != codec::hash_of(machine(2), p));
  Plan other = p;
  other.steps[2].records->front().before += "5";
  CHECK(codec::hash_of(m, p) != codec::hash_of(m, other));
  other = p;
  other.steps[1].records.reset();
  CHECK(codec::hash_of(m, p) != codec::hash_of(m, other));
}

TEST_CASE("a plan of the first format has no systems, and records that nobody read") {
  const Plan p = codec::plan_from(codec::parse(
      R"({"format":1,"name":"windows","steps":[{"after":[],"irreversible":true,"kind":"ad.computer","name":"ad_computer",)"
      R"("on_failure":"stop","params":{},"skipped":false,"why":"plan windows"}]})"));
  CHECK(p.format == 1);
  REQUIRE(p.steps.size() == 1);
  CHECK(p.steps[0].system.empty());
  CHECK_FALSE(p.steps[0].records);
}

TEST_CASE("the codec refuses a newer format and what it did not write") {
  Json json = codec::to_json(plan());
  json["format"] = 3;
  CHECK(thrown([&] { codec::plan_from(json); }).starts_with("storage: the stored plan has format 3"));
  CHECK(thrown([&] { codec::plan_from(Json::array()); }).starts_with("storage"));
  CHECK(thrown([&] { codec::parse("{"); }).starts_with("storage"));
}
