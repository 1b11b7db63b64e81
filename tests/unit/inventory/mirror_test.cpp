#include "daemon/inventory/mirror.hpp"

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

#include "daemon/inventory/match.hpp"
#include "daemon/inventory/search.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_vcenter.hpp"
#include "tests/unit/inventory/some_machines.hpp"

namespace decom::inventory {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  MemoryVcenter vcenter{"lab"};
  Mirror mirror{vcenter.feed(), system_clock(),
                MirrorPace{.publish_every = 0ms, .retry_least = 1ms, .retry_most = 2ms}};

  /// Long, as the machine may be busy; nothing waits for its end.
  void expect(const std::function<bool(const MirrorState&)>& wanted) {
    REQUIRE(mirror.wait_for(wanted, system_clock().steady() + 60s));
  }
  void fill(int count) {
    for (int i = 0; i < count; ++i) vcenter.put(machine_named(fmt::format("vm{:04}", i), i));
  }
  bool has(const std::string& moref) const { return mirror.view().snapshot->find(moref).has_value(); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a load shows at its end") {
  fill(350);
  vcenter.hold_loads(true);
  mirror.start();
  vcenter.wait_until_held();

  CHECK(mirror.view().state.connected);
  CHECK_FALSE(mirror.view().state.loaded);
  CHECK(mirror.view().snapshot->machines() == 0);

  vcenter.hold_loads(false);
  expect([](const MirrorState& state) { return state.loaded; });
  const auto view = mirror.view();
  CHECK(view.snapshot->machines() == 350);
  CHECK(view.state.machines == 350);
  CHECK(view.state.uuid == "11111111-0000-4000-8000-000000000001");
  CHECK(view.state.as_of);
}

TEST_CASE_FIXTURE(Fixture, "an empty vCenter is loaded too") {
  mirror.start();
  expect([](const MirrorState& state) { return state.loaded; });
  CHECK(mirror.view().snapshot->machines() == 0);
}

TEST_CASE_FIXTURE(Fixture, "machines that are created, renamed and deleted are followed") {
  fill(10);
  mirror.start();
  expect([](const MirrorState& state) { return state.loaded; });

  vcenter.put(machine_named("created", 100));
  expect([](const MirrorState& state) { return state.machines == 11; });
  CHECK(mirror.view().snapshot->find("vm-100")->name == "created");

  const auto generation = mirror.view().state.generation;
  vcenter.put(machine_named("renamed", 100));
  expect([&](const MirrorState& state) { return state.generation > generation; });
  CHECK(mirror.view().snapshot->named("created").empty());
  CHECK(mirror.view().snapshot->named("renamed").size() == 1);

  vcenter.remove("vm-100");
  expect([](const MirrorState& state) { return state.machines == 10; });
  CHECK_FALSE(has("vm-100"));
}

TEST_CASE_FIXTURE(Fixture, "a change in pieces is published once, with the last word on each machine") {
  mirror.start();
  expect([](const MirrorState& state) { return state.loaded; });
  const auto generation = mirror.view().state.generation;

  vcenter.send({.entered = {machine_named("a", 1), machine_named("b", 2)}, .complete = false});
  vcenter.send({.left = {"vm-1"}, .complete = false});
  vcenter.send({.entered = {machine_named("c", 3)}, .complete = true});
  expect([&](const MirrorState& state) { return state.machines == 2; });

  CHECK(mirror.view().state.generation == generation + 1);
  CHECK_FALSE(has("vm-1"));
}

TEST_CASE_FIXTURE(Fixture, "while vCenter is away, the last snapshot stays and the state says why") {
  fill(120);
  mirror.start();
  expect([](const MirrorState& state) { return state.loaded; });
  vcenter.fail(ErrorCode::unreachable, "cannot reach vCenter lab");
  expect([](const MirrorState& state) { return !state.connected; });

  const auto away = mirror.view();
  CHECK(away.state.trouble == "cannot reach vCenter lab");
  CHECK(away.state.loaded);
  CHECK(away.snapshot->machines() == 120);

  vcenter.remove("vm-3");
  vcenter.hold_loads(true);
  vcenter.recover();
  vcenter.wait_until_held();
  CHECK(mirror.view().state.connected);
  CHECK(mirror.view().state.trouble.empty());
  CHECK(has("vm-3"));  // the old content until the resync is complete
  CHECK(mirror.view().state.whole_at == away.state.whole_at);

  vcenter.hold_loads(false);
  expect([](const MirrorState& state) { return state.machines == 119; });
  CHECK_FALSE(has("vm-3"));
  CHECK(mirror.view().state.generation == away.state.generation + 1);
  CHECK(mirror.view().state.whole_at > away.state.whole_at);
}

TEST_CASE_FIXTURE(Fixture, "a connection that breaks in the middle of a resync changes nothing") {
  fill(20);
  mirror.start();
  expect([](const MirrorState& state) { return state.loaded; });
  vcenter.hold_loads(true);
  vcenter.fail(ErrorCode::unreachable, "away");
  expect([](const MirrorState& state) { return !state.connected; });
  vcenter.recover();
  vcenter.wait_until_held();
  vcenter.fail(ErrorCode::unreachable, "away again");
  expect([](const MirrorState& state) { return state.trouble == "away again"; });

  CHECK(mirror.view().snapshot->machines() == 20);
}

TEST_CASE("the age of an answer is that of the last sign of life") {
  ManualClock clock;
  MemoryVcenter vcenter{"lab"};
  Mirror mirror{vcenter.feed(), clock};
  mirror.start();
  REQUIRE(mirror.wait_until_settled(clock.steady() + 1h));
  const auto loaded_at = clock.now();
  vcenter.fail(ErrorCode::unreachable, "away");
  REQUIRE(mirror.wait_for([](const MirrorState& state) { return !state.connected; }, clock.steady() + 1h));
  clock.advance(10min);

  CHECK(mirror.view().state.as_of == loaded_at);
}

TEST_CASE("a wrong password is not tried again for 30 seconds") {
  for (const ErrorCode code : {ErrorCode::unauthenticated, ErrorCode::untrusted}) {
    ManualClock clock;
    MemoryVcenter vcenter{"lab"};
    vcenter.fail(code, "vCenter lab refuses our password");
    Mirror mirror{vcenter.feed(), clock};
    mirror.start();
    REQUIRE(mirror.wait_until_settled(clock.steady() + 1h));
    CHECK(mirror.view().state.trouble == "vCenter lab refuses our password");
    CHECK(vcenter.connections() == 1);

    auto waited = 0ms;
    while (vcenter.connections() < 2) {
      clock.advance(500ms);
      waited += 500ms;
      std::this_thread::yield();
    }
    CHECK(waited >= 30s);
  }
}

TEST_CASE_FIXTURE(Fixture, "a session that ended is opened again soon, since the password was right a moment ago") {
  fill(3);
  mirror.start();
  expect([](const MirrorState& state) { return state.loaded; });
  const auto generation = mirror.view().state.generation;
  vcenter.drop(ErrorCode::unauthenticated, "the session has ended");
  // Sooner than the 30 seconds after which a wrong password would be tried again.
  CHECK(mirror.wait_for([&](const MirrorState& state) { return state.generation > generation; },
                        system_clock().steady() + 20s));
  CHECK(mirror.view().state.connected);
  CHECK(vcenter.connections() == 2);
}

TEST_CASE("an unreachable vCenter is tried again, less and less often") {
  ManualClock clock;
  MemoryVcenter vcenter{"lab"};
  vcenter.fail(ErrorCode::unreachable, "away");
  Mirror mirror{vcenter.feed(), clock};
  mirror.start();
  REQUIRE(mirror.wait_until_settled(clock.steady() + 1h));

  auto waited = 0ms;
  while (vcenter.connections() < 6) {
    clock.advance(100ms);
    waited += 100ms;
    std::this_thread::yield();
  }
  CHECK(waited >= 15'500ms);  // half of 1 + 2 + 4 + 8 + 16 seconds
}

TEST_CASE("changes in a storm are gathered for a moment, and the first one is not delayed") {
  ManualClock clock;
  MemoryVcenter vcenter{"lab"};
  Mirror mirror{vcenter.feed(), clock};
  mirror.start();
  REQUIRE(mirror.wait_until_settled(clock.steady() + 1h));
  const auto shows = [&](std::size_t machines) {
    return mirror.wait_for([&](const MirrorState& state) { return state.machines == machines; }, clock.steady() + 24h);
  };

  vcenter.put(machine_named("first", 1));
  REQUIRE(shows(1));
  vcenter.put(machine_named("second", 2));
  auto waited = 0ms;
  while (mirror.view().state.machines < 2) {
    clock.advance(5ms);
    waited += 5ms;
    std::this_thread::yield();
  }
  CHECK(waited >= 95ms);
}

TEST_CASE_FIXTURE(Fixture, "stopping ends a mirror that follows, loads or waits to try again") {
  SUBCASE("follows") {
    mirror.start();
    expect([](const MirrorState& state) { return state.loaded; });
  }
  SUBCASE("loads") {
    vcenter.hold_loads(true);
    mirror.start();
    vcenter.wait_until_held();
  }
  SUBCASE("waits") {
    vcenter.fail(ErrorCode::unauthenticated, "no");
    mirror.start();
    expect([](const MirrorState& state) { return !state.trouble.empty(); });
  }
  SUBCASE("never started") {}
  mirror.stop();
  CHECK_FALSE(mirror.view().state.connected);
}

TEST_CASE_FIXTURE(Fixture, "searches go on while machines change, and each sees one moment") {
  fill(1'200);
  mirror.start();
  expect([](const MirrorState& state) { return state.loaded; });

  // Two machines always change together: whoever sees one without the other saw two moments.
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  const auto reader = [&] {
    const Node query = parse_query("name:pair*", {});
    while (!done) {
      const std::vector sources{mirror.view().snapshot};
      const Page page = find_page(sources, query, {}, 10, std::nullopt);
      if (page.machines.size() % 2 != 0) ++torn;
      if (page.machines.size() == 2 && page.machines[0].cpus != page.machines[1].cpus) ++torn;
    }
  };
  std::jthread one(reader);
  std::jthread two(reader);
  for (int i = 1; i <= 30; ++i) {
    const auto generation = mirror.view().state.generation;
    Machine a = machine_named("pair-a", 5'000);
    Machine z = machine_named("pair-z", 5'001);
    a.cpus = z.cpus = i;
    if (i % 3 == 0) {
      vcenter.send({.left = {"vm-5000", "vm-5001"}});
    } else {
      vcenter.send({.entered = {a, z}});
    }
    expect([&](const MirrorState& state) { return state.generation > generation; });
  }
  done = true;
  one.join();
  two.join();
  CHECK(torn == 0);
}

}  // namespace decom::inventory
