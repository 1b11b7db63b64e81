#include "daemon/steps/record_step.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "common/base/text.hpp"
#include "tests/support/fake_context.hpp"
#include "tests/support/fake_records.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

template <typename T>
bool is(const Observation& seen) {
  return std::holds_alternative<T>(seen);
}

bool says(const Observation& seen, std::string_view part) { return text_of(seen).find(part) != std::string::npos; }

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.code();
  }
  FAIL("nothing was thrown");
  return ErrorCode::internal;
}

struct Site {
  ManualClock clock;
  FakeVms vms{clock};
  FakeSystems systems;
  FakeRecords& dns = systems["dns-corp"];
  StepRegistry registry = built_in_steps(systems.systems());
  PlanStep planned{
      .name = "dns", .kind = "fake", .system = "dns-corp", .definition = FakeSystems::definition("dns-corp")};
  FakeContext ctx{clock, vms,
                  Machine{.identity = {"vc-1", "vm-1", "50-1"}, .name = "web01", .ip_addresses = {"10.0.0.1"}}};
  std::unique_ptr<StepKind> step;

  Site() { ctx.planned = planned; }

  Observation observe() {
    step = registry.make(ctx.planned);
    return step->observe(ctx);
  }
  /// As a plan is made: what a rehearsal finds is frozen.
  Observation plan() {
    ctx.rehearses = true;
    Observation seen = observe();
    ctx.rehearses = false;
    const auto* needed = std::get_if<Needed>(&seen);
    ctx.planned.records = needed != nullptr ? needed->records : std::vector<FrozenRecord>{};
    return seen;
  }
  /// As the engine does, without its retries.
  Observation run() {
    Observation seen = observe();
    if (const auto* needed = std::get_if<Needed>(&seen)) {
      step->apply(ctx, *needed);
      return step->observe(ctx);
    }
    return seen;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Site, "what was shown is removed, each under an intent of its own, and nothing else") {
  dns.add_proven("web01", "A web01 10.0.0.1");
  dns.add_proven("web01", "PTR 1.0.0.10 web01");
  dns.add_proven("web02", "A web02 10.0.0.2");
  const auto seen = plan();
  REQUIRE(is<Needed>(seen));
  REQUIRE(std::get<Needed>(seen).records.size() == 2);
  CHECK(std::get<Needed>(seen).records[0] ==
        FrozenRecord{"A web01 10.0.0.1", "A web01 10.0.0.1", "A web01 10.0.0.1 as it was"});
  CHECK(dns.removed().empty());

  const auto after = run();
  CHECK(is<Satisfied>(after));
  CHECK(says(after, "removed from dns-corp: A web01 10.0.0.1, PTR 1.0.0.10 web01"));
  CHECK(dns.removed() == std::vector<std::string>{"A web01 10.0.0.1", "PTR 1.0.0.10 web01"});
  CHECK(dns.has("A web02 10.0.0.2"));
  REQUIRE(ctx.effects.size() == 2);
  CHECK(ctx.effects[0].spec.call == "remove from dns-corp");
  CHECK(ctx.effects[0].spec.target == "A web01 10.0.0.1");
  CHECK(ctx.effects[0].spec.before == "A web01 10.0.0.1 as it was");
  CHECK(ctx.effects[0].spec.irreversible);
  CHECK(ctx.effects[1].outcome == "done");
}

TEST_CASE_FIXTURE(Site, "a machine without records is satisfied, and only where the system could say so") {
  CHECK(is<Satisfied>(plan()));
  CHECK(is<Satisfied>(run()));
  dns.go_away();
  CHECK(code_of([&] { (void)observe(); }) == ErrorCode::unreachable);
}

TEST_CASE_FIXTURE(Site, "not proven, forbidden and borne by somebody else: said, and left alone") {
  dns.add("web01", {.id = "one fact", .facts = {"name web01"}});
  dns.add("web01", {.id = "against", .facts = {"name web01", "address 10.0.0.1"}, .against = {"its UUID is another"}});
  dns.add("web01", {.id = "held", .facts = {"name web01", "address 10.0.0.1"}, .forbidden = "it is on the deny list"});
  dns.add("web01",
          {.id = "successor", .facts = {"name web01", "address 10.0.0.1"}, .forbidden = "", .bears = {"10.0.0.1"}});
  ctx.bearers = [](const std::string& name, const Identity& except) {
    CHECK(except.moref == "vm-1");
    return name == "10.0.0.1" ? std::vector<std::string>{"lab:vm-9"} : std::vector<std::string>{};
  };
  SUBCASE("beside one that may go") {
    dns.add_proven("web01", "fine");
    const auto seen = plan();
    REQUIRE(is<Needed>(seen));
    CHECK(std::get<Needed>(seen).records.size() == 1);
    REQUIRE(ctx.records.size() == 5);
    CHECK(ctx.records[0].left_alone == "one fact only, name web01");
    CHECK(ctx.records[1].left_alone == "its UUID is another");
    CHECK(ctx.records[2].left_alone == "it is on the deny list");
    CHECK(ctx.records[3].left_alone == "lab:vm-9 bears 10.0.0.1 too");
    CHECK(ctx.records[4].left_alone.empty());
    CHECK(ctx.records[4].facts == std::vector<std::string>{"name web01", "address of web01"});
    CHECK(is<LeftAlone>(run()));
    CHECK(dns.removed() == std::vector<std::string>{"fine"});
  }
  SUBCASE("a forbidden one alone is a person's") { CHECK(is<Blocked>(plan())); }
  SUBCASE("without it, it is a warning") {
    dns.take_away("held");
    CHECK(is<LeftAlone>(plan()));
    CHECK(is<LeftAlone>(run()));
  }
  CHECK(dns.has("successor"));
}

TEST_CASE_FIXTURE(Site, "nothing is known that it could be found by: neither absent nor failed, a person looks") {
  dns.go_away(ErrorCode::ambiguous);
  CHECK(is<LeftAlone>(plan()));
  const auto seen = run();
  REQUIRE(is<LeftAlone>(seen));
  CHECK(says(seen, "what dns-corp has of it is not known, look for it by hand: "));
}

TEST_CASE_FIXTURE(Site, "whether somebody bears it cannot be known: nothing is decided") {
  dns.add_proven("web01", "A web01");
  ctx.bearers = [](const std::string&, const Identity&) -> std::vector<std::string> {
    throw Error{ErrorCode::unreachable, "the mirror of lab2 was never loaded"};
  };
  CHECK(code_of([&] { (void)plan(); }) == ErrorCode::unreachable);
}

TEST_CASE_FIXTURE(Site, "found at execution and not in the plan: listed, not removed") {
  dns.add_proven("web01", "A web01");
  (void)plan();
  dns.add_proven("web01", "TXT web01");
  const auto after = run();
  CHECK(is<LeftAlone>(after));
  CHECK(says(after, "TXT web01 (it is not among those that were shown for removal when the plan was made)"));
  CHECK(dns.removed() == std::vector<std::string>{"A web01"});
}

TEST_CASE_FIXTURE(Site, "changed since it was shown: left alone") {
  dns.add_proven("web01", "A web01");
  (void)plan();
  SUBCASE("before the look") {
    dns.edit("A web01", [](Record& record) { record.before = "another host's"; });
  }
  SUBCASE("between the look and the call") {
    ctx.on_effect = [&] { dns.edit("A web01", [](Record& record) { record.before = "another host's"; }); };
  }
  SUBCASE("the system says so, though nothing shows") { dns.fail_next_removal("A web01", ErrorCode::precondition); }
  const auto after = run();
  CHECK(is<LeftAlone>(after));
  CHECK(says(after, "it changed since it was shown"));
  CHECK(dns.has("A web01"));
  if (!ctx.effects.empty()) CHECK(ctx.effects[0].outcome == "refused");
}

TEST_CASE_FIXTURE(Site, "a successor that took the name since is left its record") {
  dns.add_proven("web01", "A web01");
  (void)plan();
  ctx.bearers = [](const std::string&, const Identity&) { return std::vector<std::string>{"lab:vm-77"}; };
  CHECK(is<LeftAlone>(run()));
  CHECK(dns.has("A web01"));
}

TEST_CASE_FIXTURE(Site, "shown, not visible now, not removed by us: a warning and no success") {
  dns.add_proven("web01", "A web01");
  dns.add_proven("web01", "AAAA web01");
  (void)plan();
  SUBCASE("hidden by a right on that row") { dns.hide("A web01"); }
  SUBCASE("gone before the look") { dns.take_away("A web01"); }
  SUBCASE("gone between the look and the call") {
    ctx.on_effect = [&] { dns.take_away("A web01"); };
  }
  const auto after = run();
  CHECK(is<LeftAlone>(after));
  CHECK(says(after, "not visible now, and not removed by us: A web01"));
  CHECK(dns.removed() == std::vector<std::string>{"AAAA web01"});
}

TEST_CASE_FIXTURE(Site, "could not be read when the plan was made: nothing is removed, and it says how to go on") {
  dns.add_proven("web01", "A web01");
  REQUIRE_FALSE(ctx.planned.records);
  const auto after = run();
  CHECK(is<LeftAlone>(after));
  CHECK(says(after, "A web01"));
  CHECK(says(after, "decomctl submit " + ctx.machine().id() + " --records-only"));
  CHECK(dns.has("A web01"));
  dns.take_away("A web01");
  CHECK(is<Satisfied>(run()));
}

TEST_CASE_FIXTURE(Site, "nobody is told to remove by hand what is another machine's") {
  dns.add("web01", {.id = "theirs", .facts = {"name web01"}, .against = {"it is of another"}, .whole = "theirs"});
  SUBCASE("it was shown so") { CHECK(is<LeftAlone>(plan())); }
  SUBCASE("the system could not be read then") { REQUIRE_FALSE(ctx.planned.records); }
  CHECK(text_of(run()) == "left alone in dns-corp: theirs (it is of another)");
}

TEST_CASE_FIXTURE(Site, "two records of one id are told apart by nobody: left alone") {
  dns.add_proven("web01", "host 7");
  dns.add_proven("web01", "host 7");
  CHECK(is<LeftAlone>(plan()));
}

TEST_CASE_FIXTURE(Site, "an error leaves the rest for another attempt, which does not touch what is done") {
  dns.add_proven("web01", "A");
  dns.add_proven("web01", "B");
  (void)plan();
  dns.fail_next_removal("B", ErrorCode::busy);
  CHECK(code_of([&] { (void)run(); }) == ErrorCode::busy);
  CHECK(is<Satisfied>(run()));
  CHECK(dns.received("A") == 1);
  CHECK(dns.received("B") == 2);
}

TEST_CASE_FIXTURE(Site, "stopped before the call: never sent") {
  dns.add_proven("web01", "A");
  (void)plan();
  ctx.on_effect = [&] { ctx.stopping.request_stop(); };
  CHECK(code_of([&] { (void)run(); }) == ErrorCode::cancelled);
  CHECK(ctx.effects[0].outcome == "not_sent");
  CHECK(dns.received("A") == 0);
}

TEST_CASE_FIXTURE(Site, "recovery reads the record by its id, and sends again only past the deadline") {
  dns.add_proven("web01", "A");
  (void)plan();
  step = registry.make(ctx.planned);
  const OpenCall call{
      .effect = 1, .call = "remove from dns-corp", .target = "A", .opened = clock.now(), .deadline = clock.now() + 60s};
  CHECK(code_of([&] { (void)step->resume(ctx, call); }) == ErrorCode::busy);
  clock.advance(61s);
  CHECK(is<Needed>(step->resume(ctx, call)));
  dns.take_away("A");
  CHECK(is<Satisfied>(step->resume(ctx, call)));
  dns.go_away(ErrorCode::timed_out);
  CHECK(code_of([&] { (void)step->resume(ctx, call); }) == ErrorCode::timed_out);
}

TEST_CASE_FIXTURE(Site, "a definition that this version cannot use says where") {
  ctx.planned.definition = R"({"system":"dns-corp","zone":"x"})";
  try {
    (void)observe();
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::invalid);
    REQUIRE(e.findings().size() == 1);
    CHECK(e.findings()[0].where == "/zone");
  }
  ctx.planned.definition = "[]";
  CHECK(code_of([&] { (void)observe(); }) == ErrorCode::invalid);
  ctx.planned.definition = R"({"system":"dns-corp","deadline":"3m"})";
  CHECK(registry.deadline(ctx.planned) == 3min);
  CHECK(registry.deadline(planned) == 10min);
  CHECK(systems.systems()->of("fake", planned.definition) == systems.systems()->of("fake", planned.definition));
}
