#include <optional>

#include <doctest/doctest.h>

#include "daemon/records/silencer.hpp"
#include "tests/support/recipe.hpp"
#include "tests/support/record_server.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

RecordServer& icinga() {
  static RecordServer server("icinga_server.py");
  return server;
}

Machine machine_named(const std::string& name, const std::string& address) {
  Machine machine;
  machine.name = name;
  machine.power = PowerState::on;
  machine.ip_addresses = {address};
  machine.bios_uuid = "4211aaaa-0000-0000-0000-000000000001";
  return machine;
}

/// The recipe as it is shipped; only where the server is and who asks differ.
struct Site {
  explicit Site(const std::string& user = "decom", const std::string& password = {}, const std::string& place = "/v1") {
    secrets.write("icinga.password", password.empty() ? user + "-pw" : password);
    nlohmann::json recipe = shipped_recipe("icinga2.toml");
    const std::string url = icinga().text("url");
    recipe["url"] = url.substr(0, url.rfind('/')) + place;
    recipe["ca_file"] = icinga().text("ca");
    recipe["credential"]["username"] = user;
    system = http_system(recipe, secrets.path());
  }
  SecretFolder secrets;
  std::unique_ptr<RecordSystem> system;
};

template <typename Call>
ErrorCode code_of(Call call) {
  try {
    call();
  } catch (const Error& e) {
    INFO(e.what());
    CHECK(std::string{e.what()}.find("-pw") == std::string::npos);
    return e.code();
  }
  return ErrorCode::internal;
}

}  // namespace

TEST_CASE("Icinga 2: a host is found by two facts, removed with its services, proven gone; the neighbour stays") {
  icinga().tell("host web01 10.1.0.1 4211aaaa-0000-0000-0000-000000000001 3");
  icinga().tell("host web010 10.1.0.10 4211aaaa-0000-0000-0000-000000000010");
  Site site;
  const Machine machine = machine_named("WEB01", "10.1.0.1");

  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "web01");
  CHECK(found[0].what == "host web01, 10.1.0.1");
  CHECK(found[0].is_proven());
  CHECK(found[0].facts ==
        std::vector<std::string>{"name WEB01", "address 10.1.0.1", "UUID 4211aaaa-0000-0000-0000-000000000001"});
  CHECK(found[0].bears == std::vector<std::string>{"web01", "10.1.0.1"});
  CHECK(found[0].forbidden.empty());
  CHECK(site.system->read(machine, "web01", within(10s)) == found[0]);
  CHECK(icinga().tell("exists web01") == "yes");

  CHECK(site.system->remove(machine, found[0], within(10s)) == "removed (HTTP 200)");
  CHECK(icinga().tell("exists web01") == "no");
  CHECK(icinga().tell("exists web010") == "yes");
  CHECK(site.system->find(machine, within(10s)).empty());
  CHECK_FALSE(site.system->read(machine, "web01", within(10s)));
  CHECK(code_of([&] { site.system->remove(machine, found[0], within(10s)); }) == ErrorCode::gone);
  CHECK(site.system->check(within(10s)).starts_with("localhost: r2."));
}

TEST_CASE("Icinga 2: another host with the same address is shown with what speaks against it") {
  icinga().tell("host db07 10.1.0.2 42110000-0000-0000-0000-0000000000ff");
  Site site;
  const auto found = site.system->find(machine_named("web02", "10.1.0.2"), within(10s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].facts == std::vector<std::string>{"address 10.1.0.2"});
  CHECK(found[0].against == std::vector<std::string>{"it is called db07", "its UUID is another"});
  CHECK_FALSE(found[0].is_proven());
}

TEST_CASE("Icinga 2: what changed since it was seen is not removed") {
  icinga().tell("host web03 10.1.0.3");
  Site site;
  const Machine machine = machine_named("web03", "10.1.0.3");
  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  icinga().tell("rename web03 other");
  CHECK(code_of([&] { site.system->remove(machine, found[0], within(10s)); }) == ErrorCode::precondition);
  CHECK(icinga().tell("exists web03") == "yes");
}

TEST_CASE("Icinga 2: a host of the configuration files is refused, before and by the server") {
  Site site;
  const Machine machine = machine_named("static01", "10.9.9.9");
  auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].forbidden == "it is defined in Icinga's configuration files, and its API cannot remove it");
  CHECK(code_of([&] { site.system->remove(machine, found[0], within(10s)); }) == ErrorCode::refused);

  nlohmann::json recipe = shipped_recipe("icinga2.toml");
  recipe["url"] = icinga().text("url");
  recipe["ca_file"] = icinga().text("ca");
  recipe["item"].erase("forbidden");
  const auto eager = http_system(recipe, site.secrets.path());
  found = eager->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  try {
    eager->remove(machine, found[0], within(10s));
    FAIL("it was removed");
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::refused);
    CHECK(std::string{e.what()}.find("not created using the API") != std::string::npos);
  }
}

TEST_CASE("Icinga 2: without a right, 'not found' is no absence") {
  icinga().tell("host web04 10.1.0.4");
  const Machine machine = machine_named("web04", "10.1.0.4");
  const auto found = Site{}.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);

  Site reader("reader");  // may see, and not delete: told "not found" by the removal
  CHECK(reader.system->find(machine, within(10s)).size() == 1);
  CHECK(code_of([&] { reader.system->remove(machine, found[0], within(10s)); }) == ErrorCode::denied);
  for (const char* user : {"nobody", "filtered"}) {
    CAPTURE(user);
    Site blind(user);
    CHECK(code_of([&] { blind.system->check(within(10s)); }) == ErrorCode::denied);
    CHECK(code_of([&] { blind.system->find(machine_named("absent", "10.1.0.99"), within(10s)); }) == ErrorCode::denied);
  }
  CHECK(code_of([&] { Site{"nobody"}.system->find(machine, within(10s)); }) == ErrorCode::denied);
  CHECK(icinga().tell("exists web04") == "yes");
}

TEST_CASE("Icinga 2: a wrong password is told, and not sent again before it was written anew") {
  const Machine machine = machine_named("web05", "10.1.0.5");
  Site site("decom", "not-the-password");
  CHECK(code_of([&] { site.system->find(machine, within(10s)); }) == ErrorCode::unauthenticated);
  try {
    site.system->find(machine, within(10s));
    FAIL("it was asked");
  } catch (const Error& e) {
    CHECK(std::string{e.what()} ==
          "the credential in icinga.password was refused before and is not sent again; write it anew");
  }
  site.secrets.write("icinga.password", "decom-pw\n");
  CHECK(site.system->find(machine, within(10s)).empty());
}

TEST_CASE("Icinga 2: hostile names find nothing that is not theirs, and reach the server whole") {
  icinga().tell("host web06 10.1.0.6");
  Site site;
  const std::vector<std::string> names{
      "\" || true || \"",   "*", "web0?", "\"},{\"", "$(reboot)", "a;b", "../../", "web06\\", "é€漢",
      std::string(253, 'a')};
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(site.system->find(machine_named(name, "10.1.0.96"), within(10s)).empty());
  }
  CHECK(code_of([&] { site.system->find(machine_named("x\ny", "10.1.0.96"), within(10s)); }) == ErrorCode::refused);
  CHECK(icinga().tell("exists web06") == "yes");
}

TEST_CASE("Icinga 2: down is unreachable, hung is a missing answer, and a lost removal is said to be lost") {
  icinga().tell("host web07 10.1.0.7");
  Site site;
  const Machine machine = machine_named("web07", "10.1.0.7");
  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);

  icinga().tell("pause");
  const auto hung = code_of([&] { site.system->find(machine, within(500ms)); });
  CHECK((hung == ErrorCode::unreachable || hung == ErrorCode::timed_out));
  icinga().tell("resume");
  icinga().tell("stop");
  CHECK(code_of([&] { site.system->find(machine, within(10s)); }) == ErrorCode::unreachable);
  CHECK(code_of([&] { site.system->remove(machine, found[0], within(10s)); }) == ErrorCode::unreachable);
  // While it starts it refuses, breaks off or is empty-handed; it is never without the host.
  icinga().tell("begin");
  std::optional<std::vector<Record>> seen;
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!seen && std::chrono::steady_clock::now() < until) {
    try {
      seen = site.system->find(machine, within(10s));
    } catch (const Error& e) {
      INFO(e.what());
      CHECK(traits(e.code()).transient);
    }
  }
  CHECK(seen == found);
}

TEST_CASE("Icinga 2: at another place than its API nothing is taken for gone") {
  const Machine machine = machine_named("web01", "10.1.0.1");
  for (const std::string place : {"/v2", "/v1/objects"}) {
    CAPTURE(place);
    Site site("decom", {}, place);
    const ErrorCode searched = code_of([&] { site.system->find(machine, within(10s)); });
    CHECK((searched == ErrorCode::refused || searched == ErrorCode::denied));
    CHECK(code_of([&] { (void)site.system->read(machine, "web01", within(10s)); }) == ErrorCode::denied);
    CHECK(code_of([&] { (void)site.system->check(within(10s)); }) == ErrorCode::denied);
  }
}

TEST_CASE("Icinga 2: a host and its services are in a downtime until it is lifted; the neighbour never is") {
  auto& server = icinga();
  server.tell("host web08 10.1.0.8 4211aaaa-0000-0000-0000-000000000008 2");
  server.tell("host web080 10.1.0.80");
  Site site;
  const Machine machine = machine_named("web08", "10.1.0.8");
  const auto found = site.system->find(machine, within(10s));
  REQUIRE(found.size() == 1);
  Silencer& silencer = *site.system->silencer();
  CHECK(silencer.lasts() == 4h);
  const auto targets = silencer.targets(machine, within(10s));
  CHECK(targets == found);
  const auto stranger = silencer.targets(machine_named("web08", "10.1.0.88"), within(10s));
  REQUIRE(stranger.size() == 1);
  CHECK_FALSE(stranger[0].is_proven());  // another machine of that name
  const auto mark = SilenceMark::of(machine, targets.at(0).id, "17.3");
  const auto other = SilenceMark::of(machine, targets.at(0).id, "18.1");
  CHECK(silencer.silences(mark, within(10s)).empty());
  CHECK(silencer.lift(mark, within(10s)) == 0);

  const Timestamp until = system_clock().now() + 4h;
  silencer.silence(mark, "web08 is being retired for CORP\\alice, \"}],{é€漢", until, within(10s));
  CHECK(server.tell("depth web08") == "1");
  CHECK(server.tell("depth web08!s1") == "1");
  CHECK(server.tell("depth web080") == "0");
  const auto ours = silencer.silences(mark, within(10s));
  REQUIRE(ours.size() == 3);  // each service has one of its own, which goes with the host's
  for (const FoundSilence& one : ours) {
    CHECK(one.until.value() <= until);
    CHECK(one.until.value() > until - 1s);
  }
  CHECK(silencer.silences(other, within(10s)).empty());
  CHECK(silencer.silences(SilenceMark::of(machine, targets.at(0).id, ""), within(10s)).size() == 3);
  CHECK(site.system->read(machine, "web08", within(10s)) == found[0]);  // the record says what it said
  silencer.silence(other, "again", until, within(10s));
  CHECK(server.tell("depth web08") == "2");

  CHECK(silencer.lift(mark, within(10s)) == 3);
  CHECK(server.tell("depth web08") == "1");
  CHECK(silencer.lift(other, within(10s)) == 3);
  CHECK(server.tell("depth web08") == "0");
  CHECK(server.tell("depth web08!s1") == "0");
  CHECK(silencer.lift(mark, within(10s)) == 0);

  silencer.silence(mark, "it goes with its host", until, within(10s));
  CHECK(site.system->remove(machine, found[0], within(10s)) == "removed (HTTP 200)");
  CHECK(silencer.lift(mark, within(10s)) == 0);
  CHECK(server.tell("downtimes") == "0");
}

TEST_CASE("Icinga 2: who may not silence is told which right is missing; hostile names silence nothing") {
  icinga().tell("host web09 10.1.0.9");
  Site site;
  const Machine machine = machine_named("web09", "10.1.0.9");
  const auto mark = SilenceMark::of(machine, "web09", "17.3");
  const Timestamp until = system_clock().now() + 4h;
  Site without("removers");
  CHECK(code_of([&] { without.system->silencer()->silence(mark, "x", until, within(10s)); }) == ErrorCode::refused);
  CHECK(code_of([&] { without.system->silencer()->lift(mark, within(10s)); }) == ErrorCode::denied);
  try {
    without.system->check(within(10s));
    FAIL("it was not told");
  } catch (const Error& e) {
    CHECK(std::string{e.what()}.find("the account lacks objects/query/Downtime") != std::string::npos);
  }
  Site wrong("decom", "not-the-password");
  CHECK(code_of([&] { wrong.system->silencer()->silence(mark, "x", until, within(10s)); }) ==
        ErrorCode::unauthenticated);
  for (const std::string name : {"\" || true || \"", "*", "web0?", "web09\\", "\"},{\"", "../../"}) {
    CAPTURE(name);
    const auto hostile = SilenceMark::of(machine, name, "17.3");
    // Icinga says 200 and does nothing: a look shows that there is none.
    CHECK(code_of([&] { site.system->silencer()->silence(hostile, "x", until, within(10s)); }) == ErrorCode::lost);
    CHECK(site.system->silencer()->silences(hostile, within(10s)).empty());
  }
  CHECK(icinga().tell("downtimes") == "0");
  icinga().tell("stop");
  CHECK(code_of([&] { site.system->silencer()->silence(mark, "x", until, within(10s)); }) == ErrorCode::unreachable);
  icinga().tell("start");
}
