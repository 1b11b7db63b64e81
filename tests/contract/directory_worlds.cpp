#include "tests/contract/directory_worlds.hpp"

#include <fmt/format.h>

namespace decom {

FakeWorld::FakeWorld() {
  for (const char* group : {"Decom Operators", "Server Team", "Linux Admins", "Decom Approvers", "Loop A", "Loop B"})
    fake_.add_group(group);
  sids_["alice"] = fake_.add_person({.sam = "alice", .groups = {"Linux Admins"}});
  sids_["bob"] = fake_.add_person({.sam = "bob"});
  sids_["carol"] = fake_.add_person({.sam = "carol", .upn = "carol.jones@example.test", .groups = {"Decom Approvers"}});
  sids_["zoe"] = fake_.add_person({.sam = "zoe", .groups = {"Loop A"}});
  sids_["dave"] = fake_.add_person({.sam = "dave"});
  fake_.disable("dave");
  sids_["erin"] = fake_.add_person({.sam = "erin"});
  fake_.expire("erin");
  sids_["lou"] = fake_.add_person({.sam = "lou"});
  fake_.lock("lou");
  sids_["mona"] = fake_.add_person({.sam = "mona"});
  fake_.must_change_password("mona");
  fake_.join("Server Team", "Linux Admins");
  fake_.join("Decom Operators", "Server Team");
  fake_.join("Loop A", "Loop B");
  fake_.join("Loop B", "Loop A");
  fake_.join("Decom Approvers", "Loop B");
}

std::string FakeWorld::add_person() {
  std::string name = fmt::format("person{}", ++count_);
  sids_[name] = fake_.add_person({.sam = name});
  return name;
}

MadeComputer FakeWorld::add_computer(const ComputerSpec& spec) {
  FakeDirectory::NewComputer made{.name = fmt::format("BOX{}", ++count_),
                                  .dns = spec.dns,
                                  .ou = spec.ou,
                                  .enabled = spec.enabled,
                                  .is_critical = spec.is_critical,
                                  .is_domain_controller = spec.is_domain_controller,
                                  .is_protected = spec.is_protected,
                                  .children = {}};
  for (int i = 1; i <= spec.children; ++i) made.children.push_back(fmt::format("CN=service{}", i));
  return {.name = made.name, .guid = fake_.add_computer(made)};
}

SambaWorld::SambaWorld() : server_(DomainServer::shared()), directory_(connect_active_directory(server_.options())) {}

namespace {
int next_number() {
  static int count = 0;  // the server is shared by all tests of the program
  return ++count;
}
}  // namespace

std::string SambaWorld::add_person() {
  std::string name = fmt::format("person{}", next_number());
  server_.call("add_user", {name});
  return name;
}

MadeComputer SambaWorld::add_computer(const ComputerSpec& spec) {
  nlohmann::json made{{"name", fmt::format("BOX{}", next_number())},
                      {"ou", spec.ou},
                      {"disabled", !spec.enabled},
                      {"critical", spec.is_critical},
                      {"protected", spec.is_protected},
                      {"children", std::vector<std::string>(static_cast<std::size_t>(spec.children), "service")}};
  if (!spec.dns.empty()) made["dns"] = spec.dns;
  if (spec.is_domain_controller) {
    made["uac"] = 0x2000 | 0x80000;
    made["primary_group"] = 516;
  }
  const auto answer = server_.call("add_computers", nlohmann::json::array({made}));
  return {.name = made.at("name"), .guid = answer.at(0).at("guid")};
}

void SambaWorld::touch(const MadeComputer& computer) {
  server_.call("modify", {server_.call("computer", {computer.name}).at("dn"), {{"description", "changed meanwhile"}}});
}

}  // namespace decom
