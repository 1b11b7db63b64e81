#include <doctest/doctest.h>

#include "daemon/steps/ad_records.hpp"
#include "daemon/steps/step.hpp"
#include "tests/contract/directory_worlds.hpp"
#include "tests/support/fake_context.hpp"
#include "tests/support/fake_vms.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;

namespace {

/// The step ad.computer against a directory, for one machine.
template <typename World>
struct Account {
  World world;
  ManualClock clock;
  FakeVms vms{clock};
  StepRegistry registry = built_in_steps();
  MadeComputer made;
  FakeContext ctx;

  explicit Account(const ComputerSpec& spec = {}, std::map<std::string, std::string> params = {})
      : made(world.add_computer(spec)),
        ctx(clock, vms,
            {.identity = {"vc-1", "vm-1", "50-1"},
             .name = made.name,
             .vcenter = "lab",
             .family = OsFamily::windows,
             .guest_host_name = made.name + ".corp.example.test",
             .power = PowerState::on,
             .tools = "running"}) {
    ctx.directory_server = &world.directory();
    ctx.planned = {.name = "ad_computer", .kind = kAdComputerKind, .params = std::move(params)};
  }

  Observation plan() {
    ctx.rehearses = true;
    Observation seen = registry.make(ctx.planned)->observe(ctx);
    ctx.rehearses = false;
    const auto* needed = std::get_if<Needed>(&seen);
    ctx.planned.records = needed != nullptr ? needed->records : std::vector<FrozenRecord>{};
    return seen;
  }
  Observation run() {
    const auto step = registry.make(ctx.planned);
    Observation seen = step->observe(ctx);
    if (const auto* needed = std::get_if<Needed>(&seen)) {
      step->apply(ctx, *needed);
      return step->observe(ctx);
    }
    return seen;
  }
  Computer now() { return world.directory().read_computer(made.guid).value(); }
};

bool says(const Observation& seen, std::string_view part) { return text_of(seen).find(part) != std::string::npos; }

}  // namespace

TEST_CASE_TEMPLATE("an account goes with what was shown below it", World, FakeWorld, SambaWorld) {
  Account<World> account({.children = 2});
  REQUIRE(std::holds_alternative<Needed>(account.plan()));
  CHECK(std::holds_alternative<Satisfied>(account.run()));
  CHECK(account.ctx.effects.size() == 3);
  CHECK_FALSE(account.world.has(account.made));
}

TEST_CASE_TEMPLATE("what came below an account since the plan keeps all of it", World, FakeWorld, SambaWorld) {
  Account<World> account({.children = 1});
  REQUIRE(std::holds_alternative<Needed>(account.plan()));
  account.world.add_child(account.made);
  const Observation seen = account.run();
  CHECK(std::holds_alternative<LeftAlone>(seen));
  CHECK(says(seen, "below it (it is not among those that were shown when the plan was made)"));
  CHECK(account.ctx.effects.empty());
  CHECK(account.now().children.size() == 2);
}
