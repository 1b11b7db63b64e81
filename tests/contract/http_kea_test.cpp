#include <doctest/doctest.h>

#include "tests/support/recipe.hpp"
#include "tests/support/record_server.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

RecordServer& kea() {
  static RecordServer server("kea_server.py");
  return server;
}

Machine machine_named(const std::string& name, const std::string& address) {
  Machine machine;
  machine.name = name;
  machine.guest_host_name = name + ".lab.example.test";
  machine.power = PowerState::on;
  machine.ip_addresses = {address, "2001:db8::1"};
  return machine;
}

/// The recipe as it is shipped; only where the server is and what the control reads differ.
struct Site {
  explicit Site(const std::string& password = "decom-pw", const std::string& subnet = "10.3.0.0/24") {
    secrets.write("kea.password", password);
    nlohmann::json recipe = shipped_recipe("kea.toml");
    recipe["url"] = kea().text("url");
    recipe["ca_file"] = kea().text("ca");
    recipe["rate"] = 1000;
    recipe["control"][1]["expect"]["equals"] = subnet;
    system = http_system(recipe, secrets.path());
  }
  SecretFolder secrets;
  std::unique_ptr<RecordSystem> system;
};

Record found_one(Site& site, const Machine& machine) {
  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  return found.front();
}

}  // namespace

TEST_CASE("Kea: a lease is found by name and address, removed, proven gone; the neighbour stays") {
  kea().tell("lease 10.3.0.1 02:00:00:00:03:01 web01.lab.example.test");
  kea().tell("lease 10.3.0.10 02:00:00:00:03:10 web010.lab.example.test");
  Site site;
  const Machine machine = machine_named("web01", "10.3.0.1");
  const Record lease = found_one(site, machine);
  CHECK(lease.id == "3 10.3.0.1");
  CHECK(lease.what == "lease 10.3.0.1 of web01.lab.example.test, 02:00:00:00:03:01");
  CHECK(lease.facts == std::vector<std::string>{"host name web01.lab.example.test", "name web01", "address 10.3.0.1"});
  CHECK(lease.is_proven());
  CHECK(site.system->read(machine, lease.id, within(10s)) == lease);

  kea().tell("lease 10.3.0.1 02:00:00:00:03:01 web01.lab.example.test");  // renewed: it says nothing else
  CHECK(site.system->remove(machine, lease, within(10s)) == "removed (HTTP 200)");
  CHECK(kea().tell("exists 10.3.0.1") == "no");
  CHECK(kea().tell("exists 10.3.0.10") == "yes");
  CHECK(site.system->find(machine, within(10s)).empty());
  CHECK_FALSE(site.system->read(machine, lease.id, within(10s)));
  CHECK(outcome_of([&] { site.system->remove(machine, lease, within(10s)); }).code == ErrorCode::gone);
  CHECK(site.system->check(within(10s)) == "localhost answered, and its control holds");
}

TEST_CASE("Kea: a lease is found by its host name too, with a dot behind it, and under an address nobody reported") {
  kea().tell("lease 10.4.0.2 02:00:00:00:04:02 web02.lab.example.test.");
  Site site;
  const Record lease = found_one(site, machine_named("web02", "10.3.0.2"));
  CHECK(lease.id == "4 10.4.0.2");
  CHECK(lease.against == std::vector<std::string>{"its address is 10.4.0.2, the machine's is 10.3.0.2"});
}

TEST_CASE(
    "Kea: a lease is found by its network card, also of a machine that is off; another card is another machine's") {
  kea().tell("lease 10.4.0.5 02:00:00:00:04:05 web08.lab.example.test");
  Site site;
  Machine machine = machine_named("web08", "10.3.0.5");
  machine.power = PowerState::off;
  machine.mac_addresses = {"02:00:00:00:04:05"};
  CHECK(found_one(site, machine).facts == std::vector<std::string>{"name web08", "MAC address 02:00:00:00:04:05"});
  machine.mac_addresses = {"02:00:00:00:04:06"};
  CHECK(found_one(site, machine).against ==
        std::vector<std::string>{"its MAC address is 02:00:00:00:04:05, the machine's is 02:00:00:00:04:06"});
}

TEST_CASE("Kea: what has the address by now is another machine's") {
  kea().tell("lease 10.3.0.3 02:00:00:00:03:03 web03.lab.example.test");
  Site site;
  const Machine machine = machine_named("web03", "10.3.0.3");
  const Record lease = found_one(site, machine);
  kea().tell("lease 10.3.0.3 02:00:00:00:03:99 web03.lab.example.test");  // another card
  CHECK(outcome_of([&] { site.system->remove(machine, lease, within(10s)); }).code == ErrorCode::precondition);
  kea().tell("lease 10.3.0.3 02:00:00:00:03:99 db07.lab.example.test");
  CHECK(found_one(site, machine).against ==
        std::vector<std::string>{"its host name is db07.lab.example.test, the machine's is web03.lab.example.test",
                                 "it is called db07.lab.example.test"});
  CHECK(kea().tell("exists 10.3.0.3") == "yes");
}

TEST_CASE("Kea: 'not found' of a server that serves other subnets, or without the lease commands, is no absence") {
  const Machine absent = machine_named("absent", "10.3.0.99");
  Site elsewhere("decom-pw", "10.99.0.0/24");
  const auto wrong_place = outcome_of([&] { elsewhere.system->find(absent, within(10s)); });
  CHECK(wrong_place.code == ErrorCode::denied);
  CHECK(wrong_place.text ==
        "cannot read the control of localhost: this server does not serve the subnet of the control (HTTP 200)");

  kea().tell("lease 10.3.0.4 02:00:00:00:03:04 web04.lab.example.test");
  Site site;
  const Machine machine = machine_named("web04", "10.3.0.4");
  const Record lease = found_one(site, machine);
  kea().tell("lease_commands off");
  const auto find = outcome_of([&] { site.system->find(machine, within(10s)); });
  CHECK(find.code == ErrorCode::refused);
  CHECK(find.text.find("'lease4-get' command not supported") != std::string::npos);
  CHECK(outcome_of([&] { site.system->remove(machine, lease, within(10s)); }).code == ErrorCode::refused);
  CHECK(outcome_of([&] { site.system->check(within(10s)); }).text ==
        "cannot read the control of localhost: the DHCP server has not loaded libdhcp_lease_cmds (HTTP 200)");
  kea().tell("lease_commands on");
  CHECK(kea().tell("exists 10.3.0.4") == "yes");
  CHECK(found_one(site, machine) == lease);
}

TEST_CASE("Kea: a wrong password is told, and not sent again before it was written anew") {
  const Machine absent = machine_named("absent", "10.3.0.99");
  Site site("not-the-password");
  const auto wrong = outcome_of([&] { site.system->find(absent, within(10s)); });
  CHECK(wrong.code == ErrorCode::unauthenticated);
  CHECK(wrong.text ==
        "cannot search localhost for absent: the credential in kea.password is refused (HTTP 401, “Unauthorized”)");
  CHECK(outcome_of([&] { site.system->find(absent, within(10s)); }).text.find("is not sent again") !=
        std::string::npos);
  site.secrets.write("kea.password", "decom-pw\n");
  CHECK(site.system->find(absent, within(10s)).empty());
}

TEST_CASE("Kea: the agent without its server, the server that hangs, and neither of them") {
  kea().tell("lease 10.3.0.5 02:00:00:00:03:05 web05.lab.example.test");
  Site site;
  const Machine machine = machine_named("web05", "10.3.0.5");
  const Record lease = found_one(site, machine);
  const auto find = [&] { return outcome_of([&] { site.system->find(machine, within(10s)); }); };
  const auto remove = [&] { return outcome_of([&] { site.system->remove(machine, lease, within(10s)); }); };

  kea().tell("pause");
  const auto hung = outcome_of([&] { site.system->find(machine, within(500ms)); }).code;
  CHECK((hung == ErrorCode::timed_out || hung == ErrorCode::unreachable));
  kea().tell("resume");
  kea().tell("stop");
  CHECK(find().code == ErrorCode::busy);
  CHECK(find().text.find("The server is likely to be offline") != std::string::npos);
  CHECK(remove().code == ErrorCode::busy);
  kea().tell("stop_agent");
  CHECK(find().code == ErrorCode::unreachable);
  CHECK(remove().code == ErrorCode::unreachable);
  kea().tell("start_agent");
  kea().tell("start");
  CHECK(found_one(site, machine) == lease);
  CHECK(site.system->remove(machine, lease, within(10s)) == "removed (HTTP 200)");
}

TEST_CASE("Kea: hostile names find nothing, and break nothing") {
  Site site;
  const std::vector<std::string> names{"\"},{\"", "*",    "$(reboot)", "a;b",
                                       "../../",  "é€漢", "x\ny",      std::string(253, 'a')};
  for (const std::string& name : names) {
    CAPTURE(name);
    Machine machine = machine_named(name, "10.3.0.96");
    machine.guest_host_name = name;
    CHECK(site.system->find(machine, within(10s)).empty());
  }
}
