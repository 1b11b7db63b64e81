#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <stdlib.h>

#include "common/base/log.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/plans/planner.hpp"
#include "daemon/store/store.hpp"
#include "tests/support/vcenter_server.hpp"

// The engine, the steps and the client of vCenter together, against the real server, on the real clock.
namespace decom {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr const char* kDestroy = "Destroy_Task";

Json inventory(int count) {
  Json vms = Json::array();
  for (int number = 1; number <= count; ++number)
    vms.push_back({{"name", fmt::format("web{:02}", number)},
                   {"guest_id", "rhel8_64Guest"},
                   {"ips", {fmt::format("10.1.0.{}", number)}},
                   {"power", "on"}});
  return {{"vms", vms}};
}

class Site {
 public:
  explicit Site(int machines = 1, const std::vector<std::string>& arguments = {"--guest-shutdown-ms", "20"})
      : server(arguments, inventory(machines)) {
    log::start(log::Level::error, false);
    std::string name = (std::filesystem::temp_directory_path() / "decom-contract-XXXXXX").native();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    store = std::make_unique<Store>(StoreOptions{.state_dir = folder_ / "state"}, system_clock());
    store->on_grown([this](std::int64_t) {
      const std::lock_guard guard(mutex_);
      grown_.notify_all();
    });
    options.push_back(server.options());
    options[0].connect_timeout = 1s;
    options[0].call_timeout = 2s;
  }
  ~Site() {
    engine.reset();
    vcenters.reset();
    store.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  VcenterServer server;
  std::vector<VcenterOptions> options;
  std::unique_ptr<Store> store;
  std::unique_ptr<VcenterPool> vcenters;
  std::unique_ptr<VmOps> vms;
  std::unique_ptr<Engine> engine;
  StepRegistry registry = built_in_steps();
  EngineOptions engine_options{.workers = 4, .attempts = 2, .backoff_first = 20ms, .backoff_most = 200ms};
  Principal alice{.sid = "S-1-5-21-1",
                  .sam = "alice",
                  .upn = "",
                  .domain = "CORP",
                  .uid = 1000,
                  .roles = {Role::operator_},
                  .session = "s1"};

  void submit(int count = 1) {
    VcenterPool pool(options, system_clock());
    Vcenter& vcenter = pool.by_name("lab");
    const Planner planner(Planner::shipped(), registry, false);
    PlanOffer offer{.id = "p",
                    .hash = "h",
                    .created = system_clock().now(),
                    .expires = system_clock().now() + 15min,
                    .requester_sid = alice.sid};
    for (int number = 1; number <= count; ++number) {
      const Machine machine = vcenter.read_machine(server.moref(fmt::format("web{:02}", number)));
      offer.machines.push_back({.machine = machine, .plan = planner.plan_for(machine, {})});
    }
    store->save_plan(offer);
    (void)store->submit({.plan_id = "p", .plan_hash = "h", .body_hash = "b"}, alice);
  }
  void start() {
    vcenters = std::make_unique<VcenterPool>(options, system_clock());
    vms = over_vcenters(*vcenters);
    engine = std::make_unique<Engine>(
        engine_options, *store,
        World{.vms = vms.get(),
              .live_bearers = [](const std::string&, const Identity&) { return std::vector<std::string>{}; }},
        registry, [](const Claim&, const KindTraits&) {}, system_clock());
    engine->start();
  }
  void stop() {
    engine->stop(2s);
    engine.reset();
  }

  Decommission machine(int ordinal = 1) {
    return store->load_request(1).decommissions.at(static_cast<std::size_t>(ordinal) - 1);
  }
  Step step(const std::string& name) {
    const Decommission d = machine();
    return *std::ranges::find(d.steps, name, &Step::name);
  }
  bool until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) {
        MESSAGE("it is ", std::string(to_string(machine().state)), ": ", machine().reason);
        return false;
      }
      std::unique_lock lock(mutex_);
      grown_.wait_for(lock, 20ms);
    }
    return true;
  }
  bool until_settled() {
    return until([&] {
      return std::ranges::all_of(store->load_request(1).decommissions,
                                 [](const auto& d) { return is_settled(d.state); });
    });
  }
  bool until_state(DecommissionState wanted) {
    return until([&] { return machine().state == wanted; });
  }
  bool is_there() {
    const Json all = server.control("inventory").at("vms");
    return std::ranges::any_of(all, [](const Json& vm) { return vm.at("name") == "web01"; });
  }

 private:
  std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable grown_;
};

TEST_CASE("twelve machines on four workers: each is shut down and destroyed once") {
  Site world(12, {"--guest-shutdown-ms", "20", "--task-ms", "30"});
  world.submit(12);
  world.start();
  REQUIRE(world.until_settled());
  for (int ordinal = 1; ordinal <= 12; ++ordinal) CHECK(world.machine(ordinal).state == DecommissionState::succeeded);
  CHECK(world.server.ledger("received", "ShutdownGuest") == 12);
  CHECK(world.server.ledger("received", "PowerOffVM_Task") == 0);
  CHECK(world.server.ledger("received", kDestroy) == 12);
  CHECK(world.server.ledger("executed", kDestroy) == 12);
  CHECK(world.machine().steps[1].message == "web01 was destroyed");
}

TEST_CASE("an answer that never came is found out about, and the call is not sent again") {
  Site world;
  world.submit();
  SUBCASE("connection closed after the work") {
    world.server.rule({{"method", kDestroy}, {"action", "drop_after"}, {"times", 1}});
  }
  SUBCASE("half an answer") { world.server.rule({{"method", kDestroy}, {"action", "drop_during"}, {"times", 1}}); }
  SUBCASE("503 from a proxy, done all the same") {
    world.server.rule({{"method", kDestroy}, {"action", "http"}, {"execute", true}, {"times", 1}});
  }
  SUBCASE("later than we wait") {
    world.server.rule({{"method", kDestroy}, {"action", "late"}, {"ms", 2'600}, {"times", 1}});
  }
  SUBCASE("later than we wait, and done only then") {
    world.server.rule({{"method", kDestroy}, {"action", "delay"}, {"ms", 2'600}, {"times", 1}});
  }
  world.start();
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::succeeded);
  CHECK(world.step("destroy").state == StepState::succeeded);
  CHECK(world.server.ledger("received", kDestroy) == 1);
  CHECK(world.server.ledger("executed", kDestroy) == 1);
}

TEST_CASE("a call that vanished on its way is sent again once nothing can hold it any more") {
  Site world;
  world.submit();
  world.server.rule({{"method", kDestroy}, {"action", "drop_before"}, {"times", 1}});
  world.start();
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::succeeded);
  CHECK(world.server.ledger("received", kDestroy) == 2);
  CHECK(world.server.ledger("executed", kDestroy) == 1);
}

TEST_CASE("a guest that does not go off loses its power") {
  Site world(1, {"--guest-shutdown-ms", "-1", "--task-ms", "20"});
  world.submit();
  world.server.control("vm/set", {{"vm", "web01"}, {"tools", "not_running"}});
  world.start();
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::succeeded);
  CHECK(world.server.ledger("executed", "PowerOffVM_Task") == 1);
}

TEST_CASE("a running task outlives the daemon, and the next one waits for that very task") {
  Site world;
  world.submit();
  const std::string rule = world.server.rule({{"method", kDestroy}, {"action", "hold_task"}});
  world.start();
  REQUIRE(world.until([&] {
    const auto effects = world.store->effects_of(world.step("destroy").id);
    return !effects.empty() && !effects[0].handle.empty();
  }));
  world.stop();
  CHECK(world.machine().state == DecommissionState::queued);
  world.start();
  REQUIRE(world.until_state(DecommissionState::running));
  world.server.control("rules/release", {{"id", rule}});
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::succeeded);
  CHECK(world.server.ledger("received", kDestroy) == 1);
}

TEST_CASE("a task that vCenter's list has dropped is found in its history") {
  Site world;
  world.submit();
  const std::string rule = world.server.rule({{"method", kDestroy}, {"action", "hold_task"}});
  world.start();
  REQUIRE(world.until([&] {
    const auto effects = world.store->effects_of(world.step("destroy").id);
    return !effects.empty() && !effects[0].handle.empty();
  }));
  world.stop();
  world.server.control("rules/release", {{"id", rule}});
  world.server.control("wait", {{"phase", "executed"}, {"method", kDestroy}});
  world.server.control("tasks/forget");
  SUBCASE("which takes a filter for an object that is gone") {}
  SUBCASE("which does not") { world.server.control("settings", {{"gone_entity_in_task_filter", "not_found"}}); }
  world.start();
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::succeeded);
  CHECK(world.server.ledger("received", kDestroy) == 1);
}

TEST_CASE("a cancel reaches the task in vCenter and waits for the truth") {
  Site world;
  world.submit();
  world.server.rule({{"method", kDestroy}, {"action", "slow_task"}, {"ms", 1'500}, {"cancelable", true}});
  world.start();
  REQUIRE(world.until([&] {
    const auto effects = world.store->effects_of(world.step("destroy").id);
    return !effects.empty() && !effects[0].handle.empty();
  }));
  (void)world.store->cancel(1, {}, world.alice);
  world.engine->cancel(world.machine().id);
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::cancelled);
  CHECK(world.step("power_off").state == StepState::succeeded);
  CHECK(world.step("destroy").state == StepState::cancelled);
  CHECK(world.is_there());
}

TEST_CASE("what is not provably the machine, or provably gone, is neither destroyed nor called a success") {
  Site world;
  world.submit();
  DecommissionState expected = DecommissionState::needs_attention;
  SUBCASE("another machine of the same name") { world.server.control("vm/swap", {{"vm", "web01"}}); }
  SUBCASE("another machine under the same MoRef") {
    world.server.control("vm/reidentify", {{"vm", "web01"}});
    expected = DecommissionState::failed;
  }
  SUBCASE("unregistered") { world.server.control("vm/unregister", {{"vm", "web01"}}); }
  SUBCASE("hidden from us alone") {
    world.server.control("hide", {{"vm", "web01"}, {"user", "administrator@vsphere.local"}});
  }
  SUBCASE("destroyed by somebody else, with proof") {
    world.server.control("vm/power", {{"vm", "web01"}, {"power", "off"}});
    world.server.control("vm/destroy", {{"vm", "web01"}, {"user", "administrator@vsphere.local"}});
    expected = DecommissionState::succeeded;
  }
  world.start();
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == expected);
  CHECK(world.server.ledger("received", kDestroy) == 0);
  CHECK(world.server.ledger("received", "ShutdownGuest") == 0);
}

TEST_CASE("a machine that moved to another vCenter is not gone") {
  Site world;
  const VcenterServer other({}, inventory(0));
  world.options.push_back(other.options("lab2"));
  world.submit();
  other.control("vm/import", world.server.control("vm/export", {{"vm", "web01"}}));
  world.start();
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::needs_attention);
  CHECK(world.machine().reason.find("lab2") != std::string::npos);
}

TEST_CASE("a vCenter that goes away in the middle defers the machine, and all goes on when it is back") {
  Site world;
  world.submit();
  world.server.control("listener", {{"open", false}});
  world.start();
  REQUIRE(world.until_state(DecommissionState::holding));
  CHECK(world.step("power_off").state == StepState::deferred);
  world.server.control("listener", {{"open", true}});
  REQUIRE(world.until_settled());
  CHECK(world.machine().state == DecommissionState::succeeded);
  CHECK(world.server.ledger("executed", kDestroy) == 1);
}

}  // namespace
}  // namespace decom
