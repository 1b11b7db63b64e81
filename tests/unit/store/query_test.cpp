#include <doctest/doctest.h>

#include "tests/unit/store/fixture.hpp"

using namespace decom;
using namespace decom::test;
using namespace std::chrono_literals;

namespace {

struct Queried : StoreFixture {
  std::vector<std::int64_t> ids(const RequestFilter& filter) {
    std::vector<std::int64_t> found;
    for (const RequestRow& row : store->list_requests(filter)) found.push_back(row.id);
    return found;
  }
};
using Ids = std::vector<std::int64_t>;

}  // namespace

TEST_CASE_FIXTURE(Queried, "requests are listed newest first, by page, and say what is in them") {
  submit({1, 2, 3, 4, 5, 6, 7}, {.reason = "rack 7", .ticket = "CHG-1"});
  for (int number = 11; number <= 15; ++number) submit({number});
  CHECK(ids({.limit = 2}) == Ids{6, 5});
  CHECK(ids({.before_id = 5, .limit = 3}) == Ids{4, 3, 2});
  CHECK(ids({.before_id = 2}) == Ids{1});
  claim();
  const RequestRow row = store->list_requests({.before_id = 2}).at(0);
  CHECK(row.machines == 7);
  CHECK(row.names == std::vector<std::string>{"web01", "web02", "web03", "web04", "web05"});
  CHECK(row.state == DecommissionState::running);
  CHECK(row.counts.at(DecommissionState::queued) == 6);
  CHECK(row.requester == "CORP\\alice");
  CHECK(row.ticket == "CHG-1");
  CHECK_FALSE(row.finished);
}

TEST_CASE_FIXTURE(Queried, "filters take words literally") {
  submit({1}, {.reason = "100% old_stuff!", .ticket = "CHG-1"});
  clock.advance(1h);
  submit({2}, {.reason = "1000 oldXstuff", .ticket = "CHG-2"});
  claim();
  CHECK(ids({.text = "100%"}) == Ids{1});
  CHECK(ids({.text = "OLD_STUFF!"}) == Ids{1});
  CHECK(ids({.text = "chg-2"}) == Ids{2});
  CHECK(ids({.text = "' OR 1=1 --"}).empty());
  CHECK(ids({.machine = "WEB02"}) == Ids{2});
  CHECK(ids({.machine = "10.1.2.1"}) == Ids{1});
  CHECK(ids({.machine = "lab:vm-2"}) == Ids{2});
  CHECK(ids({.machine = "5000-1"}) == Ids{1});
  CHECK(ids({.machine = "corp.example.test"}) == Ids{2, 1});
  CHECK(ids({.machine = "w_b"}).empty());
  CHECK(ids({.user = "ALICE"}) == Ids{2, 1});
  CHECK(ids({.user = "corp\\alice"}) == Ids{2, 1});
  CHECK(ids({.user = alice.sid}) == Ids{2, 1});
  CHECK(ids({.user = "bob"}).empty());
  CHECK(ids({.states = {DecommissionState::running}}) == Ids{1});
  CHECK(ids({.states = {DecommissionState::running, DecommissionState::queued}}) == Ids{2, 1});
  CHECK(ids({.since = clock.now()}) == Ids{2});
  CHECK(ids({.until = clock.now()}) == Ids{1});
  CHECK(ids({.states = {DecommissionState::queued}, .user = "alice", .machine = "web", .text = "old"}) == Ids{2});
}

TEST_CASE_FIXTURE(Queried, "what a step said is found") {
  submit({1});
  const Claim taken = claim();
  pass(taken, 0, StepState::failed);
  CHECK(ids({.text = "as the TEST says"}) == Ids{1});
}

TEST_CASE_FIXTURE(Queried, "events are read from a number on, of all or of one") {
  submit({1, 2});
  submit({3});
  CHECK(store->events({.since = 0}).size() == 5);
  CHECK(store->events({.since = 3}).size() == 2);
  CHECK(store->events({.since = 0, .limit = 2}).back().seq == 2);
  CHECK(store->events({.since = 5}).empty());
  CHECK(store->events({.since = 0, .request = 2}).size() == 2);
  const auto one = store->events({.since = 0, .request = 1, .machine = 2});
  REQUIRE(one.size() == 2);  // the request's own, and the machine's
  CHECK_FALSE(one[0].machine);
  CHECK(one[1].machine == 2);

  by_hand("DELETE FROM event WHERE seq <= 3");
  store = open();
  CHECK(thrown([&] { (void)store->events({.since = 2}); }) == "gone: events up to 3 are no longer kept");
  CHECK(store->events({.since = 3}).size() == 2);
}

TEST_CASE_FIXTURE(Queried, "text from outside is stored as every engine can keep it") {
  PlanOffer shown = offer({1});
  submit({2});
  const Claim taken = claim();
  const auto attempt = store->begin_attempt(taken.decommission.steps[0].id);
  store->message(attempt, EventLevel::info, std::string("a\0b\xff", 4) + "c");
  store->finish_attempt(attempt, {.state = StepState::failed, .text = std::string("x\0y", 3)});
  CHECK(store->load_request(1).decommissions[0].steps[0].message == "x\uFFFDy");
  const auto events = store->events({.since = store->last_seq() - 2});
  CHECK(events.at(0).text == "web02: power_off: a\uFFFDb\uFFFDc");
}

TEST_CASE_FIXTURE(Queried, "the journal wakes who waits, once the commit can be read") {
  std::vector<std::int64_t> seen;
  std::mutex mutex;
  store->on_grown([&](std::int64_t last) {
    const std::lock_guard guard(mutex);
    seen.push_back(last);
  });
  submit({1});
  store->audit("nothing for the journal", "", "", "", "", 0);
  submit({2});
  store.reset();  // all hooks have run
  CHECK(seen == std::vector<std::int64_t>{2, 4});
}
