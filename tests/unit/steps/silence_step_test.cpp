#include "daemon/steps/silence_step.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <doctest/doctest.h>

#include "daemon/records/record_system.hpp"
#include "tests/support/fake_context.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

/// A monitoring with state: what it knows of a machine, and the silences that it was told.
class FakeMonitoring final : public RecordSystem, public Silencer {
 public:
  struct Set {
    std::string target;
    std::string comment;
    Timestamp until;
  };
  std::vector<Record> known;
  std::map<int, Set> set;
  std::optional<ErrorCode> reading;  ///< what every look ends in
  std::optional<ErrorCode> setting;  ///< what the next calls that change end in …
  bool yet_it_happens = false;       ///< … after they did what they should
  int received = 0;
  bool asks = true;

  std::vector<Record> find(const Machine&, const RecordCall&) override { return known; }
  std::optional<Record> read(const Machine&, const std::string&, const RecordCall&) override { return {}; }
  std::string remove(const Machine&, const Record&, const RecordCall&) override { return {}; }
  std::string check(const RecordCall&) override { return {}; }

  Silencer* silencer() override { return this; }
  [[nodiscard]] std::chrono::milliseconds lasts() const override { return 4h; }
  [[nodiscard]] bool asks_for_targets() const override { return asks; }
  std::vector<Record> targets(const Machine&, const RecordCall&) override {
    look();
    return known;
  }
  std::vector<FoundSilence> silences(const SilenceMark& mark, const RecordCall&) override {
    look();
    std::vector<FoundSilence> found;
    for (const auto& [id, one] : set)
      if (one.target == mark.target && mark.fits(one.comment))
        found.push_back({.id = std::to_string(id), .until = one.until});
    return found;
  }
  void silence(const SilenceMark& mark, const std::string& words, Timestamp until, const RecordCall&) override {
    ++received;
    if (!setting || yet_it_happens) set[received] = {mark.target, mark.head() + ": " + words, until};
    if (setting) throw Error{*setting, "as the test says"};
  }
  std::size_t lift(const SilenceMark& mark, const RecordCall& call) override {
    const auto found = silences(mark, call);
    for (const FoundSilence& one : found) set.erase(std::stoi(one.id));
    return found.size();
  }

 private:
  void look() const {
    if (reading) throw Error{*reading, "cannot reach it"};
  }
};

struct Site {
  ManualClock clock;
  FakeVms vms{clock};
  std::shared_ptr<FakeMonitoring> icinga = std::make_shared<FakeMonitoring>();
  SilenceStep::Of of = [this](const PlanStep&) { return icinga; };
  FakeContext ctx{clock, vms, Machine{.identity = {"vc-1", "vm-1", "50-1"}, .name = "web01"}};
  SilenceStep step{of};

  Site() {
    ctx.planned = {.name = "silence_icinga", .kind = kSilenceKind, .system = "icinga"};
    ctx.request.shutdown_timeout = 5min;
    know("web01");
  }
  void know(const std::string& id, std::vector<std::string> facts = {"name web01", "address 10.0.0.1"}) {
    icinga->known.push_back({.id = id, .what = "host " + id, .facts = std::move(facts), .bears = {id}});
  }
  /// As the engine does: what a call left open, it asks for.
  Observation run() {
    const Observation seen = step.observe(ctx);
    if (const auto* needed = std::get_if<Needed>(&seen)) step.apply(ctx, *needed);
    return step.observe(ctx);
  }
  std::string lift(const std::string& number = "17.3") {
    Lift lift{.machine = ctx.machine(),
              .step = ctx.planned,
              .number = number,
              .calls = {},
              .note = {},
              .stop = {},
              .deadline = clock.steady() + 1min};
    for (const FakeContext::Effect& effect : ctx.effects)
      if (effect.outcome != "refused")
        lift.calls.push_back({.call = effect.spec.call, .target = effect.spec.target, .before = effect.spec.before});
    return lift_silences(of, lift);
  }
};

template <typename T>
bool is(const Observation& seen) {
  return std::holds_alternative<T>(seen);
}

std::string failure(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::refused);  // so that nobody tries again while the machine waits
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE_FIXTURE(Site, "a monitoring is made quiet once, for as long as the run may take, and loud again") {
  ctx.rehearses = true;
  CHECK(text_of(step.observe(ctx)) == "silence host web01 in icinga for 4h 5m at most");
  // Where a step on the same system shows its records it is not asked for them twice.
  ctx.whole.steps = {ctx.planned, {.name = "icinga", .kind = "http", .system = "icinga"}};
  icinga->reading = ErrorCode::unreachable;
  CHECK(text_of(step.observe(ctx)) == "silence what icinga has of web01, for 4h 5m at most");
  icinga->reading.reset();
  icinga->asks = false;
  CHECK(text_of(step.observe(ctx)) == "silence host web01 in icinga for 4h 5m at most");
  ctx.whole.steps[1].skipped = true;
  icinga->asks = true;
  CHECK(text_of(step.observe(ctx)) == "silence host web01 in icinga for 4h 5m at most");
  ctx.rehearses = false;
  CHECK(is<Satisfied>(run()));
  REQUIRE(icinga->set.size() == 1);
  const FakeMonitoring::Set& set = icinga->set.begin()->second;
  CHECK(set.until == clock.now() + 4h + 5min);
  CHECK(set.comment.starts_with("decom 17.3 (decom-"));
  CHECK(set.comment.ends_with("): web01 is being retired for CORP\\alice"));
  REQUIRE(ctx.effects.size() == 1);
  CHECK(ctx.effects[0].spec.call == "silence in icinga");
  CHECK(ctx.effects[0].spec.target == "web01");
  CHECK_FALSE(ctx.effects[0].spec.irreversible);
  CHECK(ctx.effects[0].outcome == "done");

  SilenceStep again{of};
  CHECK(text_of(again.observe(ctx)) == "silent in icinga: host web01, until " + to_rfc3339(set.until));
  CHECK(lift("18.1") == "icinga has no silence of ours any more");
  CHECK(icinga->set.size() == 1);
  CHECK(lift() == "icinga is loud again about host web01");
  CHECK(icinga->set.empty());
  CHECK(lift() == "icinga has no silence of ours any more");
}

TEST_CASE_FIXTURE(Site, "only what two facts prove, and what no live machine bears, is silenced") {
  icinga->known.clear();
  know("web01", {"address 10.0.0.1"});
  know("db07", {"address 10.0.0.1", "UUID 1"});
  icinga->known.back().against = {"it is called db07"};
  know("web01.lab");
  ctx.bearers = [](const std::string& name, const Identity&) {
    return name == "web01.lab" ? std::vector<std::string>{"web01 (new)"} : std::vector<std::string>{};
  };
  const Observation seen = run();
  REQUIRE(is<LeftAlone>(seen));
  CHECK(text_of(seen) ==
        "stays loud in icinga: host web01 (one fact only, address 10.0.0.1), host db07 (it is called db07), host "
        "web01.lab (web01 (new) bears web01.lab too)");
  CHECK(icinga->received == 0);
  icinga->known.clear();
  SilenceStep fresh{of};
  CHECK(text_of(fresh.observe(ctx)) == "icinga knows nothing of web01 that it could be silent about");
}

TEST_CASE_FIXTURE(Site, "whatever is wrong with the monitoring, nothing is tried again while the machine waits") {
  for (const ErrorCode code : {ErrorCode::unreachable, ErrorCode::timed_out, ErrorCode::busy, ErrorCode::denied,
                               ErrorCode::untrusted, ErrorCode::unauthenticated}) {
    CAPTURE(to_string(code));
    icinga->reading = code;
    SilenceStep looks{of};
    CHECK(failure([&] { looks.observe(ctx); }) == "web01 is not silenced in icinga: cannot reach it");
    icinga->reading.reset();
    icinga->setting = code;
    SilenceStep sets{of};
    CHECK(failure([&] { sets.apply(ctx, std::get<Needed>(sets.observe(ctx))); }) ==
          "web01 is not silenced in icinga: as the test says");
    CHECK(ctx.effects.back().outcome == "refused");
    icinga->setting.reset();
  }
  CHECK(lift() == "nothing had been silenced in icinga");
}

TEST_CASE_FIXTURE(Site, "a silence whose answer was lost is found again, and not set twice") {
  icinga->setting = ErrorCode::lost;
  icinga->yet_it_happens = true;
  const Observation seen = step.observe(ctx);
  CHECK_THROWS_AS(step.apply(ctx, std::get<Needed>(seen)), Error);
  CHECK(ctx.effects.back().outcome == "open");
  const OpenCall open{.call = "silence in icinga", .target = "web01"};
  CHECK(is<Satisfied>(step.resume(ctx, open)));
  SilenceStep restarted{of};
  CHECK(is<Satisfied>(restarted.resume(ctx, open)));
  CHECK(is<Satisfied>(restarted.observe(ctx)));
  CHECK(icinga->received == 1);
  CHECK(lift() == "icinga is loud again about host web01");
}

TEST_CASE_FIXTURE(Site, "one that did not come through is set by the next start, and no further by this one") {
  icinga->setting = ErrorCode::lost;
  const Observation seen = step.observe(ctx);
  CHECK_THROWS_AS(step.apply(ctx, std::get<Needed>(seen)), Error);
  const OpenCall open{.call = "silence in icinga", .target = "web01"};
  CHECK(failure([&] { step.resume(ctx, open); }) ==
        "it is not known whether web01 was silenced, and icinga shows no silence of ours");
  icinga->setting.reset();
  SilenceStep restarted{of};
  CHECK(is<Needed>(restarted.resume(ctx, open)));
  restarted.apply(ctx, std::get<Needed>(restarted.observe(ctx)));
  CHECK(icinga->set.size() == 1);
}

TEST_CASE_FIXTURE(Site, "one that has ended by itself is set anew") {
  CHECK(is<Satisfied>(run()));
  clock.advance(5h);
  CHECK(is<Needed>(step.observe(ctx)));
  CHECK(is<Satisfied>(run()));
  CHECK(lift() == "icinga is loud again about host web01");
  CHECK(icinga->set.empty());
}

TEST_CASE("a mark is of one machine, one record and one request, and a name cannot pretend to bear it") {
  const Machine machine{.identity = {"vc-1", "vm-1", "50-1"}, .name = "web01"};
  const Machine other{.identity = {"vc-1", "vm-2", "50-2"}, .name = "web01"};
  const auto mark = SilenceMark::of(machine, "web01", "17.3");
  CHECK(mark.token.size() == 22);
  CHECK(mark.fits(mark.head() + ": x"));
  CHECK(SilenceMark::of(machine, "web01", "").fits(mark.head() + ": x"));
  for (const SilenceMark& one : {SilenceMark::of(machine, "web01", "7.3"), SilenceMark::of(machine, "web01", "17.30"),
                                 SilenceMark::of(machine, "web02", "17.3"), SilenceMark::of(other, "web01", "17.3")}) {
    CHECK_FALSE(mark.fits(one.head() + ": x"));
    CHECK_FALSE(mark.fits(one.head() + ": " + mark.head()));
  }
  const auto any = SilenceMark::of(machine, "web01", "");
  for (const char* comment : {"", "decom", "decom ", "decom 17.3", "maintenance"}) CHECK_FALSE(any.fits(comment));
  CHECK_FALSE(any.fits(SilenceMark::of(other, "web01", "17.3").head()));
}
