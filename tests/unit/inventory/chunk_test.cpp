#include "daemon/inventory/chunk.hpp"

#include <doctest/doctest.h>

#include "tests/unit/inventory/some_machines.hpp"

namespace decom::inventory {

TEST_CASE("a packed machine comes out as it went in") {
  const Machine full = full_machine();
  Machine bare = machine_named("bare", 2);
  bare.identity.instance_uuid.clear();
  Machine odd = machine_named("", 3);
  odd.identity.instance_uuid = "not a uuid";
  odd.annotation = std::string("with\0nul", 8);
  odd.created = from_millis(0);
  const std::vector<Machine> machines{full, bare, odd};

  const Chunk chunk(machines);

  REQUIRE(chunk.rows() == 3);
  for (std::size_t row = 0; row < 3; ++row) CHECK(chunk.unpack(row) == machines[row]);
}

TEST_CASE("the parts of a text are found again, folded") {
  const std::vector<Machine> machines{full_machine()};
  const Chunk chunk(machines);

  CHECK(chunk.name(0) == "web01");
  CHECK(chunk.host(0) == "web01.corp.example.test");
  CHECK(chunk.addresses(0) == std::vector<std::string_view>{"10.1.2.3", "fe80::1", "fd00:0:0::5", "not an address"});
  CHECK(chunk.annotation(0) == "ticket chg-1234\ndo not delete before märz");
  CHECK(chunk.moref(0) == "vm-1");
}

TEST_CASE("a full chunk of different machines is packed without loss") {
  std::vector<Machine> machines;
  for (int i = 0; i < static_cast<int>(kChunkRows); ++i) {
    Machine machine = full_machine();
    machine.identity.moref = fmt::format("vm-{}", i);
    machine.name = fmt::format("Name-{:04}", i);
    machine.folder = fmt::format("Folder {}", i);
    machine.attributes["Number"] = fmt::format("{}", i);
    machines.push_back(std::move(machine));
  }
  const Chunk chunk(machines);

  for (std::size_t row = 0; row < machines.size(); ++row) REQUIRE(chunk.unpack(row) == machines[row]);
  CHECK(chunk.index().candidates("name-0007").has(7));
  CHECK(chunk.index().candidates("name-0007").count() < 60);
  CHECK(chunk.index().candidates("na").count() == kChunkRows);
  CHECK(chunk.index().candidates("n").count() == kChunkRows);
  CHECK(chunk.index().candidates("zz").empty());
}

TEST_CASE("needles of one and two bytes find the ends of fields, and nothing across them") {
  std::vector<Machine> machines{machine_named("ab", 1), machine_named("x", 2)};
  machines[0].guest_host_name = "q";
  const Chunk chunk(machines);

  CHECK(chunk.index().candidates("b").has(0));
  CHECK(chunk.index().candidates("ab").has(0));
  CHECK(chunk.index().candidates("q").has(0));
  CHECK(chunk.index().candidates("bq").empty());
  CHECK(chunk.index().candidates("x").has(1));
  CHECK(chunk.index().candidates("x").count() == 1);
}

}  // namespace decom::inventory
