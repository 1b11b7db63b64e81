#include <algorithm>
#include <atomic>

#include <doctest/doctest.h>
#include <fmt/core.h>

#include "daemon/aftercare/caretaker.hpp"
#include "tests/unit/engine/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

/// web01 has records in two systems and a computer account; all of them are looked for again.
struct AftercareFixture : EngineFixture {
  FakeRecords& icinga = systems["icinga"];
  FakeRecords& cmdb = systems["cmdb"];
  std::unique_ptr<Caretaker> caretaker;
  std::function<std::string(const Claim&, const PlanStep&, const std::vector<SeenRecord>&, const std::string&)>
      remove_again = [](const Claim&, const PlanStep&, const std::vector<SeenRecord>&, const std::string&) {
        FAIL_CHECK("nobody said that it is to be removed");
        return std::string{};
      };

  AftercareFixture() {
    for (const char* name : {"icinga", "cmdb"}) {
      systems[name].add_proven("web01", std::string(name) + "-1");
      more_steps.push_back({.name = name,
                            .kind = "fake",
                            .irreversible = true,
                            .after = {"destroy"},
                            .system = name,
                            .definition = FakeSystems::definition(name)});
    }
    rules = aftercare_rules(registry, {1h, 24h, 168h});
    reopen();
  }
  ~AftercareFixture() { stop_all(); }

  void start_all() {
    start();
    caretaker = std::make_unique<Caretaker>(
        CaretakerOptions{}, *store, registry,
        [this](const PlannedMachine& planned, const RequestOptions& asked) { return engine->preview(planned, asked); },
        [this](const Claim& ended, const PlanStep& step, const std::vector<SeenRecord>& found, const std::string& key) {
          return remove_again(ended, step, found, key);
        },
        clock);
    caretaker->start();
  }
  /// As the daemon does.
  void stop_all() {
    if (caretaker) caretaker->request_stop();
    if (engine) engine->stop(1s);  // ends the looks, which go through it until then
    caretaker.reset();
    engine.reset();
  }
  /// Retires web01, with everything that is configured.
  void retire() {
    submit(1);
    start_all();
    REQUIRE(until_settled());
    REQUIRE(state() == DecommissionState::succeeded);
  }
  const Aftercare& due(const std::string& step_name, std::size_t index = 0) {
    return step(step_name).aftercare.at(index);
  }
  bool until_done(const std::string& step_name, std::size_t index = 0) {
    return until([&] { return due(step_name, index).state != AftercareState::waiting; });
  }
  std::vector<Event> events_of(EventKind kind) {
    std::vector<Event> found;
    for (const Event& event : store->events({.since = 0, .request = 1}))
      if (event.kind == kind) found.push_back(event);
    return found;
  }
};

}  // namespace

TEST_CASE_FIXTURE(AftercareFixture, "records are looked for again after the end, and that nothing came back is said") {
  retire();
  const int finds = icinga.finds();
  clock.advance(1h);
  for (const char* name : {"icinga", "cmdb", "ad_computer"}) {
    REQUIRE(until_done(name));
    CHECK(due(name).said == "nothing came back");
    CHECK(due(name).state == AftercareState::done);
    CHECK(due(name, 1).attempts == 0);
  }
  CHECK(icinga.finds() == finds + 1);
  CHECK(events_of(EventKind::record_looked).size() == 3);
  CHECK(machine(1).warnings == 0);
}

TEST_CASE_FIXTURE(AftercareFixture, "what came back is told as a warning, once, and nothing is removed") {
  retire();
  icinga.add_proven("web01", "icinga-9");
  icinga.add("web01", {.id = "icinga-10", .what = "icinga-10", .facts = {"name web01"}});
  clock.advance(1h);
  REQUIRE(until_done("icinga"));
  CHECK(due("icinga").found == std::vector<std::string>{"icinga-9"});
  CHECK(due("icinga").said.starts_with("1 record came back: icinga-9"));
  REQUIRE(events_of(EventKind::record_returned).size() == 1);
  CHECK(events_of(EventKind::record_returned)[0].level == EventLevel::warning);
  CHECK(machine(1).warnings == 1);

  clock.advance(23h);
  REQUIRE(until_done("icinga", 1));
  CHECK(due("icinga", 1).found.size() == 1);
  CHECK(events_of(EventKind::record_returned).size() == 1);
  CHECK(machine(1).warnings == 1);
  CHECK(icinga.received("icinga-9") == 0);
  CHECK(icinga.has("icinga-9"));
}

TEST_CASE_FIXTURE(AftercareFixture, "a record whose name a live machine bears by then did not come back") {
  std::atomic<bool> reborn = false;
  live_bearers = [&](const std::string&, const Identity&) {
    return reborn ? std::vector<std::string>{"web01 (new)"} : std::vector<std::string>{};
  };
  retire();
  reborn = true;
  icinga.add_proven("web01", "icinga-9");
  clock.advance(1h);
  REQUIRE(until_done("icinga"));
  CHECK(due("icinga").found.empty());
  CHECK(machine(1).warnings == 0);
}

TEST_CASE_FIXTURE(AftercareFixture, "a system that is away makes its own look wait, and no other") {
  retire();
  icinga.go_away();
  clock.advance(1h);
  REQUIRE(until_done("cmdb"));
  REQUIRE(until([&] { return due("icinga").attempts >= 2; }, 1s));
  CHECK(due("icinga").state == AftercareState::waiting);
  CHECK(events_of(EventKind::record_looked).size() == 3);
  icinga.come_back();
  REQUIRE(until([&] { return due("icinga").state == AftercareState::done; }, 1s));
  CHECK(due("icinga").said == "nothing came back");
  CHECK(machine(1).warnings == 0);
}

TEST_CASE_FIXTURE(AftercareFixture, "a look that can only fail is given up, with a warning that stays") {
  retire();
  icinga.go_away(ErrorCode::denied);
  clock.advance(1h);
  REQUIRE(until_done("icinga"));
  CHECK(due("icinga").state == AftercareState::given_up);
  CHECK(machine(1).warnings == 1);
  icinga.come_back();
  clock.advance(23h);
  REQUIRE(until_done("icinga", 1));
  CHECK(due("icinga", 1).state == AftercareState::done);
}

TEST_CASE_FIXTURE(AftercareFixture, "where the plan says so, what came back is asked to be removed again") {
  more_steps[0].on_return = OnReturn::remove;
  std::mutex mutex;
  std::vector<std::string> asked;
  remove_again = [&](const Claim& ended, const PlanStep& step, const std::vector<SeenRecord>& found,
                     const std::string& key) {
    const std::lock_guard guard(mutex);
    asked.push_back(fmt::format("{} {} {} {}", ended.acting_sid, step.name, found.at(0).record.id, key));
    if (asked.size() == 1) throw Error{ErrorCode::conflict, "web01 is in request 9 already"};
    if (asked.size() == 3) throw Error{ErrorCode::denied, "CORP\\alice has no operator role any more"};
    return std::string("request 2 removes it again");
  };
  retire();
  icinga.add_proven("web01", "icinga-9");
  cmdb.add_proven("web01", "cmdb-9");
  clock.advance(1h);
  REQUIRE(until([&] { return due("icinga").state == AftercareState::done; }, 1s));
  CHECK(due("icinga").said.ends_with("; request 2 removes it again"));
  clock.advance(23h);
  REQUIRE(until([&] { return due("icinga", 1).state == AftercareState::done; }, 1s));
  CHECK(due("icinga", 1).said.ends_with("; not removed again: CORP\\alice has no operator role any more"));
  const std::lock_guard guard(mutex);
  REQUIRE(asked.size() == 3);
  CHECK(asked[0] == asked[1]);
  CHECK(asked[0].starts_with("S-1-5-21-1 icinga icinga-9 decomd-aftercare-"));
  CHECK(asked[2] != asked[1]);
}

TEST_CASE_FIXTURE(AftercareFixture, "a restart after a week does what is overdue by one look a system") {
  retire();
  stop_all();
  reopen();
  clock.advance(8 * 24h);
  const int finds = icinga.finds();
  start_all();
  for (const char* name : {"icinga", "cmdb", "ad_computer"})
    for (const std::size_t index : {0U, 1U, 2U}) REQUIRE(until_done(name, index));
  CHECK(icinga.finds() == finds + 1);
  CHECK(events_of(EventKind::record_looked).size() == 3);
}

TEST_CASE_FIXTURE(AftercareFixture, "a stop ends a look under way, and it is due again") {
  retire();
  icinga.hold();
  clock.advance(1h);
  icinga.wait_until_inside(1);
  stop_all();
  CHECK(due("icinga").attempts == 0);
  icinga.release();
  reopen();
  start_all();
  REQUIRE(until_done("icinga"));
  CHECK(due("icinga").said == "nothing came back");
}

namespace {

class NothingToDo final : public StepKind {
 public:
  Observation observe(StepContext&) override { return Satisfied{"silent"}; }
  void apply(StepContext&, const Needed&) override {}
  Observation resume(StepContext&, const OpenCall&) override { return Satisfied{"silent"}; }
};

/// A monitoring is silenced first; then the removal from icinga fails for good.
struct SilenceFixture : AftercareFixture {
  std::mutex mutex;
  std::vector<std::string> lifted;  ///< notes
  std::vector<ErrorCode> failures;  ///< of the next calls

  SilenceFixture() {
    registry.add({.name = "quiet",
                  .summary = "silences",
                  .lifted_after =
                      [this](const Lift& lift) {
                        const std::lock_guard guard(mutex);
                        if (!failures.empty()) {
                          const ErrorCode code = failures.back();
                          failures.pop_back();
                          throw Error{code, "not now"};
                        }
                        lifted.push_back(lift.step.name + " of " + lift.machine.name + ", " + lift.note);
                        return std::string("downtime removed");
                      }},
                 [](const PlanStep&) { return std::make_unique<NothingToDo>(); });
    more_steps.insert(more_steps.begin(), {.name = "silence", .kind = "quiet"});
    rules = aftercare_rules(registry, {1h});
    rules.destroying.clear();
    reopen();
  }
  ~SilenceFixture() { stop_all(); }
  void fail_after_silence() {
    icinga.fail_next_removal("icinga-1", ErrorCode::refused);
    submit(1);
    start_all();
    REQUIRE(until_settled());
    REQUIRE(state() == DecommissionState::failed);
  }
};

}  // namespace

TEST_CASE_FIXTURE(SilenceFixture, "what a step left behind is lifted soon after a failure") {
  fail_after_silence();
  REQUIRE(until_done("silence"));
  CHECK(due("silence").said == "downtime removed");
  CHECK(lifted == std::vector<std::string>{"silence of web01, CORP\\alice, decom 1.1: failed"});
  CHECK(events_of(EventKind::step_lifted).size() == 1);
}

TEST_CASE_FIXTURE(SilenceFixture, "a lift that did not reach its system is tried again, one that was refused is not") {
  failures = {ErrorCode::refused, ErrorCode::unreachable};
  fail_after_silence();
  REQUIRE(until([&] { return due("silence").state == AftercareState::given_up; }, 1s));
  CHECK(due("silence").attempts == 2);
  CHECK(lifted.empty());
  CHECK(machine(1).warnings == 1);
}

TEST_CASE_FIXTURE(SilenceFixture, "after a success it is lifted too, whoever bears the name next") {
  retire();
  REQUIRE(until_done("silence"));
  CHECK(lifted == std::vector<std::string>{"silence of web01, CORP\\alice, decom 1.1: succeeded"});
  CHECK(machine(1).warnings == 0);
}
