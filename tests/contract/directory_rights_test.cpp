#include <fstream>

#include <doctest/doctest.h>

#include "daemon/directory/connection.hpp"
#include "tests/contract/directory_worlds.hpp"

using namespace decom;

namespace {

Computer look(SambaWorld& world, const std::string& name) {
  auto found = world.directory().find_computers({name});
  REQUIRE(found.size() == 1);
  return found.front();
}

DirectoryOptions as(DomainServer& server, const std::string& name, const std::string& password) {
  const std::filesystem::path file =
      std::filesystem::path{server.text("bind_password_file")}.parent_path() / (name + ".test");
  std::ofstream{file} << password;
  DirectoryOptions options = server.options();
  options.bind_dn = name + "@corp.example.test";
  options.password_file = file;
  return options;
}

}  // namespace

TEST_CASE("without the delegation nothing is removed") {
  SambaWorld world;
  const MadeComputer made = world.add_computer({.children = 1});
  const auto powerless =
      connect_active_directory(as(world.server(), "svc-noright", world.server().password("svc-noright").expose()));
  const auto found = powerless->find_computers({made.name});
  REQUIRE(found.size() == 1);
  CHECK(thrown_by([&] { powerless->remove_computer(found.front()); }).code == ErrorCode::denied);
  CHECK(world.directory().read_computer(made.guid)->children.size() == 1);
}

TEST_CASE("without the delegation nothing is disabled or moved") {
  SambaWorld world;
  const MadeComputer made = world.add_computer();
  const auto powerless =
      connect_active_directory(as(world.server(), "svc-noright", world.server().password("svc-noright").expose()));
  const Computer computer = powerless->read_computer(made.guid).value();
  const std::string unit = "OU=Retired," + world.server().text("base_dn");
  CHECK(thrown_by([&] { powerless->disable_computer(computer, "mine"); }).code == ErrorCode::denied);
  CHECK(thrown_by([&] { powerless->move_computer(computer, unit); }).code == ErrorCode::denied);
  CHECK_FALSE(world.is_disabled(made));
  CHECK(world.dn_of(made).find("OU=Servers") != std::string::npos);
}

TEST_CASE("a child of a child goes first, and its refusal leaves all as it was") {
  SambaWorld world;
  const Computer web06 = look(world, "WEB06");
  REQUIRE(web06.children.size() == 2);
  CHECK(web06.children[0].starts_with("CN=DFSR-LocalSettings,CN=WEB06"));
  CHECK(web06.children[1].starts_with("CN=subscriber,CN=DFSR-LocalSettings"));
  CHECK(thrown_by([&] { world.directory().remove_computer(web06); }).code == ErrorCode::denied);
  CHECK(look(world, "WEB06").children == web06.children);
}

TEST_CASE("a removal that stops half way says how far it came") {
  SambaWorld world;
  const MadeComputer made = world.add_computer({.children = 2});
  const std::string dn = look(world, made.name).dn;
  world.server().call("add_ace", {dn, "(D;;SD;;;" + world.sid("svc-decom") + ")"});
  const Computer computer = look(world, made.name);
  CHECK_FALSE(computer.is_protected);
  const Thrown lost = thrown_by([&] { world.directory().remove_computer(computer); });
  CHECK(lost.code == ErrorCode::lost);
  CHECK(lost.text.find("2 of its 2 children are removed") != std::string::npos);
  CHECK(look(world, made.name).children.empty());
}

TEST_CASE("children that the service account may not see keep their computer") {
  SambaWorld world;
  const MadeComputer made = world.add_computer({.children = 1});
  world.server().call("add_ace", {look(world, made.name).dn, "(D;;LC;;;" + world.sid("svc-decom") + ")"});
  const Computer computer = look(world, made.name);
  CHECK(computer.children.empty());
  const Thrown refusal = thrown_by([&] { world.directory().remove_computer(computer); });
  CHECK(refusal.code == ErrorCode::refused);
  CHECK(refusal.text.find("may not see") != std::string::npos);
  CHECK(world.has(made));
}

TEST_CASE("recovery keys are removed with their computer, and no before-image holds them") {
  SambaWorld world;
  DomainServer& server = world.server();
  // An administrator may read what the service account may not.
  const auto mighty = connect_active_directory(
      as(server, "Administrator", server.facts().at("administrator").at("password").get<std::string>()));
  const auto found = mighty->find_computers({"WEB05"});
  REQUIRE(found.size() == 1);
  CHECK(found.front().children.size() == 3);
  CHECK(found.front().ldif.find("# msFVE-RecoveryPassword: not kept") != std::string::npos);
  CHECK(found.front().ldif.find("canary-bitlocker") == std::string::npos);
  CHECK(found.front().ldif.find("Y2FuYXJ5") == std::string::npos);  // "canary" in base64
  CHECK(found.front().ldif.find("keywords: decom-test") != std::string::npos);

  const Computer web05 = look(world, "WEB05");
  CHECK(web05.children.size() == 3);
  REQUIRE(web05.below.size() == 3);
  for (const ComputerChild& child : web05.below) world.directory().remove_child(web05.guid, child);
  world.directory().remove_computer(look(world, "WEB05"));
  CHECK(server.call("computer", {"WEB05"}).is_null());
}

TEST_CASE("names that need escaping are found, logged on and removed") {
  SambaWorld world;
  const Person zoe = world.directory().authenticate("zoe", world.server().password("zoe"));
  CHECK(zoe.dn.starts_with("CN=Smith\\"));
  const Computer odd = look(world, "oddname1");
  CHECK(odd.dn.starts_with("CN=Odd\\"));
  world.directory().remove_computer(odd);
  CHECK(world.server().call("computer", {"ODDNAME1"}).is_null());
}

TEST_CASE("read-only and other domain controllers are known by any of their marks") {
  SambaWorld world;
  CHECK(look(world, "FAKERODC01").is_domain_controller);
  CHECK(look(world, "FAKEDC01").is_domain_controller);
  CHECK(look(world, "DC1").is_domain_controller);
  CHECK_FALSE(look(world, "WEB01").is_domain_controller);
}

TEST_CASE("an empty answer means absent only where the unit can be seen") {
  DomainServer& server = DomainServer::shared();
  DirectoryOptions options = server.options();
  options.computer_ous = {"OU=Gone," + server.text("base_dn")};
  const auto blind = connect_active_directory(options);
  CHECK(thrown_by([&] { blind->find_computers({"WEB01"}); }).code == ErrorCode::denied);
  CHECK(thrown_by([&] { blind->read_computer("01234567-89ab-4def-8123-456789abcdef"); }).code == ErrorCode::denied);
}

TEST_CASE("groups that cannot be read are an error, not an empty list") {
  SambaWorld world;
  const std::string person = world.add_person();
  const auto dn = world.server().call("user", {person}).at("dn");
  // Attribute tokenGroups ([MS-ADA3]).
  world.server().call("add_ace", {dn, "(OD;;RP;b7c69e6d-2cc7-11d2-854e-00a0c983f608;;" + world.sid("svc-decom") + ")"});
  const Thrown blind = thrown_by([&] { world.directory().read_person(world.sid(person)); });
  CHECK(blind.code == ErrorCode::denied);
  CHECK(blind.text.find("tokenGroups") != std::string::npos);
}

TEST_CASE("every page is read") {
  DomainServer& server = DomainServer::shared();
  directory::Endpoint endpoint = directory::Endpoint::parse(server.text("ldaps"), false);
  endpoint.ca_file = server.text("ca");
  const auto connection = directory::Connection::open(endpoint, std::chrono::seconds{3});
  REQUIRE_FALSE(connection->bind(server.text("bind_dn"), server.password("svc-decom")));
  const auto everywhere = directory::Base::of(*directory::Dn::parse(server.text("base_dn")));
  const auto computers = directory::Filter::equals("objectCategory", "computer");
  const std::size_t expected = server.call("computers").size();
  REQUIRE(expected > 10);
  for (const int page_size : {1, 3, 500}) {
    CAPTURE(page_size);
    CHECK(connection->search(everywhere, directory::Scope::subtree, computers, {"cn"}, page_size).size() == expected);
  }
}
