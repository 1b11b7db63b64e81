#include "daemon/inventory/search.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "tests/support/sanitizer.hpp"
#include "tests/unit/inventory/some_machines.hpp"

namespace decom::inventory {
namespace {

using Sources = std::vector<std::shared_ptr<const Snapshot>>;

std::vector<Machine> park(const std::string& vcenter, int count) {
  std::vector<Machine> machines;
  for (int i = 0; i < count; ++i) {
    Machine machine = machine_named(fmt::format("App{:04}", (i * 37) % count), i);
    machine.vcenter = vcenter;
    machine.memory_mb = (i % 5) * 1'024;
    if (i % 3 != 0) machine.created = from_millis(1'600'000'000'000 + (i % 50) * 1'000'000);
    if (i % 4 != 0) machine.attributes["Owner"] = fmt::format("owner-with-a-long-name-{}", i % 7);
    machines.push_back(std::move(machine));
  }
  return machines;
}

Sources two_vcenters() {
  return {std::make_shared<const Snapshot>(Snapshot{}.changed(park("lab", 1'400), {})),
          std::make_shared<const Snapshot>(Snapshot{}.changed(park("a-site", 900), {}))};
}

std::vector<std::string> ids_of(const std::vector<Machine>& machines) {
  std::vector<std::string> ids;
  for (const Machine& machine : machines) ids.push_back(machine.id());
  return ids;
}

}  // namespace

TEST_CASE("pages in any order are the whole in that order, cut" * doctest::skip(decom::test::kThreadSanitizer)) {
  const Sources sources = two_vcenters();
  for (const std::string_view sort :
       {"name", "-name", "memory", "-memory", "created", "-created", "owner", "-owner", "id", "power"}) {
    CAPTURE(sort);
    const SortOrder order = parse_sort(sort);
    const Page whole = find_page(sources, Node{}, order, 10'000, std::nullopt);
    REQUIRE(whole.machines.size() == 2'300);
    CHECK(whole.total == 2'300);
    CHECK_FALSE(whole.next);

    std::vector<std::string> paged;
    std::optional<Position> after;
    do {
      const Page page = find_page(sources, Node{}, order, 97, after);
      CHECK(page.total == 2'300);
      for (const Machine& machine : page.machines) paged.push_back(machine.id());
      after = page.next;
    } while (after);
    CHECK(paged == ids_of(whole.machines));
  }
}

TEST_CASE("sorting is by value, then by id, and what has no value comes last both ways") {
  const Sources sources = two_vcenters();
  const auto created = find_page(sources, Node{}, parse_sort("created"), 10'000, std::nullopt).machines;
  const auto falling = find_page(sources, Node{}, parse_sort("-created"), 10'000, std::nullopt).machines;

  const auto value = [](const Machine& m) { return std::tuple(!m.created, m.created.value_or(Timestamp{}), m.id()); };
  CHECK(std::ranges::is_sorted(created, {}, value));
  CHECK_FALSE(created.back().created);
  CHECK_FALSE(falling.back().created);
  CHECK(falling.front().created == from_millis(1'600'049'000'000));
}

TEST_CASE("machines that come and go between pages make no other machine appear twice or not at all" *
          doctest::skip(decom::test::kThreadSanitizer)) {
  std::mt19937 random(3);
  for (const std::string_view sort : {"name", "-name", "memory", "-created", "owner"}) {
    CAPTURE(sort);
    const SortOrder order = parse_sort(sort);
    Snapshot snapshot = Snapshot{}.changed(park("lab", 900), {});
    std::set<std::string> steady;
    for (int i = 0; i < 900; i += 2) steady.insert(fmt::format("lab:vm-{}", i));
    std::multiset<std::string> seen;
    std::optional<Position> after;
    do {
      const Sources sources{std::make_shared<const Snapshot>(snapshot)};
      const Page page = find_page(sources, Node{}, order, 90, after);
      for (const Machine& machine : page.machines) seen.insert(machine.id());
      after = page.next;
      // Odd ones are removed and renamed, and new ones appear.
      std::vector<std::string> left;
      std::vector<Machine> entered;
      for (int i = 0; i < 20; ++i) left.push_back(fmt::format("vm-{}", random() % 450 * 2 + 1));
      for (int i = 0; i < 10; ++i)
        entered.push_back(
            machine_named(fmt::format("new{}", random() % 1'000), static_cast<int>(2'000 + random() % 1'000)));
      for (int i = 0; i < 10; ++i)
        entered.push_back(
            machine_named(fmt::format("app{}", random() % 9'999), static_cast<int>(random() % 450 * 2 + 1)));
      snapshot = snapshot.changed(entered, left);
    } while (after);
    for (const std::string& id : steady) {
      CAPTURE(id);
      CHECK(seen.count(id) == 1);
    }
  }
}

TEST_CASE("counting stops at a bound where it means reading texts, and says so") {
  std::vector<Machine> machines;
  for (int i = 0; i < 12'000; ++i) {
    machines.push_back(machine_named(fmt::format("server{}", i), i));
    machines.back().family = OsFamily::linux_;
  }
  const Sources sources{std::make_shared<const Snapshot>(Snapshot{}.changed(machines, {}))};
  const ParseContext context{};

  const Page words = find_page(sources, parse_query("server", context), {}, 10, std::nullopt);
  CHECK(words.total_is_at_least);
  CHECK(words.total >= kCountBound);
  CHECK(words.total < 12'000);
  const Page columns = find_page(sources, parse_query("os:linux", context), {}, 10, std::nullopt);
  CHECK_FALSE(columns.total_is_at_least);
  CHECK(columns.total == 12'000);
  const Page few = find_page(sources, parse_query("server1199", context), {}, 100, std::nullopt);
  CHECK_FALSE(few.total_is_at_least);
  CHECK(few.total == 11);
}

TEST_CASE("a cursor comes back as it was, and nothing else is taken for one") {
  const std::uint32_t hash = hash_of_query("web", "name");
  const Cursor cursor{77, hash, {false, std::string("web\0\xff 01", 8), "lab:vm-1"}};
  const std::string text = to_text(cursor);

  const Cursor back = parse_cursor(text, hash);
  CHECK(back.generation == 77);
  CHECK(back.after.key == cursor.after.key);
  CHECK(back.after.id == cursor.after.id);
  CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);

  const auto code_of = [&](const std::string& wrong, std::uint32_t query) {
    try {
      (void)parse_cursor(wrong, query);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  CHECK(code_of(text, hash_of_query("web", "-name")) == ErrorCode::usage);
  CHECK(code_of("", hash) == ErrorCode::usage);
  CHECK(code_of("=", hash) == ErrorCode::usage);
  CHECK(code_of(text + "A", hash) == ErrorCode::usage);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string wrong = text;
    wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
    CHECK(code_of(wrong, hash) == ErrorCode::usage);
    CHECK(code_of(text.substr(0, i), hash) == ErrorCode::usage);
  }
}

TEST_CASE("sorting by what is no field names the nearest") {
  CHECK_THROWS_WITH_AS((void)parse_sort("-memry"), "cannot sort by 'memry': there is no such field; nearest: memory",
                       Error);
}

}  // namespace decom::inventory
