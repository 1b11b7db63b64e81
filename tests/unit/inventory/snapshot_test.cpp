#include "daemon/inventory/snapshot.hpp"

#include <map>
#include <random>

#include <doctest/doctest.h>

#include "common/base/text.hpp"
#include "daemon/inventory/match.hpp"
#include "tests/support/sanitizer.hpp"
#include "tests/unit/inventory/some_machines.hpp"

namespace decom::inventory {
namespace {

std::vector<Machine> all_of(const Snapshot& snapshot) {
  std::vector<Machine> machines;
  for (const auto& chunk : snapshot.chunks())
    for (std::size_t row = 0; row < chunk->rows(); ++row) machines.push_back(chunk->unpack(row));
  return machines;
}

bool is_in_order(const Snapshot& snapshot) {
  const auto machines = all_of(snapshot);
  return std::ranges::is_sorted(machines, {}, key_of);
}

std::vector<Machine> numbered(int from, int to) {
  std::vector<Machine> machines;
  for (int i = from; i < to; ++i) machines.push_back(machine_named(fmt::format("vm{:05}", (i * 7919) % 100'000), i));
  return machines;
}

}  // namespace

TEST_CASE("random changes leave the same machines as a plain map, in order, in chunks that are not too small" *
          doctest::skip(decom::test::kThreadSanitizer)) {
  std::mt19937 random(7);
  std::map<std::string, Machine> model;
  Snapshot snapshot;
  for (int round = 0; round < 40; ++round) {
    std::vector<Machine> entered;
    std::vector<std::string> left;
    const bool shrinking = round % 20 >= 13;
    for (int i = 0; i < (shrinking ? 5 : 120); ++i) {
      const int number = static_cast<int>(random() % 3'000);
      entered.push_back(machine_named(fmt::format("name{}", random() % 5'000), number));
    }
    for (int i = 0; i < (shrinking ? 900 : 20); ++i) left.push_back(fmt::format("vm-{}", random() % 3'000));
    for (const std::string& moref : left) model.erase(moref);
    for (const Machine& machine : entered) model.insert_or_assign(machine.identity.moref, machine);

    snapshot = snapshot.changed(entered, left);

    REQUIRE(snapshot.machines() == model.size());
    REQUIRE(is_in_order(snapshot));
  }
  for (const Machine& machine : all_of(snapshot)) CHECK(machine == model.at(machine.identity.moref));
  for (const auto& [moref, machine] : model) CHECK(snapshot.find(moref) == machine);
  for (std::size_t i = 1; i < snapshot.chunks().size(); ++i) CHECK(snapshot.chunks()[i]->rows() <= kChunkRows);
}

TEST_CASE("a change shares the chunks that it does not touch") {
  const Snapshot before = Snapshot{}.changed(numbered(0, 5'000), {});
  Machine changed = *before.find("vm-77");
  changed.power = PowerState::on;

  const Snapshot after = before.changed({changed}, {});

  REQUIRE(after.chunks().size() == before.chunks().size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < after.chunks().size(); ++i)
    different += after.chunks()[i] != before.chunks()[i] ? 1U : 0U;
  CHECK(different == 1);
  CHECK(after.find("vm-77")->power == PowerState::on);
  CHECK(before.find("vm-77")->power == PowerState::unknown);
}

TEST_CASE("a machine that is renamed moves, and is not there twice") {
  const Snapshot before = Snapshot{}.changed(numbered(0, 2'000), {});

  const Snapshot after = before.changed({machine_named("zzz", 5)}, {});

  CHECK(after.machines() == 2'000);
  CHECK(after.named("zzz").size() == 1);
  CHECK(is_in_order(after));
}

TEST_CASE("one that entered and left in the same change stays") {
  CHECK(Snapshot{}.changed({machine_named("a", 1)}, {"vm-1"}).machines() == 1);
}

TEST_CASE("machines of one name are found together, also over the border of two chunks") {
  std::vector<Machine> machines = numbered(0, 600);
  for (int i = 1'000; i < 1'700; ++i) machines.push_back(machine_named("Twin", i));
  const Snapshot snapshot = Snapshot{}.changed(machines, {});

  CHECK(snapshot.named("twin").size() == 700);
  CHECK(snapshot.named("twi").empty());
  CHECK(snapshot.named("zzz").empty());
}

TEST_CASE("a load in pieces takes the last word on each machine") {
  Load load;
  load.add(numbered(0, 1'300));
  load.add({machine_named("again", 5)});
  load.remove({"vm-6", "vm-7"});
  load.add({machine_named("back", 7)});

  const Snapshot snapshot = load.finish();

  CHECK(snapshot.machines() == 1'299);
  CHECK(snapshot.find("vm-5")->name == "again");
  CHECK_FALSE(snapshot.find("vm-6"));
  CHECK(snapshot.find("vm-7")->name == "back");
  CHECK(is_in_order(snapshot));
  CHECK(load.finish().machines() == 0);
}

TEST_CASE("the index finds what a plain scan finds") {
  std::mt19937 random(11);
  const auto random_text = [&](std::size_t most) {
    std::string text;
    for (std::size_t left = random() % (most + 1); left > 0; --left) text += "abc1.-"[random() % 6];
    return text;
  };
  std::vector<Machine> machines;
  for (int i = 0; i < 300; ++i) {
    Machine machine = machine_named(random_text(8), i);
    machine.guest_host_name = random_text(8);
    machine.annotation = random_text(12);
    machines.push_back(std::move(machine));
  }
  std::ranges::sort(machines, {}, key_of);
  const Chunk chunk(machines);

  for (int i = 0; i < 2'000; ++i) {
    const std::string word = random_text(5);
    if (word.empty()) continue;
    RowSet expected;
    for (std::size_t row = 0; row < machines.size(); ++row)
      for (const std::string* text : {&machines[row].name, &machines[row].guest_host_name, &machines[row].annotation})
        if (text->find(word) != std::string::npos) expected.add(row);
    const Node query{Node::Kind::term, {}, AnyText{word, {}, {}}};
    CAPTURE(word);
    REQUIRE(matching(query, chunk, RowSet::first(machines.size())) == expected);
  }
}

}  // namespace decom::inventory
