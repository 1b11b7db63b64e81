#include <csignal>
#include <cstring>
#include <functional>
#include <thread>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/failpoint.hpp"
#include "daemon/store/codec.hpp"
#include "tests/unit/store/fixture.hpp"

#ifdef DECOM_FAILPOINTS

using namespace decom;
using namespace decom::test;

namespace {

/// Runs `work` in a child that a failpoint kills, and returns the numbers that it had said out loud by then.
/// The parent has no thread at that moment, so forking it is safe.
std::vector<std::int64_t> killed_at(const std::string& point,
                                    const std::function<void(const std::function<void(std::int64_t)>& say)>& work) {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(pipe[0]);
    failpoint::arm(point);
    try {
      work([&](std::int64_t number) {
        if (::write(pipe[1], &number, sizeof number) != sizeof number) ::_exit(3);
      });
    } catch (...) {
      ::_exit(2);
    }
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::vector<std::int64_t> said;
  std::int64_t number = 0;
  while (::read(pipe[0], &number, sizeof number) == sizeof number) said.push_back(number);
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  return said;
}

/// The store is closed, so that a child may open it.
struct CrashFixture : StoreFixture {
  CrashFixture() { store.reset(); }

  void check_journal() {
    std::int64_t expected = 0;
    for (const Event& event : store->events({.since = 0, .request = 0, .limit = 100'000}))
      CHECK(event.seq == ++expected);
    CHECK(store->last_seq() == expected);
    CHECK_FALSE(store->verify_audit());
  }
};

}  // namespace

TEST_CASE_FIXTURE(CrashFixture, "what was acknowledged is there after kill -9, and the journal has no gap") {
  std::string point;
  SUBCASE("before a commit") { point = "store.before_commit:24"; }
  SUBCASE("after a commit, before the answer") { point = "store.after_commit:24"; }
  const auto said = killed_at(point, [&](const auto& say) {
    store = open();
    for (int number = 1; number < 100; ++number) say(submit({number}));
  });
  CHECK(said.size() >= 10);
  store = open();
  for (const std::int64_t id : said) CHECK(store->load_request(id).decommissions.size() == 1);
  const auto all = store->list_requests({.limit = 200});
  CHECK(all.size() >= said.size());
  CHECK(all.size() <= said.size() + 1);
  check_journal();
  submit({500});
  check_journal();
}

TEST_CASE_FIXTURE(CrashFixture, "a hundred posts with one key and a kill -9 among them are one request") {
  store = open();
  const PlanOffer shown = offer({1});
  store.reset();
  const Submission submission{.plan_id = shown.id, .plan_hash = shown.hash, .idempotency_key = "k", .body_hash = "b"};
  const auto post_all = [&](const auto& say) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 100; ++i) threads.emplace_back([&] { say(store->submit(submission, alice).request); });
  };
  std::string point;
  SUBCASE("before the commit") { point = "store.before_commit"; }
  SUBCASE("after the commit") { point = "store.after_commit"; }
  killed_at(point, [&](const auto& say) {
    store = open();
    post_all(say);
  });
  store = open();
  post_all([](std::int64_t /*request*/) {});
  CHECK(store->list_requests({}).size() == 1);
  check_journal();
}

TEST_CASE_FIXTURE(CrashFixture, "an intent that was committed is found open after kill -9") {
  const auto said = killed_at("store.after_commit:6", [&](const auto& say) {
    store = open();
    submit({1});                                                                  // 1, 2
    const Claim taken = claim();                                                  // 3
    const auto attempt = store->begin_attempt(taken.decommission.steps[0].id);    // 4
    store->observed(attempt, Needed{.what = "on", .records = {}, .before = ""});  // 5
    say(attempt);
    store->open_effect({.attempt = attempt, .call = "PowerOffVM_Task", .target = "vm-1"});  // 6: dies
    say(-1);
  });
  CHECK(said.size() == 1);
  store = open();
  CHECK(store->requeue_interrupted() == 1);
  const Claim taken = claim();
  REQUIRE(taken.effects.size() == 1);
  CHECK(taken.effects[0].attempt == said.at(0));
  CHECK(taken.effects[0].outcome == EffectOutcome::open);
  check_journal();
}

TEST_CASE_FIXTURE(CrashFixture, "a migration that was cut short is done again") {
  std::filesystem::remove_all(dir.path() / "state");
  killed_at("store.migrate", [&](const auto& /*say*/) { store = open(); });
  store = open();
  submit({1});
  check_journal();
}

#endif
