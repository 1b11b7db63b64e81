#include "daemon/records/record_book.hpp"

#include <thread>

#include <doctest/doctest.h>

#include "tests/support/fake_records.hpp"
#include "tests/support/manual_clock.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  FakeSystems fakes;
  ManualClock clock;
  RecordBook book{fakes.systems(), clock, {system_of("dns"), system_of("cmdb")}};

  static RecordDefinition system_of(const std::string& name) {
    return {.name = name, .kind = "fake", .definition = FakeSystems::definition(name)};
  }
  static Machine machine(const std::string& name) {
    Machine one;
    one.name = name;
    return one;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "every system is asked about every machine, and one that is away takes none with it") {
  fakes["dns"].add_proven("web01", "A web01");
  fakes["dns"].add_proven("web02", "A web02");
  fakes["cmdb"].go_away(ErrorCode::unreachable);
  const auto answers = book.look({machine("web01"), machine("web02"), machine("web03")}, {}, {});
  REQUIRE(answers.size() == 3);
  for (const auto& of_machine : answers) {
    REQUIRE(of_machine.size() == 2);
    CHECK(of_machine[0].system == "cmdb");
    CHECK(of_machine[0].trouble == ErrorCode::unreachable);
    CHECK(of_machine[0].text == "the system is away");
    CHECK(of_machine[1].system == "dns");
    CHECK_FALSE(of_machine[1].trouble);
  }
  REQUIRE(answers[0][1].records.size() == 1);
  CHECK(answers[0][1].records[0].id == "A web01");
  CHECK(answers[1][1].records[0].id == "A web02");
  CHECK(answers[2][1].records.empty());
}

TEST_CASE_FIXTURE(Fixture, "systems are asked side by side") {
  fakes["dns"].hold();
  fakes["cmdb"].hold();
  std::jthread asker([&] { (void)book.look({machine("web01")}, {}, {}); });
  fakes["dns"].wait_until_inside(1);
  fakes["cmdb"].wait_until_inside(1);  // while the other one is still inside
  fakes["dns"].release();
  fakes["cmdb"].release();
}

TEST_CASE_FIXTURE(Fixture, "a stop reaches those that are being asked") {
  fakes["dns"].hold();
  std::stop_source stop;
  std::vector<std::vector<RecordAnswer>> answers;
  std::jthread asker([&] { answers = book.look({machine("web01")}, {"dns"}, {}, stop.get_token()); });
  fakes["dns"].wait_until_inside(1);
  stop.request_stop();
  asker.join();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0][0].trouble == ErrorCode::cancelled);
}

TEST_CASE_FIXTURE(Fixture, "a test tries the control of those that are named, and an unknown name is said") {
  fakes["cmdb"].go_away(ErrorCode::unauthenticated);
  const auto all = book.test({}, {});
  REQUIRE(all.size() == 2);
  CHECK(all[0].trouble == ErrorCode::unauthenticated);
  CHECK(all[1].text == "in memory");
  CHECK(book.test({"dns", "dns"}, {}).size() == 1);
  CHECK_THROWS_WITH_AS((void)book.test({"dms"}, {}), "no system is called 'dms'; there are cmdb, dns", Error);
}

TEST_CASE_FIXTURE(Fixture, "a reload replaces the whole set, and what is there without a file stays") {
  auto fixed = std::make_shared<FakeRecords>();
  RecordBook with(fakes.systems(), clock, {}, {{.definition = {.name = "ad", .kind = "ad.computer"}, .system = fixed}});
  fixed->add_proven("web01", "CN=WEB01");
  const auto before = with.definitions();
  with.replace({system_of("dns")});
  CHECK(before->size() == 1);
  CHECK(with.definitions()->size() == 2);
  const auto answers = with.look({machine("web01")}, {}, {});
  CHECK(answers[0][0].system == "ad");
  CHECK(answers[0][0].records.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a definition that this version cannot use is that system's trouble alone") {
  book.replace({{.name = "old", .kind = "fax", .definition = "{}"}, system_of("dns")});
  const auto answers = book.look({machine("web01")}, {}, {});
  CHECK(answers[0][1].trouble == ErrorCode::invalid);
  CHECK_FALSE(answers[0][0].trouble);
}
