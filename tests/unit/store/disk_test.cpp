#include <thread>

#include <doctest/doctest.h>

#include "tests/support/fault_vfs.hpp"
#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;

namespace {

using Fault = FaultVfs::Fault;

struct Faulty {
  Faulty() { disk.reset(); }
  ~Faulty() { disk.reset(); }
  FaultVfs& disk = FaultVfs::instance();
};

/// The file system outlives the store.
struct DiskFixture : Faulty, StoreFixture {
  DiskFixture() : StoreFixture(FaultVfs::kName) {}
};

}  // namespace

TEST_CASE_FIXTURE(DiskFixture, "a submit is answered after the log was synced, and not before") {
  const PlanOffer shown = offer({1});
  const int before = disk.log_syncs;
  disk.close_gate();
  std::atomic<bool> answered{false};
  std::jthread caller([&] {
    store->submit({.plan_id = shown.id, .plan_hash = shown.hash}, alice);
    answered = true;
  });
  disk.wait_at_gate();
  CHECK_FALSE(answered);
  CHECK(store->list_requests({}).empty());  // nor does anybody see it
  disk.open_gate();
  caller.join();
  CHECK(disk.log_syncs == before + 1);
  CHECK(disk.log_writes_not_synced == 0);
  CHECK(store->list_requests({}).size() == 1);
}

TEST_CASE_FIXTURE(DiskFixture, "verbs that wait together share one sync, and one that refuses spoils nothing") {
  constexpr int kThreads = 40;
  disk.close_gate();
  std::jthread first([&] { store->audit("first", "", "", "", "", 0); });
  disk.wait_at_gate();
  const int before = disk.log_syncs;
  std::atomic<int> refused{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      if (i % 4 == 0) {
        refused += thrown([&] { store->begin_attempt(4711); }).starts_with("not_found") ? 1 : 0;
      } else {
        store->audit("other", std::to_string(i), "", "", "", 0);
      }
    });
  while (store->health().waiting < kThreads) std::this_thread::yield();
  disk.open_gate();
  first.join();
  threads.clear();
  CHECK(disk.log_syncs == before + 2);
  CHECK(refused == kThreads / 4);
  CHECK(store->audit_entries(0, 100).size() == 1 + kThreads * 3 / 4);
  CHECK_FALSE(store->verify_audit());
}

TEST_CASE_FIXTURE(DiskFixture, "a full disk refuses a submit, writes nothing, and is over when there is room") {
  const PlanOffer shown = offer({1});
  const Submission submission{.plan_id = shown.id, .plan_hash = shown.hash};
  const auto last = store->last_seq();
  disk.writes = Fault::full;
  CHECK(thrown([&] { store->submit(submission, alice); }).starts_with("storage_full"));
  CHECK(thrown([&] { store->submit(submission, alice); }).starts_with("storage_full"));
  CHECK_FALSE(store->health().trouble.empty());
  CHECK(store->list_requests({}).empty());
  CHECK(store->last_seq() == last);
  disk.writes = Fault::none;
  CHECK(store->submit(submission, alice).request == 1);
  CHECK(store->health().trouble.empty());
  CHECK_FALSE(store->verify_audit());
}

TEST_CASE_FIXTURE(DiskFixture, "an outcome that found no room is written when there is some") {
  submit({1});
  const Claim taken = claim();
  const auto attempt = store->begin_attempt(taken.decommission.steps[0].id);
  const auto effect = store->open_effect({.attempt = attempt, .call = "PowerOffVM_Task", .target = "vm-1"});
  disk.writes = Fault::full;
  const StepResult result{
      .state = StepState::succeeded, .text = "off", .effects = {{.effect = effect, .outcome = EffectOutcome::done}}};
  CHECK(thrown([&] { store->finish_attempt(attempt, result); }).starts_with("storage_full"));
  disk.writes = Fault::none;
  store->finish_attempt(attempt, result);
  CHECK(store->load_request(1).decommissions[0].steps[0].state == StepState::succeeded);
}

TEST_CASE_FIXTURE(DiskFixture, "after an I/O error nothing more is written until a restart") {
  submit({1});
  const PlanOffer shown = offer({2});
  std::string expected;
  SUBCASE("of a write") { disk.writes = Fault::io; }
  SUBCASE("of a sync, which is never tried again") { disk.syncs = Fault::io; }
  CHECK(thrown([&] { store->submit({.plan_id = shown.id, .plan_hash = shown.hash}, alice); }).starts_with("storage:"));
  disk.reset();
  const std::string why = thrown([&] { store->audit("x", "", "", "", "", 0); });
  CHECK(why.find("until decomd is restarted") != std::string::npos);
  CHECK(store->health().trouble.find("until decomd is restarted") != std::string::npos);
  CHECK(disk.log_syncs == 0);
  CHECK(store->list_requests({}).size() == 1);  // reading goes on

  reopen();
  CHECK(store->health().trouble.empty());
  CHECK(store->load_request(1).decommissions.size() == 1);
  submit({3});
  CHECK_FALSE(store->verify_audit());
}

TEST_CASE_FIXTURE(DiskFixture, "the log is moved into the database by the writer and stays small") {
  for (int i = 0; i < 400; ++i) store->audit("fill", "", std::string(20'000, 'x'), "", "", 0);
  CHECK(std::filesystem::file_size(dir.path() / "state" / "decomd.db-wal") < 10'000'000);
  CHECK(std::filesystem::file_size(dir.path() / "state" / "decomd.db") > 6'000'000);
}
