#include <doctest/doctest.h>

#include "daemon/records/silencer.hpp"
#include "tests/support/recipe.hpp"
#include "tests/support/record_server.hpp"

using namespace decom;
using namespace std::chrono_literals;

namespace {

RecordServer& zabbix() {
  static RecordServer server("zabbix_server.py");
  return server;
}

Machine machine_named(const std::string& name, const std::string& address) {
  Machine machine;
  machine.name = name;
  machine.power = PowerState::on;
  machine.ip_addresses = {address};
  return machine;
}

/// The recipe as it is shipped; only where the server is and who asks differ.
struct Site {
  explicit Site(const std::string& user = "decom", const std::string& token = {}, const std::string& place = {}) {
    secrets.write("zabbix.token", token.empty() ? zabbix().facts()["tokens"][user].get<std::string>() : token);
    secrets.write("zabbix.password", "Str0ng.pass.word");
    nlohmann::json recipe = shipped_recipe("zabbix.toml");
    recipe["url"] = zabbix().text("url") + place;
    recipe.erase("ca_file");
    by_token = http_system(recipe, secrets.path());
    recipe["credential"] = from_toml(R"(
      type = "login"
      username = "decom"
      password_file = "zabbix.password"
      token_at = "/result"
      [request]
      method = "POST"
      path = "/api_jsonrpc.php"
      json = { jsonrpc = "2.0", id = 1, method = "user.login", params = { username = "{{username}}", password = "{{password}}" } }
    )");
    by_password = http_system(recipe, secrets.path());
  }
  SecretFolder secrets;
  std::unique_ptr<RecordSystem> by_token;
  std::unique_ptr<RecordSystem> by_password;
};

}  // namespace

TEST_CASE("Zabbix: a host is found by name and address, removed, proven gone; the neighbour stays") {
  const std::string id = zabbix().tell("host web01 10.2.0.1");
  zabbix().tell("host web010 10.2.0.10");
  Site site;
  const Machine machine = machine_named("web01", "10.2.0.1");
  const auto found = site.by_token->find(machine, within(20s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == id);
  CHECK(found[0].what == "host web01, 10.2.0.1");
  CHECK(found[0].facts == std::vector<std::string>{"name web01", "address 10.2.0.1"});
  CHECK(found[0].is_proven());
  CHECK(site.by_token->read(machine, id, within(20s)) == found[0]);

  CHECK(site.by_token->remove(machine, found[0], within(20s)) == "removed (HTTP 200)");
  CHECK(zabbix().tell("exists web01") == "no");
  CHECK(zabbix().tell("exists web010") == "yes");
  CHECK_FALSE(site.by_token->read(machine, id, within(20s)));
  CHECK(site.by_token->find(machine, within(20s)).empty());
  CHECK(outcome_of([&] { site.by_token->remove(machine, found[0], within(20s)); }).code == ErrorCode::gone);
  CHECK(site.by_token->check(within(20s)) == "127.0.0.1: Zabbix server");
}

TEST_CASE("Zabbix: another host with the same address is shown with what speaks against it") {
  zabbix().tell("host db07 10.2.0.2");
  Site site;
  const auto found = site.by_token->find(machine_named("web02", "10.2.0.2"), within(20s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].against == std::vector<std::string>{"it is called db07"});
  CHECK_FALSE(found[0].is_proven());
}

TEST_CASE("Zabbix: without the right to remove, 'does not exist' is not taken for gone") {
  zabbix().tell("host web03 10.2.0.3");
  const Machine machine = machine_named("web03", "10.2.0.3");
  Site reader("reader");
  const auto found = reader.by_token->find(machine, within(20s));
  REQUIRE(found.size() == 1);
  const auto refused = outcome_of([&] { reader.by_token->remove(machine, found[0], within(20s)); });
  CHECK(refused.code == ErrorCode::denied);
  INFO(refused.text);
  CHECK(refused.text.find("there is no right to remove it") != std::string::npos);

  Site nobody("nobody");
  const auto blind = outcome_of([&] { nobody.by_token->find(machine, within(20s)); });
  CHECK(blind.code == ErrorCode::denied);
  CHECK(blind.text.find("the host of the control cannot be seen") != std::string::npos);
  CHECK(outcome_of([&] { nobody.by_token->read(machine, found[0].id, within(20s)); }).code == ErrorCode::denied);
  CHECK(zabbix().tell("exists web03") == "yes");
}

TEST_CASE("Zabbix: a wrong token is told, without the token") {
  const std::string wrong(64, 'b');
  Site site("decom", wrong);
  const auto told = outcome_of([&] { site.by_token->check(within(20s)); });
  INFO(told.text);
  CHECK(told.code == ErrorCode::unauthenticated);
  CHECK(told.text.find(wrong) == std::string::npos);
}

TEST_CASE("Zabbix: at another place than its API nothing is taken for gone") {
  const Site site("decom", {}, "/elsewhere");
  const Machine machine = machine_named("web01", "10.2.0.1");
  CHECK(outcome_of([&] { site.by_token->find(machine, within(20s)); }).code == ErrorCode::refused);
  CHECK(outcome_of([&] { (void)site.by_token->read(machine, "10084", within(20s)); }).code == ErrorCode::denied);
  CHECK(outcome_of([&] { (void)site.by_token->check(within(20s)); }).code == ErrorCode::denied);
}

TEST_CASE("Zabbix: the only host of a maintenance is refused in Zabbix's own words") {
  const std::string id = zabbix().tell("host web04 10.2.0.4");
  zabbix().tell("maintenance " + id);
  Site site;
  const Machine machine = machine_named("web04", "10.2.0.4");
  const auto found = site.by_token->find(machine, within(20s));
  REQUIRE(found.size() == 1);
  const auto refused = outcome_of([&] { site.by_token->remove(machine, found[0], within(20s)); });
  INFO(refused.text);
  CHECK(refused.code == ErrorCode::refused);
  CHECK(refused.text.find("must contain at least one host") != std::string::npos);
  CHECK(zabbix().tell("exists web04") == "yes");
}

TEST_CASE("Zabbix: a host is in a maintenance until it is lifted, and one that is there does not keep it") {
  auto& server = zabbix();
  const std::string before = server.tell("maintenances");
  const std::string id = server.tell("host web07 10.2.0.7");
  server.tell("host web070 10.2.0.70");
  Site site;
  const Machine machine = machine_named("web07", "10.2.0.7");
  const auto found = site.by_token->find(machine, within(20s));
  REQUIRE(found.size() == 1);
  Silencer& silencer = *site.by_token->silencer();
  CHECK(silencer.targets(machine, within(20s)) == found);
  const auto mark = SilenceMark::of(machine, id, "17.3");
  const Timestamp until = system_clock().now() + 4h;
  silencer.silence(mark, "web07 is being retired for CORP\\alice, \"}],{é€漢", until, within(20s));
  CHECK(server.tell("maintained web07") == "1");
  CHECK(server.tell("maintained web070") == "0");
  const auto ours = silencer.silences(mark, within(20s));
  REQUIRE(ours.size() == 1);
  CHECK(ours[0].until.value() > until - 2min);
  CHECK(site.by_token->read(machine, id, within(20s)) == found[0]);
  // A second one of the same request has the same name, and Zabbix refuses it.
  CHECK(outcome_of([&] { silencer.silence(mark, "x", until, within(20s)); }).code == ErrorCode::refused);
  silencer.silence(SilenceMark::of(machine, id, "18.1"), "x", until, within(20s));
  CHECK(server.tell("maintained web07") == "2");
  CHECK(silencer.lift(mark, within(20s)) == 1);
  CHECK(silencer.lift(mark, within(20s)) == 0);
  CHECK(server.tell("maintained web07") == "1");

  CHECK(site.by_token->remove(machine, found[0], within(20s)) == "removed (HTTP 200)");
  CHECK(server.tell("exists web07") == "no");
  CHECK(server.tell("maintenances") == before);
}

TEST_CASE("Zabbix: who may not change a host cannot silence it; hostile names silence nothing") {
  const std::string before = zabbix().tell("maintenances");
  const std::string id = zabbix().tell("host web08 10.2.0.8");
  const Machine machine = machine_named("web08", "10.2.0.8");
  const auto mark = SilenceMark::of(machine, id, "17.3");
  const Timestamp until = system_clock().now() + 4h;
  const auto refused = outcome_of([&] { Site{"reader"}.by_token->silencer()->silence(mark, "x", until, within(20s)); });
  INFO(refused.text);
  CHECK(refused.code == ErrorCode::refused);
  CHECK(refused.text.find("No permissions to referred object") != std::string::npos);
  CHECK(outcome_of([&] {
          Site{"decom", std::string(64, 'b')}.by_token->silencer()->silence(mark, "x", until, within(20s));
        }).code == ErrorCode::unauthenticated);
  Site site;
  for (const std::string name : {"\"},{\"", "*", "%", "' or 1=1 --", "1 or 1=1", "[]"}) {
    CAPTURE(name);
    const auto hostile = SilenceMark::of(machine, name, "17.3");
    const auto told = outcome_of([&] { site.by_token->silencer()->silence(hostile, "x", until, within(20s)); });
    CHECK(told.code == ErrorCode::refused);
  }
  CHECK(zabbix().tell("maintenances") == before);
}

TEST_CASE("Zabbix 7: as its documentation changes it, all of its recipe does what that of 6.0 does") {
  auto& server = zabbix();
  const std::string before = server.tell("maintenances");
  const std::string id = server.tell("host web09 10.2.0.9");
  server.tell("host web090 10.2.0.90");
  const SecretFolder secrets;
  const auto as = [&](const std::string& token, const std::string& recipe_file = "zabbix7.toml") {
    secrets.write("zabbix.token", token);
    nlohmann::json recipe = shipped_recipe(recipe_file);
    recipe["url"] = server.text("url_as_seven");
    recipe.erase("ca_file");
    return http_system(recipe, secrets.path());
  };
  const auto token_of = [&](const char* user) { return server.facts()["tokens"][user].get<std::string>(); };
  const Machine machine = machine_named("web09", "10.2.0.9");
  // What keeps that of 6.0 from being used there.
  CHECK(outcome_of([&] { as(token_of("decom"), "zabbix.toml")->find(machine, within(20s)); }).code ==
        ErrorCode::refused);
  CHECK(outcome_of([&] { as(std::string(64, 'b'))->find(machine, within(20s)); }).code == ErrorCode::unauthenticated);
  const auto found = as(token_of("reader"))->find(machine, within(20s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].before.find("machines") != std::string::npos);  // its group
  CHECK(outcome_of([&] { as(token_of("reader"))->remove(machine, found[0], within(20s)); }).code == ErrorCode::denied);
  CHECK(outcome_of([&] { as(token_of("nobody"))->find(machine, within(20s)); }).code == ErrorCode::denied);

  const auto system = as(token_of("decom"));
  CHECK(system->find(machine, within(20s)) == found);
  Silencer& silencer = *system->silencer();
  const auto mark = SilenceMark::of(machine, id, "17.3");
  silencer.silence(mark, "web09 is being retired", system_clock().now() + 4h, within(20s));
  CHECK(server.tell("maintained web09") == "1");
  CHECK(silencer.silences(mark, within(20s)).size() == 1);
  CHECK(system->remove(machine, found[0], within(20s)) == "removed (HTTP 200)");
  CHECK(server.tell("exists web09") == "no");
  CHECK(server.tell("exists web090") == "yes");
  CHECK(server.tell("maintenances") == before);
  CHECK(system->find(machine, within(20s)).empty());
  CHECK(outcome_of([&] { system->remove(machine, found[0], within(20s)); }).code == ErrorCode::gone);
}

TEST_CASE("Zabbix: a session is opened by password once, and again when Zabbix has forgotten it") {
  zabbix().tell("host web05 10.2.0.5");
  Site site;
  const Machine machine = machine_named("web05", "10.2.0.5");
  const int before = std::stoi(zabbix().tell("sessions"));
  const auto found = site.by_password->find(machine, within(20s));
  REQUIRE(found.size() == 1);
  CHECK(site.by_password->find(machine, within(20s)) == found);
  CHECK(std::stoi(zabbix().tell("sessions")) == before + 1);
  zabbix().tell("log_out_all");
  CHECK(site.by_password->remove(machine, found[0], within(20s)) == "removed (HTTP 200)");
  CHECK(zabbix().tell("sessions") == "1");

  // One wrong password is sent once, since five of them block the account.
  site.secrets.write("zabbix.password", "not-the-password");
  CHECK(outcome_of([&] { site.by_password->find(machine, within(20s)); }).code == ErrorCode::unauthenticated);
  CHECK(outcome_of([&] { site.by_password->find(machine, within(20s)); }).text.find("is not sent again") !=
        std::string::npos);
  site.secrets.write("zabbix.password", "Str0ng.pass.word");
  CHECK(site.by_password->find(machine, within(20s)).empty());
}

TEST_CASE("Zabbix: while its database is away it is busy, though it answers 200; hostile names find nothing") {
  Site site;
  const std::vector<std::string> names{"\"},{\"",   "*",      "%",    "' or 1=1 --",
                                       "$(reboot)", "../../", "é€漢", std::string(253, 'a')};
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(site.by_token->find(machine_named(name, "10.2.0.96"), within(20s)).empty());
  }
  zabbix().tell("stop_database");
  const auto away = outcome_of([&] { site.by_token->find(machine_named("web06", "10.2.0.6"), within(20s)); });
  INFO(away.text);
  CHECK(away.code == ErrorCode::busy);
  zabbix().tell("start_database");
  CHECK(site.by_token->find(machine_named("web06", "10.2.0.6"), within(20s)).empty());
}
