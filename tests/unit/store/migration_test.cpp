#include <cstdlib>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>
#include <sqlite3.h>

#include "daemon/store/schema.hpp"
#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

const fs::path kOld = fs::path(DECOM_SOURCE_DIR) / "tests/unit/store/old";

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  REQUIRE_MESSAGE(stream, file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A bit of everything, as every stored database has it.
void fill(StoreFixture& f) {
  f.rules = {.look_again = {24h}, .looked = {"dns"}};
  f.reopen();
  f.submit({1}, {.reason = "done long ago", .ticket = "CHG-1"});
  Claim taken = f.claim();
  for (std::size_t step = 0; step < 3; ++step) f.pass(taken, step);
  f.store->settle(taken.decommission.id, Trigger::finish, "");
  f.submit({2, 3}, {.reason = "in the middle"});
  taken = f.claim();
  f.pass(taken, 0);
  const auto attempt = f.store->begin_attempt(taken.decommission.steps[1].id);
  const auto effect = f.store->open_effect(
      {.attempt = attempt, .call = "Destroy_Task", .target = "vm-2", .before = "{}", .irreversible = true});
  f.store->set_handle(effect, "task-12");
  f.submit({4}, {.not_before = f.clock.now() + 24h});
  f.store->add_session({.id = "s-1",
                        .token_hash = "aa",
                        .sid = f.alice.sid,
                        .sam = "alice",
                        .domain = "CORP",
                        .uid = 1000,
                        .roles = "operator",
                        .created = f.clock.now(),
                        .expires = f.clock.now() + 8h},
                       f.alice);
  f.store->set_freeze(true, "for a while", f.bob);
}

}  // namespace

/// Run by hand when a schema is about to be replaced:
///   DECOM_OLD=<folder> unit_store -ns -tc='*leaves a database*' && sqlite3 <folder>/decomd.db .dump > old/schema_N.sql
///   and <folder>/plan.key to old/schema_N.key
TEST_CASE_FIXTURE(StoreFixture, "leaves a database of this version behind" * doctest::skip()) {
  fill(*this);
  store.reset();
  fs::copy(dir.path() / "state", std::getenv("DECOM_OLD"), fs::copy_options::recursive);
}

TEST_CASE_FIXTURE(StoreFixture, "every stored old database is brought up to date, whole") {
  for (int version = 1; version <= schema::latest(); ++version) {
    CAPTURE(version);
    store.reset();
    const fs::path state = dir.path() / "state";
    fs::remove_all(state);
    fs::create_directory(state);
    fs::permissions(state, fs::perms::owner_all);
    const std::string name = "schema_" + std::to_string(version);
    fs::copy_file(kOld / (name + ".key"), state / "plan.key");
    fs::permissions(state / "plan.key", fs::perms::owner_read | fs::perms::owner_write);
    by_hand(content(kOld / (name + ".sql")));

    store = open();
    CHECK(store->health().schema == schema::latest());
    CHECK_FALSE(store->verify_audit());
    CHECK(store->load_request(1).decommissions.at(0).state == DecommissionState::succeeded);
    CHECK(store->load_request(1).decommissions.at(0).machine == machine(1));
    CHECK(store->load_request(3).decommissions.at(0).state == DecommissionState::scheduled);
    if (version >= 2) CHECK(store->load_request(1).decommissions.at(0).steps.at(2).aftercare.at(0).after == 24h);
    CHECK(store->freeze_state().reason == "for a while");
    CHECK(store->find_session("aa")->roles == "operator");
    CHECK(store->live_decommission(machine(3).identity) == "2.2");
    CHECK(store->requeue_interrupted() == 1);
    const Claim taken = claim();
    CHECK(taken.decommission.machine == machine(2));
    REQUIRE(taken.effects.size() == 1);
    CHECK(taken.effects[0].handle == "task-12");
    CHECK(taken.effects[0].outcome == EffectOutcome::open);
    std::int64_t last = 0;
    for (const Event& event : store->events({.since = 0})) CHECK(event.seq == ++last);
    CHECK(store->last_seq() == last);
  }
}
