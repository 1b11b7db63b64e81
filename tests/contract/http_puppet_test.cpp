// PuppetDB and Puppet's certificate authority: servers in Java that take half a minute to start. Only `tests/run
// --slow`.
#include <future>

#include <doctest/doctest.h>

#include "tests/support/recipe.hpp"
#include "tests/support/record_server.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

constexpr const char* kUuid = "42110001-0203-0405-0607-08090a0b0c0d";

RecordServer& puppetdb() {
  static RecordServer server("puppetdb_server.py");
  static const bool furnished = !server.tell("facts puppet.example.com 10.6.9.9 none").empty();
  (void)furnished;
  return server;
}

RecordServer& authority() {
  static RecordServer server("puppetca_server.py");
  return server;
}

Machine machine_named(const std::string& name, const std::string& address) {
  Machine machine;
  machine.name = name;
  machine.guest_host_name = name + ".lab.example.test";
  machine.power = PowerState::on;
  machine.ip_addresses = {address};
  machine.bios_uuid = kUuid;
  return machine;
}

/// A recipe as it is shipped; only where the server is, who asks and how long it may take differ.
struct Site {
  Site(RecordServer& server, const std::string& name, const std::string& path, const std::string& user,
       const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json recipe = shipped_recipe(name);
    recipe["url"] = server.text("url") + path;
    recipe["ca_file"] = server.text("ca");
    recipe["timeout"] = "10s";
    recipe["credential"]["certificate_file"] = server.text("certificates") + "/" + user + ".pem";
    recipe["credential"]["key_file"] = server.text("certificates") + "/" + user + ".key";
    if (change) change(recipe);
    system = http_system(recipe, "/");
  }
  std::unique_ptr<RecordSystem> system;
};

struct PuppetDbSite : Site {
  explicit PuppetDbSite(const std::string& user = "decom", const std::function<void(nlohmann::json&)>& change = {})
      : Site(puppetdb(), "puppetdb.toml", "/pdb", user, change) {}
};

struct AuthoritySite : Site {
  explicit AuthoritySite(const std::string& user = "decom", const std::string& control = "localhost")
      : Site(authority(), "puppet-ca.toml", "/puppet-ca/v1", user,
             [&](nlohmann::json& recipe) { recipe["control"]["path"] = "/certificate_status/" + control; }) {}
};

Record found_one(Site& site, const Machine& machine) {
  const auto found = site.system->find(machine, within(30s));
  REQUIRE(found.size() == 1);
  return found.front();
}

/// While a server starts, whatever it says must not be taken for absence; returns what it was told on the way.
std::set<ErrorCode> until_found(Site& site, const Machine& machine) {
  std::set<ErrorCode> codes;
  const auto until = std::chrono::steady_clock::now() + 200s;
  while (std::chrono::steady_clock::now() < until) {
    try {
      const auto found = site.system->find(machine, within(30s));
      CHECK(found.size() == 1);
      return codes;
    } catch (const Error& e) {
      CHECK_MESSAGE(traits(e.code()).transient, e.what());
      codes.insert(e.code());
    }
  }
  FAIL("it did not come back");
  return codes;
}

void facts(const std::string& name, const std::string& address, const std::string& later = "0") {
  puppetdb().tell("facts " + name + " " + address + " " + kUuid + " " + later);
}
std::string state_of(const std::string& name) { return puppetdb().tell("state " + name); }

}  // namespace

TEST_SUITE_BEGIN("slow" * doctest::skip());

TEST_CASE("PuppetDB: a node is found by certname, address and UUID, deactivated, proven gone; the neighbour stays") {
  facts("web01.lab.example.test", "10.6.0.1");
  facts("web010.lab.example.test", "10.6.0.10");
  PuppetDbSite site;
  const Machine machine = machine_named("web01", "10.6.0.1");
  const Record node = found_one(site, machine);
  CHECK(node.id == "web01.lab.example.test");
  CHECK(node.what == "node web01.lab.example.test, 10.6.0.1");
  CHECK(node.facts == std::vector<std::string>{"host name web01.lab.example.test", "name web01", "address 10.6.0.1",
                                               std::string("UUID ") + kUuid});
  CHECK(site.system->read(machine, node.id, within(30s)) == node);

  facts("web01.lab.example.test", "10.6.0.1");  // another run says nothing new
  CHECK(site.system->remove(machine, node, within(60s)) == "deactivated (HTTP 200), and seen to be gone");
  CHECK(state_of("web01.lab.example.test") == "deactivated");
  CHECK(state_of("web010.lab.example.test") == "active");
  CHECK(site.system->find(machine, within(30s)).empty());
  CHECK_FALSE(site.system->read(machine, node.id, within(30s)));
  CHECK(outcome_of([&] { site.system->remove(machine, node, within(30s)); }).code == ErrorCode::gone);
  CHECK(site.system->check(within(30s)) == "localhost: puppet.example.com");

  // Its agent ran once more: it is there again, and says so.
  facts("web01.lab.example.test", "10.6.0.1");
  CHECK(found_one(site, machine) == node);
}

TEST_CASE("PuppetDB: found by its address alone, it is another machine's") {
  facts("db07.lab.example.test", "10.6.0.2");
  PuppetDbSite site;
  Machine machine = machine_named("web02", "10.6.0.2");
  machine.bios_uuid.clear();
  const Record node = found_one(site, machine);
  CHECK(node.facts == std::vector<std::string>{"address 10.6.0.2"});
  CHECK_FALSE(node.against.empty());
}

TEST_CASE("PuppetDB: a clock that is behind the node's last run makes it void, and it is seen to be void") {
  facts("web03.lab.example.test", "10.6.0.3", "3600");
  PuppetDbSite site("decom", [](nlohmann::json& recipe) { recipe["verify"]["within"] = "2s"; });
  const Machine machine = machine_named("web03", "10.6.0.3");
  const Record node = found_one(site, machine);
  CHECK(site.system->remove(machine, node, within(60s)) == "deactivated (HTTP 200), but: it is still there");
  CHECK(state_of("web03.lab.example.test") == "active");
  CHECK(found_one(site, machine) == node);
}

TEST_CASE(
    "PuppetDB: a command that was only queued is waited for; one that is not processed in time is not called done") {
  facts("web04.lab.example.test", "10.6.0.4");
  facts("web05.lab.example.test", "10.6.0.5");
  PuppetDbSite patient;
  PuppetDbSite hasty("decom", [](nlohmann::json& recipe) { recipe["verify"]["within"] = "1s"; });
  const Machine machine = machine_named("web04", "10.6.0.4");
  const Machine other = machine_named("web05", "10.6.0.5");
  const Record node = found_one(patient, machine);
  const Record another = found_one(hasty, other);
  puppetdb().tell("hold");
  CHECK(hasty.system->remove(other, another, within(60s)) == "deactivated (HTTP 200), but: it is still there");
  CHECK(state_of("web05.lab.example.test") == "active");
  auto removed = std::async(std::launch::async, [&] { return patient.system->remove(machine, node, within(60s)); });
  puppetdb().tell("release_when_queued");
  CHECK(removed.get() == "deactivated (HTTP 200), and seen to be gone");
  CHECK(state_of("web04.lab.example.test") == "deactivated");
}

TEST_CASE("PuppetDB: a certificate without the right, of another authority, or none") {
  facts("web06.lab.example.test", "10.6.0.6");
  const Machine machine = machine_named("web06", "10.6.0.6");
  PuppetDbSite good;
  const Record node = found_one(good, machine);
  PuppetDbSite nobody("nobody");
  CHECK(outcome_of([&] { nobody.system->find(machine, within(30s)); }).code == ErrorCode::denied);
  CHECK(outcome_of([&] { nobody.system->remove(machine, node, within(30s)); }).code == ErrorCode::denied);
  PuppetDbSite stranger("decom", [](nlohmann::json& recipe) {
    recipe["credential"]["certificate_file"] = puppetdb().text("strangers") + "/decom.pem";
    recipe["credential"]["key_file"] = puppetdb().text("strangers") + "/decom.key";
  });
  PuppetDbSite bare("decom", [](nlohmann::json& recipe) { recipe["credential"] = {{"type", "none"}}; });
  for (Site* site : {static_cast<Site*>(&stranger), static_cast<Site*>(&bare)}) {
    const auto told = outcome_of([&] { site->system->find(machine, within(30s)); });
    INFO(told.text);
    CHECK(told.code == ErrorCode::unauthenticated);
  }
  CHECK(state_of("web06.lab.example.test") == "active");
}

TEST_CASE("PuppetDB: one that does not know the control is the wrong one") {
  PuppetDbSite elsewhere(
      "decom", [](nlohmann::json& recipe) { recipe["control"]["path"] = "/query/v4/nodes/elsewhere.example.com"; });
  const auto told = outcome_of([&] { elsewhere.system->find(machine_named("absent", "10.6.0.99"), within(30s)); });
  INFO(told.text);
  CHECK(told.code == ErrorCode::denied);
  CHECK(told.text.starts_with("cannot read the control of localhost: what must exist cannot be seen (HTTP 404"));
}

TEST_CASE("PuppetDB: hung, without its database, down, and while it starts") {
  facts("web07.lab.example.test", "10.6.0.7");
  PuppetDbSite site("decom", [](nlohmann::json& recipe) { recipe["timeout"] = "3s"; });
  const Machine machine = machine_named("web07", "10.6.0.7");
  const Record node = found_one(site, machine);
  const auto find = [&] { return outcome_of([&] { site.system->find(machine, within(30s)); }); };
  puppetdb().tell("pause");
  const auto hung = find().code;
  CHECK((hung == ErrorCode::timed_out || hung == ErrorCode::unreachable));
  puppetdb().tell("resume");
  puppetdb().tell("stop_database");
  const auto without = find();
  INFO(without.text);
  CHECK((without.code == ErrorCode::timed_out || without.code == ErrorCode::busy));
  puppetdb().tell("start_database");
  (void)until_found(site, machine);
  puppetdb().tell("stop");
  CHECK(find().code == ErrorCode::unreachable);
  CHECK(outcome_of([&] { site.system->remove(machine, node, within(30s)); }).code == ErrorCode::unreachable);
  puppetdb().tell("begin");
  CHECK(until_found(site, machine).contains(ErrorCode::unreachable));
  CHECK(site.system->remove(machine, node, within(60s)) == "deactivated (HTTP 200), and seen to be gone");
}

TEST_CASE("Puppet CA: a certificate is found by its name, revoked and cleaned, proven gone; the neighbour stays") {
  authority().tell("certificate web01.lab.example.test");
  authority().tell("certificate web010.lab.example.test");
  AuthoritySite site;
  const Machine machine = machine_named("web01", "10.6.0.1");
  const Record certificate = found_one(site, machine);
  CHECK(certificate.id == "web01.lab.example.test");
  CHECK(certificate.what.starts_with("certificate web01.lab.example.test, signed, serial "));
  CHECK(certificate.facts == std::vector<std::string>{"host name web01.lab.example.test", "name web01"});
  CHECK(site.system->read(machine, certificate.id, within(30s)) == certificate);
  CHECK(site.system->remove(machine, certificate, within(60s)) ==
        "revoked and cleaned (HTTP 200), and seen to be gone");
  CHECK(authority().tell("state web01.lab.example.test") == "revoked");
  CHECK(authority().tell("state web010.lab.example.test") == "signed");
  CHECK(site.system->find(machine, within(30s)).empty());
  CHECK_FALSE(site.system->read(machine, certificate.id, within(30s)));
  CHECK(outcome_of([&] { site.system->remove(machine, certificate, within(30s)); }).code == ErrorCode::gone);
  CHECK(site.system->check(within(30s)) == "localhost: localhost");

  // A new one under the old name is not what was shown.
  authority().tell("certificate web01.lab.example.test");
  CHECK(outcome_of([&] { site.system->remove(machine, certificate, within(30s)); }).code == ErrorCode::precondition);
  CHECK(authority().tell("state web01.lab.example.test") == "signed");
}

TEST_CASE("Puppet CA: an administrator's certificate is not cleaned") {
  AuthoritySite site;
  Machine machine = machine_named("localhost", "10.6.0.8");
  machine.guest_host_name = "localhost";
  const Record own = found_one(site, machine);
  CHECK(own.forbidden == "its extension pp_cli_auth makes it an administrator of the authority");
  CHECK(outcome_of([&] { site.system->remove(machine, own, within(30s)); }).code == ErrorCode::refused);
}

TEST_CASE("Puppet CA: without the right to look, or to clean, or without the control") {
  authority().tell("certificate web02.lab.example.test");
  const Machine machine = machine_named("web02", "10.6.0.2");
  AuthoritySite reader("reader");
  const Record certificate = found_one(reader, machine);
  const auto refused = outcome_of([&] { reader.system->remove(machine, certificate, within(30s)); });
  INFO(refused.text);
  CHECK(refused.code == ErrorCode::denied);
  AuthoritySite nobody("nobody");
  CHECK(outcome_of([&] { nobody.system->find(machine, within(30s)); }).code == ErrorCode::denied);
  AuthoritySite elsewhere("decom", "elsewhere.example.com");
  const auto told = outcome_of([&] { elsewhere.system->find(machine_named("absent", "10.6.0.99"), within(30s)); });
  CHECK(told.code == ErrorCode::denied);
  CHECK(told.text.starts_with("cannot read the control of localhost: what must exist cannot be seen (HTTP 404"));
  CHECK(authority().tell("state web02.lab.example.test") == "signed");
}

TEST_CASE("Puppet CA: hung, down, and while it starts") {
  authority().tell("certificate web03.lab.example.test");
  AuthoritySite site;
  const Machine machine = machine_named("web03", "10.6.0.3");
  const Record certificate = found_one(site, machine);
  authority().tell("pause");
  const auto hung = outcome_of([&] { site.system->find(machine, within(2s)); }).code;
  CHECK((hung == ErrorCode::timed_out || hung == ErrorCode::unreachable));
  authority().tell("resume");
  authority().tell("stop");
  CHECK(outcome_of([&] { site.system->find(machine, within(30s)); }).code == ErrorCode::unreachable);
  CHECK(outcome_of([&] { site.system->remove(machine, certificate, within(30s)); }).code == ErrorCode::unreachable);
  authority().tell("begin");
  CHECK(until_found(site, machine).contains(ErrorCode::unreachable));
  CHECK(site.system->remove(machine, certificate, within(60s)) ==
        "revoked and cleaned (HTTP 200), and seen to be gone");
}

TEST_SUITE_END();
