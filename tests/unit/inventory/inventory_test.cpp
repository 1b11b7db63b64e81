#include "daemon/inventory/inventory.hpp"

#include <algorithm>
#include <thread>

#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_vcenter.hpp"
#include "tests/unit/inventory/some_machines.hpp"

namespace decom {
namespace {

struct Fixture {
  MemoryVcenter lab{"lab"};
  MemoryVcenter site{"site", "22222222-0000-4000-8000-000000000002"};
  std::unique_ptr<Inventory> inventory;

  void start() {
    std::vector<std::unique_ptr<MirrorFeed>> feeds;
    feeds.push_back(lab.feed());
    feeds.push_back(site.feed());
    inventory = std::make_unique<Inventory>(std::move(feeds), system_clock());
    inventory->start();
    inventory->wait_until_loaded(std::chrono::minutes{1});
  }
  std::string bearers(const std::string& name) const {
    std::string morefs;
    for (const Machine& machine : inventory->bearing(name)) morefs += (morefs.empty() ? "" : " ") + machine.id();
    return morefs;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a search goes over all vCenters, in one order, page by page") {
  for (int i = 0; i < 150; ++i) {
    lab.put(machine_named(fmt::format("web{:03}", 2 * i), i));
    site.put(machine_named(fmt::format("web{:03}", 2 * i + 1), i));
  }
  start();

  SearchQuery query{.text = "web", .limit = 70};
  std::vector<std::string> names;
  do {
    const SearchResult result = inventory->search(query);
    CHECK(result.total == 300);
    CHECK(result.mirrors.size() == 2);
    for (const Machine& machine : result.machines) names.push_back(machine.name);
    query.cursor = result.next;
  } while (!query.cursor.empty());
  CHECK(names.size() == 300);
  CHECK(std::ranges::is_sorted(names));

  CHECK(inventory->search({.text = "vcenter:site"}).total == 150);
  CHECK(inventory->search({.text = "site:vm-7"}).machines.at(0).name == "web015");
}

TEST_CASE_FIXTURE(Fixture, "limits, cursors and sort orders that make no sense are usage errors") {
  start();
  for (const SearchQuery& query :
       {SearchQuery{.limit = 0}, SearchQuery{.limit = 10'001}, SearchQuery{.cursor = "garbled"},
        SearchQuery{.sort = "nothing"}, SearchQuery{.text = "nme:web"}}) {
    try {
      (void)inventory->search(query);
      FAIL_CHECK("was accepted");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::usage);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "a vCenter that cannot be reached does not keep the others from being searched") {
  lab.put(machine_named("web01", 1));
  site.fail(ErrorCode::unreachable, "cannot reach vCenter site");
  start();

  const SearchResult result = inventory->search({.text = "web"});
  CHECK(result.total == 1);
  REQUIRE(result.mirrors.size() == 2);
  CHECK(result.mirrors[0].connected);
  CHECK_FALSE(result.mirrors[1].loaded);
  CHECK(result.mirrors[1].trouble == "cannot reach vCenter site");
}

TEST_CASE_FIXTURE(Fixture, "machines are found by id and by name") {
  lab.put(machine_named("Web01", 1));
  lab.put(machine_named("web01", 2));
  site.put(machine_named("WEB01", 1));
  site.put(machine_named("web010", 2));
  start();

  CHECK(inventory->by_id("site:vm-2")->name == "web010");
  CHECK_FALSE(inventory->by_id("site:vm-9"));
  CHECK_FALSE(inventory->by_id("nowhere:vm-1"));
  CHECK_FALSE(inventory->by_id("vm-1"));
  CHECK(inventory->by_name("wEb01").size() == 3);
  CHECK(inventory->by_name("web").empty());
}

TEST_CASE_FIXTURE(Fixture, "nearest names are those that a person may have meant, as they are written") {
  int number = 0;
  for (const char* name : {"Web-Frontend-01", "web-frontend-02", "db-primary", "mail", "nas1"})
    lab.put(machine_named(name, ++number));
  for (int i = 0; i < 2'000; ++i) lab.put(machine_named(fmt::format("farm{:05}", i), 100 + i));
  start();

  CHECK(inventory->nearest_names("web-fronted-01", 2) ==
        std::vector<std::string>{"Web-Frontend-01", "web-frontend-02"});
  CHECK(inventory->nearest_names("mial", 3) == std::vector<std::string>{"mail"});
  CHECK(inventory->nearest_names("completely different", 3).empty());
  CHECK(inventory->nearest_names("farm0012", 3).size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "whoever bears a name or an address is found, rather one too many than one too few") {
  Machine web = machine_named("WEB01", 1);
  web.guest_host_name = "web01.corp.example.test.";
  web.ip_addresses = {"10.1.2.3", "fd00:0:0::3"};
  lab.put(web);
  Machine other = machine_named("something else", 2);
  other.guest_host_name = "web01.lab.example.test";
  other.ip_addresses = {"10.1.2.30"};
  site.put(other);
  Machine longer = machine_named("x", 3);
  longer.guest_host_name = "averyverylongname01.corp.example.test";
  site.put(longer);
  start();

  CHECK(bearers("web01") == "lab:vm-1 site:vm-2");
  CHECK(bearers("WEB01$") == "lab:vm-1 site:vm-2");
  CHECK(bearers("web01.corp.example.test") == "lab:vm-1");
  CHECK(bearers("Web01.Corp.Example.Test.") == "lab:vm-1");
  CHECK(bearers("web01.lab.example.test") == "lab:vm-1 site:vm-2");  // the machine named WEB01 may be it
  CHECK(bearers("web01.other.example.test") == "lab:vm-1");
  CHECK(bearers("web0").empty());
  CHECK(bearers("10.1.2.3") == "lab:vm-1");
  CHECK(bearers("fd00::3") == "lab:vm-1");
  CHECK(bearers("10.1.2.4").empty());
  CHECK(bearers("AVERYVERYLONGNA$") == "site:vm-3");
  CHECK(bearers("").empty());
  CHECK(bearers(".").empty());
}

TEST_CASE("who bears a name by now is not known where a vCenter was not heard of for minutes") {
  ManualClock clock;
  MemoryVcenter lab{"lab"};
  lab.put(machine_named("web01", 1));
  std::vector<std::unique_ptr<MirrorFeed>> feeds;
  feeds.push_back(lab.feed());
  Inventory inventory(std::move(feeds), clock);
  const auto refusal = [&]() -> std::string {
    try {
      (void)inventory.bearing_now("web02");
      return {};
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::unreachable);
      return error.what();
    }
  };
  CHECK(refusal() == "vCenter lab is not followed: whether a machine there bears 'web02' by now is not known");
  inventory.start();
  inventory.wait_until_loaded(std::chrono::minutes{1});
  CHECK(inventory.bearing_now("web01").size() == 1);
  clock.advance(std::chrono::minutes{3});
  CHECK(refusal().empty());
  clock.advance(std::chrono::seconds{1});
  CHECK_FALSE(refusal().empty());
  CHECK(inventory.bearing("web01").size() == 1);
  lab.put(machine_named("web02", 2));
  while (inventory.bearing("web02").empty()) std::this_thread::yield();
  CHECK(inventory.bearing_now("web02").size() == 1);
}

TEST_CASE("fields are listed with a line each") {
  const auto fields = Inventory::fields();
  CHECK(fields.size() >= 25);
  CHECK(std::ranges::all_of(fields, [](const Finding& field) { return !field.where.empty() && !field.what.empty(); }));
}

}  // namespace decom
