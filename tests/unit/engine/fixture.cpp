#include "tests/unit/engine/fixture.hpp"

#include <algorithm>
#include <stdexcept>

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <stdlib.h>

#include "common/base/log.hpp"
#include "daemon/plans/planner.hpp"
#include "daemon/steps/vm_task.hpp"
#include "tests/support/fake_context.hpp"

namespace decom::test {

EngineFixture::EngineFixture(std::string file_system) : vfs(std::move(file_system)) {
  log::start(log::Level::error, false);
  std::string name = (std::filesystem::temp_directory_path() / "decom-engine-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder");
  folder = name;
  store = std::make_unique<Store>(StoreOptions{.state_dir = folder / "state", .vfs = vfs, .aftercare = rules}, clock);
  store->on_grown([this](std::int64_t) { grown_.notify_all(); });
}

EngineFixture::~EngineFixture() {
  engine.reset();
  store.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

std::int64_t EngineFixture::submit(int count, int first) {
  PlanOffer offer{.id = fmt::format("plan-{}", first),
                  .hash = fmt::format("hash-{}", first),
                  .created = clock.now(),
                  .expires = clock.now() + std::chrono::minutes{15},
                  .requester_sid = alice.sid,
                  .options = request_options};
  const Planner planner(Planner::shipped(), registry, true);
  for (int number = first; number < first + count; ++number) {
    Machine machine{.identity = {"vc-1", fmt::format("vm-{}", number), fmt::format("50-{}", number)},
                    .name = fmt::format("web{:02}", number),
                    .vcenter = "lab",
                    .guest_id = "windows2019srv_64Guest",
                    .family = OsFamily::windows,
                    .guest_host_name = fmt::format("web{:02}.corp.example.test", number),
                    .power = PowerState::on,
                    .tools = "running"};
    vms.add(machine);
    directory.add_computer({.name = fmt::format("WEB{:02}", number)});
    Plan plan = planner.plan_for(machine, request_options);
    for (PlanStep& step : plan.steps)
      if (on_failure.contains(step.name)) step.on_failure = on_failure[step.name];
    plan.steps.insert(plan.steps.end(), more_steps.begin(), more_steps.end());
    offer.machines.push_back({.machine = machine, .plan = plan});
    freeze_records_of(offer.machines.back());
  }
  store->save_plan(offer);
  return store->submit({.plan_id = offer.id, .plan_hash = offer.hash, .body_hash = "b"}, alice).request;
}

void EngineFixture::freeze_records_of(PlannedMachine& planned) {
  for (PlanStep& step : planned.plan.steps) {
    if (!registry.at(step.kind).removes_records) continue;
    FakeContext ctx(clock, vms, planned.machine);
    ctx.directory_server = &directory;
    ctx.rehearses = true;
    ctx.planned = step;
    try {
      const Observation seen = registry.make(step)->observe(ctx);
      step.records.emplace();
      if (const auto* needed = std::get_if<Needed>(&seen)) step.records = needed->records;
    } catch (const Error&) {
      step.records.reset();  // as where a plan is made: not read, and nothing may be removed
    }
  }
}

void EngineFixture::start() {
  World world{.vms = &vms, .directory = &directory, .live_bearers = live_bearers};
  engine = std::make_unique<Engine>(
      options, *store, world, registry, [this](const Claim& claim, const KindTraits& kind) { may_act(claim, kind); },
      clock);
  engine->start();
}

void EngineFixture::reopen() {
  engine.reset();
  store.reset();
  store = std::make_unique<Store>(StoreOptions{.state_dir = folder / "state", .vfs = vfs, .aftercare = rules}, clock);
  store->on_grown([this](std::int64_t) { grown_.notify_all(); });
}

void EngineFixture::stop() {
  engine->stop(std::chrono::seconds{1});
  engine.reset();
}

Decommission EngineFixture::machine(std::int64_t request, int ordinal) {
  const Request loaded = store->load_request(request);
  return loaded.decommissions.at(static_cast<std::size_t>(ordinal) - 1);
}

const Step& EngineFixture::step(const std::string& name, std::int64_t request, int ordinal) {
  last_ = machine(request, ordinal);
  return *std::ranges::find(last_.steps, name, &Step::name);
}

DecommissionState EngineFixture::state(std::int64_t request, int ordinal) { return machine(request, ordinal).state; }

bool EngineFixture::until(const std::function<bool()>& holds, std::chrono::milliseconds piece) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    clock.advance(piece);
    // Time must not run away from workers that a busy machine holds up.
    std::unique_lock lock(mutex_);
    grown_.wait_for(lock, std::chrono::milliseconds{1});
  }
  return true;
}

bool EngineFixture::until_settled(std::int64_t request) {
  std::int64_t seen = -1;
  const bool settled = until([&] {
    if (store->last_seq() == seen) return false;  // whole requests are not cheap to read
    seen = store->last_seq();
    return std::ranges::all_of(store->load_request(request).decommissions,
                               [](const Decommission& d) { return is_settled(d.state); });
  });
  if (!settled)
    for (const Decommission& d : store->load_request(request).decommissions)
      MESSAGE(d.ordinal, " is ", std::string(to_string(d.state)), ": ", d.reason);
  return settled;
}

bool EngineFixture::until_state(DecommissionState wanted, std::int64_t request) {
  const bool came = until([&] { return state(request) == wanted; });
  if (!came) MESSAGE("it is ", std::string(to_string(state(request))), ": ", machine(request).reason);
  return came;
}

std::vector<Effect> EngineFixture::effects(const std::string& step_name, std::int64_t request) {
  return store->effects_of(step(step_name, request).id);
}

Claim EngineFixture::claim() { return store->claim_next(8).value(); }

std::int64_t EngineFixture::begin(const Claim& claim, const std::string& step_name) {
  return store->begin_attempt(std::ranges::find(claim.decommission.steps, step_name, &Step::name)->id);
}

void EngineFixture::pass_power_off(const Claim& claim) {
  vms.edit("vm-1", [](Machine& m) { m.power = PowerState::off; });
  store->finish_attempt(begin(claim, "power_off"), {.state = StepState::succeeded, .text = "off"});
}

std::int64_t EngineFixture::open_destroy(std::int64_t attempt) {
  return store->open_effect({.attempt = attempt,
                             .call = kDestroyCall,
                             .target = "vm-1",
                             .irreversible = true,
                             .deadline = clock.now() + std::chrono::seconds{60},
                             .server_time = clock.now()});
}

}  // namespace decom::test
