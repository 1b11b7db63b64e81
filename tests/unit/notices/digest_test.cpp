#include "daemon/notices/digest.hpp"

#include <doctest/doctest.h>

#include "common/base/json.hpp"
#include "daemon/notices/bookmarks.hpp"

using namespace decom;
using namespace decom::notices;
using namespace std::chrono_literals;

namespace {

const Timestamp kNow = from_millis(1'767'225'600'000);

struct Journal {
  Clock::Steady now{1h};
  std::int64_t seq = 0;
  Digest digest{10s, [](const Event& event) { return event.machine == 1; }};

  void add(EventKind kind, std::int64_t request, int machine = 0, const Json& data = Json::object()) {
    Event event{.seq = ++seq, .at = kNow, .request = request, .kind = kind, .text = "words", .data = data.dump()};
    if (machine > 0) event.machine = machine;
    digest.take(event, now);
  }
  void settle(std::int64_t request, int machine, const std::string& state) {
    add(EventKind::decommission_finished, request, machine,
        {{"name", "web" + std::to_string(machine)}, {"state", state}, {"reason", "cannot reach it"}});
  }
  std::vector<Draft> due() { return digest.due(now); }
};

std::vector<Occasion> occasions(const Draft& draft) {
  std::vector<Occasion> all;
  for (const Item& item : draft.items) all.push_back(item.occasion);
  return all;
}

}  // namespace

TEST_CASE("a request of 40 machines, half of which fail, comes to four messages") {
  Journal journal;
  std::vector<Draft> told;
  const auto tell = [&] {
    for (Draft& draft : journal.due()) told.push_back(std::move(draft));
  };
  for (int machine = 1; machine <= 40; ++machine) journal.add(EventKind::decommission_started, 17, machine);
  tell();
  for (int machine = 1; machine <= 40; ++machine) {
    for (const EventKind kind : {EventKind::step_started, EventKind::step_effect, EventKind::step_finished})
      journal.add(kind, 17, machine);
    journal.settle(17, machine, machine % 2 == 0 ? "failed" : "succeeded");
    journal.now += 400ms;
    tell();
  }
  journal.add(EventKind::request_finished, 17, 0, {{"state", "failed"}});
  tell();
  REQUIRE(told.size() == 4);
  CHECK(occasions(told[0]) == std::vector{Occasion::start});
  CHECK(told[1].items.size() == 13);  // ten seconds of them
  CHECK(told[1].items.front().name == "web2");
  CHECK(told[1].items.front().text == "cannot reach it");
  CHECK(told[2].items.size() == 7);  // the rest, before the end
  CHECK(occasions(told[3]) == std::vector{Occasion::finish});
  CHECK(told[1].last_seq() < told[2].first_seq());
  CHECK(told[2].last_seq() < told[3].first_seq());
}

TEST_CASE("failures and what needs a person share a window; what comes back by itself is no notice") {
  Journal journal;
  journal.settle(17, 3, "failed");
  journal.settle(17, 4, "needs_attention");
  journal.add(EventKind::decommission_holding, 17, 5, {{"name", "web5"}, {"not_before", "2026-01-01T00:10:00.000Z"}});
  journal.add(EventKind::decommission_holding, 17, 6,
              {{"name", "web6"}, {"not_before", nullptr}, {"reason", "frozen"}});
  CHECK(journal.due().empty());
  CHECK(journal.digest.held_from() == 1);
  CHECK(journal.digest.next_due() == Clock::Steady{1h} + 10s);
  journal.now += 10s;
  const auto told = journal.due();
  REQUIRE(told.size() == 1);
  CHECK(occasions(told[0]) == std::vector{Occasion::failure, Occasion::attention, Occasion::attention});
  CHECK(told[0].items.back().text == "frozen");
  CHECK(!journal.digest.held_from());
  CHECK(!journal.digest.next_due());
}

TEST_CASE("a request is begun once, whatever is retried; a freeze is told at once; a failed notice is told to nobody") {
  Journal journal;
  journal.add(EventKind::decommission_started, 17, 1);
  journal.add(EventKind::decommission_started, 17, 1);
  journal.add(EventKind::decommission_started, 18, 2);  // not the one that its request began with
  journal.add(EventKind::notice_failed, 17);
  CHECK(journal.due().size() == 1);
  journal.add(EventKind::freeze_changed, 0);
  const auto told = journal.due();
  REQUIRE(told.size() == 1);
  CHECK(told[0].items[0].text == "words");
}

namespace {

Notice notice(std::int64_t request, std::int64_t first, std::int64_t last) {
  Notice one;
  one.draft = {.request = request, .at = kNow, .items = {{.seq = first}, {.seq = last}}};
  one.owed = {first};
  return one;
}

}  // namespace

TEST_CASE("what was told is not told again after a restart, and what was not is") {
  std::string saved;
  const auto save = [&](const std::string& state) { saved = state; };
  {
    Bookmarks marks("", {"mail", "chat"}, 100, save);
    CHECK(marks.start() == 100);  // nobody wants to be told what is over
    const Notice a = notice(17, 101, 110);
    const Notice b = notice(18, 105, 105);
    for (const char* channel : {"mail", "chat"}) {
      marks.owes(channel, a);
      marks.owes(channel, b);
    }
    marks.reached(120, 115);  // a window is open
    marks.settled("chat", a);
    marks.settled("chat", b);
    marks.settled("mail", b);  // out of order: the mail of 17 is under way
  }
  Bookmarks marks(saved, {"mail", "chat", "new"}, 130, save);
  CHECK(marks.start() == 100);
  CHECK(marks.told("chat", 17, 110));
  CHECK(marks.told("chat", 17, 114));
  CHECK(!marks.told("chat", 17, 115));
  CHECK(marks.told("mail", 18, 105));
  CHECK(!marks.told("mail", 17, 101));
  CHECK(!marks.told("mail", 18, 106));
  CHECK(marks.told("new", 17, 130));
  CHECK(!marks.told("new", 17, 131));
  CHECK(marks.told("gone", 17, 131));
}

TEST_CASE("a garbled state, and one of another journal, begin at the end") {
  const auto save = [](const std::string&) {};
  for (const char* state :
       {"", "{", "[]", R"({"mail":3})", R"({"mail":{"cursor":"x","ahead":[[1],2]}})", R"({"mail":{"cursor":900}})"}) {
    CAPTURE(state);
    CHECK(Bookmarks(state, {"mail"}, 50, save).start() == 50);
  }
}

TEST_CASE("many notices become one summary of bounded size") {
  Summary summary;
  for (std::int64_t request = 1; request <= 2000; ++request)
    summary.add(
        {.request = request,
         .at = kNow,
         .items = {{.seq = request, .occasion = Occasion::failure}, {.seq = request, .occasion = Occasion::finish}}},
        {});
  CHECK(summary.requests.size() == Summary::kMost);
  CHECK(summary.more == 2000 - static_cast<std::int64_t>(Summary::kMost));
  CHECK(summary.requests.at(1).failed == 1);
}
