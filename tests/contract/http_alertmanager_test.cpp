#include <doctest/doctest.h>

#include "daemon/records/silencer.hpp"
#include "tests/support/recipe.hpp"
#include "tests/support/record_server.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

RecordServer& alertmanager() {
  static RecordServer server("alertmanager_server.py");
  return server;
}

Machine machine_named(const std::string& name, const std::string& address) {
  Machine machine;
  machine.name = name;
  machine.guest_host_name = name + ".lab.example.test";
  machine.power = PowerState::on;
  machine.ip_addresses = {address};
  return machine;
}

/// The recipe as it is shipped; only where the server is differs.
struct Site {
  explicit Site(const std::string& password = "decom-pw", const std::string& path = "/api/v2") {
    secrets.write("alertmanager.password", password);
    nlohmann::json recipe = shipped_recipe("alertmanager.toml");
    recipe["url"] = alertmanager().text("url") + path;
    recipe["ca_file"] = alertmanager().text("ca");
    recipe["rate"] = 1000;
    system = http_system(recipe, secrets.path());
  }
  SecretFolder secrets;
  std::unique_ptr<RecordSystem> system;
};

std::string state_of(const std::string& silence) { return alertmanager().tell("state " + silence); }

}  // namespace

TEST_CASE("Alertmanager: a silence of this machine alone is found, expired, proven gone; others stay") {
  auto& server = alertmanager();
  const std::string own = server.tell("silence instance=web01.lab.example.test:9100 job=node");
  const std::vector<std::string> others{
      server.tell("silence instance=~web01.*"), server.tell("silence instance!=web01.lab.example.test:9100"),
      server.tell("silence job=node"), server.tell("silence instance=web010.lab.example.test:9100")};
  server.tell("alert instance=web01.lab.example.test:9100 job=node");
  CHECK(server.tell("muted instance=web01.lab.example.test:9100") == "yes");
  Site site;
  const Machine machine = machine_named("web01", "10.5.0.1");

  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == own);
  CHECK(found[0].what == "silence of web01.lab.example.test:9100 by alice: maintenance");
  CHECK(found[0].facts == std::vector<std::string>{"host name web01.lab.example.test", "name web01"});
  CHECK(found[0].bears == std::vector<std::string>{"web01.lab.example.test", "web01"});
  CHECK(found[0].is_proven());
  CHECK(site.system->read(machine, own, within(10s)) == found[0]);

  CHECK(site.system->remove(machine, found[0], within(10s)) == "expired (HTTP 200)");
  CHECK(state_of(own) == "expired");
  for (const std::string& other : others) CHECK(state_of(other) == "active");
  CHECK(site.system->find(machine, within(10s)).empty());
  CHECK_FALSE(site.system->read(machine, own, within(10s)));
  CHECK(outcome_of([&] { site.system->remove(machine, found[0], within(10s)); }).code == ErrorCode::gone);
  CHECK(site.system->check(within(10s)).starts_with("localhost: 0."));
  for (const std::string& other : others) server.tell("expire " + other);
}

TEST_CASE("Alertmanager: name beside address, and what speaks against it") {
  auto& server = alertmanager();
  const std::string both = server.tell("silence host=web02 instance=10.5.0.2:9100");
  const std::string address = server.tell("silence instance=10.5.0.2:9100");
  const std::string another = server.tell("silence instance=web02.other.example.test:9100");
  Site site;
  const auto found = site.system->find(machine_named("web02", "10.5.0.2"), within(10s));
  REQUIRE(found.size() == 3);
  for (const Record& record : found) {
    CAPTURE(record.what);
    CHECK(record.is_proven() == (record.id == both));
    if (record.id == both) CHECK(record.facts == std::vector<std::string>{"name web02", "address 10.5.0.2"});
    if (record.id == address) CHECK(record.facts == std::vector<std::string>{"address 10.5.0.2"});
    if (record.id == another)
      CHECK(record.against == std::vector<std::string>{"its host name is web02.other.example.test, the machine's is "
                                                       "web02.lab.example.test"});
  }
}

TEST_CASE("Alertmanager: a silence that somebody edited is not expired; one that ran out is gone") {
  const std::string id = alertmanager().tell("silence instance=web03.lab.example.test:9100");
  Site site;
  const Machine machine = machine_named("web03", "10.5.0.3");
  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  CHECK(alertmanager().tell("recomment " + id + " longer") == id);
  CHECK(outcome_of([&] { site.system->remove(machine, found[0], within(10s)); }).code == ErrorCode::precondition);
  CHECK(state_of(id) == "active");
  alertmanager().tell("expire " + id);
  CHECK(outcome_of([&] { site.system->remove(machine, found[0], within(10s)); }).code == ErrorCode::gone);
  // An id that it never heard of.
  Record unknown = found[0];
  unknown.id = "11111111-1111-1111-1111-111111111111";
  CHECK_FALSE(site.system->read(machine, unknown.id, within(10s)));
}

TEST_CASE("Alertmanager: a wrong password is told and sent once; another service is not taken for an empty one") {
  const Machine absent = machine_named("absent", "10.5.0.99");
  Site site("not-the-password");
  const auto wrong = outcome_of([&] { site.system->find(absent, within(10s)); });
  CHECK(wrong.code == ErrorCode::unauthenticated);
  CHECK(wrong.text ==
        "cannot search localhost for absent: the credential in alertmanager.password is refused (HTTP 401)");
  CHECK(outcome_of([&] { site.system->find(absent, within(10s)); }).text.find("is not sent again") !=
        std::string::npos);
  site.secrets.write("alertmanager.password", "decom-pw\n");
  CHECK(site.system->find(absent, within(10s)).empty());

  Site elsewhere("decom-pw", "/api/v3");
  const auto place = outcome_of([&] { elsewhere.system->find(absent, within(10s)); });
  CHECK(place.code == ErrorCode::refused);
  CHECK(place.text == "cannot search localhost for absent: it was refused (HTTP 404)");
}

TEST_CASE("Alertmanager: alerts of the guest's host name are silent until that is lifted, and of no other") {
  auto& server = alertmanager();
  Site site;
  Silencer& silencer = *site.system->silencer();
  const Machine machine = machine_named("web05", "10.5.0.5");
  const auto targets = silencer.targets(machine, within(10s));
  REQUIRE(targets.size() == 1);
  CHECK(targets[0].is_proven());
  CHECK(targets[0].what == "alerts of web05.lab.example.test");
  const std::vector<std::string> own{"instance=web05.lab.example.test:9100", "instance=WEB05.lab.example.test"};
  const std::vector<std::string> others{"instance=web05xlab.example.test:9100", "instance=web05.lab.example.testing",
                                        "instance=db.web05.lab.example.test", "instance=web050.lab.example.test:9100",
                                        "host=web05.lab.example.test"};
  for (const auto* all : {&own, &others})
    for (const std::string& label : *all) server.tell("alert " + label);
  const auto mark = SilenceMark::of(machine, targets[0].id, "17.3");
  silencer.silence(mark, "web05 is being retired for CORP\\alice, \"}],{é€漢", system_clock().now() + 4h, within(10s));
  for (const std::string& label : own) CHECK_MESSAGE(server.tell("muted " + label) == "yes", label);
  for (const std::string& label : others) CHECK_MESSAGE(server.tell("muted " + label) == "no", label);
  CHECK(silencer.silences(mark, within(10s)).size() == 1);
  CHECK(site.system->find(machine, within(10s)).empty());  // it is no record that would be removed, or come back
  CHECK(silencer.lift(SilenceMark::of(machine, targets[0].id, "18.1"), within(10s)) == 0);
  CHECK(silencer.lift(mark, within(10s)) == 1);
  for (const std::string& label : own) CHECK_MESSAGE(server.tell("muted " + label) == "no", label);
  CHECK(silencer.lift(mark, within(10s)) == 0);
}

TEST_CASE("Alertmanager: what a guest calls itself silences nobody else; a wrong password is told") {
  Site site;
  Silencer& silencer = *site.system->silencer();
  Machine liar = machine_named("web06", "10.5.0.6");
  liar.guest_host_name = "db01.lab.example.test";
  const auto targets = silencer.targets(liar, within(10s));
  REQUIRE(targets.size() == 1);
  CHECK_FALSE(targets[0].is_proven());
  liar.guest_host_name = "web06";  // of whatever domain
  CHECK_FALSE(silencer.targets(liar, within(10s)).at(0).is_proven());
  liar.power = PowerState::off;
  CHECK(silencer.targets(liar, within(10s)).empty());
  const std::string before = alertmanager().tell("silences");
  const Timestamp until = system_clock().now() + 4h;
  for (const std::string name : {".*", "a\\E.*\\Q", "web06|db01", "x\"},{", "$(reboot)", "é"}) {
    CAPTURE(name);
    const auto mark = SilenceMark::of(liar, name, "17.3");
    CHECK(outcome_of([&] { silencer.silence(mark, "x", until, within(10s)); }).code == ErrorCode::refused);
  }
  Site wrong("not-the-password");
  CHECK(outcome_of([&] {
          wrong.system->silencer()->silence(SilenceMark::of(liar, "web06", "17.3"), "x", until, within(10s));
        }).code == ErrorCode::unauthenticated);
  CHECK(alertmanager().tell("silences") == before);
}

TEST_CASE("Alertmanager: hung, down, and started again with its silences") {
  const std::string id = alertmanager().tell("silence instance=web04.lab.example.test:9100");
  Site site;
  const Machine machine = machine_named("web04", "10.5.0.4");
  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  alertmanager().tell("pause");
  const auto hung = outcome_of([&] { site.system->find(machine, within(500ms)); }).code;
  CHECK((hung == ErrorCode::timed_out || hung == ErrorCode::unreachable));
  alertmanager().tell("resume");
  alertmanager().tell("stop");
  CHECK(outcome_of([&] { site.system->find(machine, within(10s)); }).code == ErrorCode::unreachable);
  CHECK(outcome_of([&] { site.system->remove(machine, found[0], within(10s)); }).code == ErrorCode::unreachable);
  alertmanager().tell("start");
  CHECK(site.system->find(machine, within(10s)) == found);
  CHECK(site.system->remove(machine, found[0], within(10s)) == "expired (HTTP 200)");
  CHECK(state_of(id) == "expired");

  // A member of a cluster answers before it has heard of the silences that the others have.
  alertmanager().tell("stop");
  alertmanager().tell("start cluster");
  const auto early = outcome_of([&] { site.system->find(machine, within(10s)); });
  CHECK(early.code == ErrorCode::busy);
  CHECK(early.text == "cannot read the control of localhost: it does not work right now (HTTP 200, “settling”)");
  alertmanager().tell("stop");
  alertmanager().tell("start");
}
