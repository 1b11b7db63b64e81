// What the store can do on the disk under TMPDIR: how fast machines go through it, how claims and lists behave with a
// long queue. Prints one line a figure; run it on a quiet machine.
#include <chrono>
#include <ctime>
#include <thread>

#include <fmt/core.h>

#include "common/base/log.hpp"
#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;

namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

void queue(StoreFixture& store, int requests, int machines_each, int first) {
  for (int r = 0; r < requests; ++r) {
    std::vector<int> machines;
    for (int m = 0; m < machines_each; ++m) machines.push_back(first + r * machines_each + m);
    store.submit(machines);
  }
}

/// One machine as a worker would: an attempt a step, an effect with a handle in each.
void retire(Store& store, const Claim& claim) {
  for (const Step& step : claim.decommission.steps) {
    const auto attempt = store.begin_attempt(step.id);
    store.observed(attempt, Needed{.what = "it is there", .records = {}, .before = "{}"});
    const auto effect =
        store.open_effect({.attempt = attempt, .call = step.kind, .target = claim.decommission.machine.id()});
    store.set_handle(effect, "task-1");
    store.finish_attempt(attempt, {.state = StepState::succeeded,
                                   .text = "done",
                                   .effects = {{.effect = effect, .outcome = EffectOutcome::done}}});
  }
  store.settle(claim.decommission.id, Trigger::finish, "");
}

void run(int workers, int machines) {
  StoreFixture fixture;
  queue(fixture, machines / 20, 20, 1);
  const auto start = Steady::now();
  const auto cpu = std::clock();
  {
    std::vector<std::jthread> threads;
    for (int w = 0; w < workers; ++w)
      threads.emplace_back([&] {
        while (const auto claim = fixture.store->claim_next(1000)) retire(*fixture.store, *claim);
      });
  }
  const double took = seconds_since(start);
  const double busy = double(std::clock() - cpu) / CLOCKS_PER_SEC;
  fmt::print("{} machines with {} workers: {:.2f} s ({:.2f} s of CPU), {:.0f} machines/s, {:.0f} verbs/s\n", machines,
             workers, took, busy, machines / took, machines * 17 / took);
}

template <typename F>
void time_of(const char* what, int times, F&& f) {
  const auto start = Steady::now();
  for (int i = 0; i < times; ++i) f();
  fmt::print("{}: {:.3f} ms\n", what, seconds_since(start) * 1000 / times);
}

}  // namespace

int main() {
  log::start(log::Level::warning, false);
  run(1, 100);
  run(5, 400);
  run(32, 800);
  StoreFixture fixture;
  auto start = Steady::now();
  queue(fixture, 400, 25, 1);
  fmt::print("submit of 400 requests with 25 machines: {:.2f} s\n", seconds_since(start));
  time_of("claim with 10,000 queued", 20, [&] { (void)fixture.store->claim_next(1000); });
  time_of("claim of nothing: the vCenter is full", 20, [&] { (void)fixture.store->claim_next(1); });
  time_of("list of the newest 50 requests", 20, [&] { (void)fixture.store->list_requests({}); });
  time_of("list by a machine's name", 20, [&] { (void)fixture.store->list_requests({.machine = "web9999"}); });
  time_of("one request with 25 machines", 20, [&] { (void)fixture.store->load_request(200); });
  time_of("1,000 events", 20, [&] { (void)fixture.store->events({.since = 5000}); });
  start = Steady::now();
  fixture.reopen();
  fmt::print("restart: {:.2f} s, with {} running: ", seconds_since(start), fixture.store->requeue_interrupted());
  fmt::print("{:.2f} s\n", seconds_since(start));
  return 0;
}
