#include <doctest/doctest.h>

#include "common/base/text.hpp"
#include "tests/contract/directory_worlds.hpp"

using namespace decom;
using namespace std::string_literals;

namespace {

const Secret kPassword{"Passw0rd!"};

struct Expected {
  std::string what;
  std::string word;  ///< in the error's text
};
struct RefusedSpec {
  ComputerSpec spec;
  std::string word;
};

Computer only(std::vector<Computer> found) {
  REQUIRE(found.size() == 1);
  return std::move(found.front());
}

}  // namespace

TEST_CASE_TEMPLATE("a person is one, however the name is spelled", World, FakeWorld, SambaWorld) {
  World world;
  const std::string sid = world.sid("alice");
  for (const char* name : {"alice", "ALICE", "alice@corp.example.test", "Alice@CORP.example.test", "CORP\\alice",
                           "corp.example.test\\alice"}) {
    CAPTURE(name);
    const Person person = world.directory().authenticate(name, kPassword);
    CHECK(person.sid == sid);
    CHECK(person.sam == "alice");
    CHECK(person.upn == "alice@corp.example.test");
    CHECK(person.domain == "CORP");
  }
  const Person carol = world.directory().authenticate("carol.jones@example.test", kPassword);
  CHECK(carol.sid == world.sid("carol"));
  CHECK(carol.upn == "carol.jones@example.test");
  CHECK(world.directory().authenticate("carol@corp.example.test", kPassword).sid == carol.sid);
}

TEST_CASE_TEMPLATE("groups count through nesting and loops", World, FakeWorld, SambaWorld) {
  World world;
  Directory& directory = world.directory();
  const std::string operators = directory.group_sid("Decom Operators");
  const std::string approvers = directory.group_sid("Decom Approvers");
  const std::string everybody = directory.group_sid("Domain Users");

  const Person alice = directory.read_person(world.sid("alice"));
  CHECK(alice.group_sids.contains(operators));
  CHECK(alice.group_sids.contains(everybody));
  CHECK_FALSE(alice.group_sids.contains(approvers));
  CHECK_FALSE(alice.group_sids.contains(alice.sid));
  CHECK(directory.read_person(world.sid("zoe")).group_sids.contains(approvers));
  CHECK_FALSE(directory.read_person(world.sid("bob")).group_sids.contains(operators));
}

TEST_CASE_TEMPLATE("a wrong name and a wrong password are not told apart", World, FakeWorld, SambaWorld) {
  World world;
  const std::string person = world.add_person();
  const Thrown wrong = thrown_by([&] { world.directory().authenticate(person, Secret{"wrong"}); });
  CHECK(wrong.code == ErrorCode::unauthenticated);
  for (const std::string& name :
       {"nobody"s, "nobody@corp.example.test"s, "OTHER\\" + person, person + "@other.test", ""s, " "s, "WEB01$"s}) {
    CAPTURE(name);
    const Thrown unknown = thrown_by([&] { world.directory().authenticate(name, kPassword); });
    CHECK(unknown.code == ErrorCode::unauthenticated);
    CHECK(unknown.text == wrong.text);
  }
}

TEST_CASE_TEMPLATE("threat 13: an empty password and one with a NUL log nobody on", World, FakeWorld, SambaWorld) {
  World world;
  for (const std::string& password : {""s, "\0"s, "\0Passw0rd!"s, "Passw0rd!\0"s})
    CHECK(thrown_by([&] { world.directory().authenticate("alice", Secret{password}); }).code ==
          ErrorCode::unauthenticated);
}

TEST_CASE_TEMPLATE("threat 12: a name is only a name", World, FakeWorld, SambaWorld) {
  World world;
  for (const std::string& name : {"*"s, "a*"s, "*)(objectClass=*"s, "alice)(sAMAccountName=*"s, "alice\0"s, "\0"s,
                                  "\\"s, "CORP\\*"s, "*@corp.example.test"s, std::string(65'536, 'a'),
                                  std::string(65'536, '('), "\xff\xfe"s, "CN=alice,OU=People,DC=corp"s}) {
    CAPTURE(name.substr(0, 40));
    CHECK(thrown_by([&] { world.directory().authenticate(name, kPassword); }).code == ErrorCode::unauthenticated);
    CHECK(thrown_by([&] { (void)world.directory().group_sid(name); }).code == ErrorCode::not_found);
  }
  for (const std::string& name : {"*"s, "WEB*"s, "*)(objectClass=*"s, "WEB01)(cn=*"s, "WEB01\0"s, "\xff"s, "$(reboot)"s,
                                  "a;b"s, "x\ny"s, "\"},{\""s, "../../"s, "wéb"s, std::string(253, 'a')}) {
    CAPTURE(name);
    CHECK(world.directory().find_computers({name}).empty());
  }
  for (const std::string& name : {""s, std::string(65'536, 'a')})
    CHECK(thrown_by([&] { world.directory().find_computers({name}); }).code == ErrorCode::invalid);
}

TEST_CASE_TEMPLATE("an account that may not log on is told which it is", World, FakeWorld, SambaWorld) {
  World world;
  const std::vector<Expected> expected{
      {"dave", "disabled"}, {"erin", "expired"}, {"lou", "locked"}, {"mona", "must be changed"}};
  for (const Expected& each : expected) {
    const std::string& name = each.what;
    const std::string& word = each.word;
    CAPTURE(name);
    const Thrown login = thrown_by([&] { world.directory().authenticate(name, kPassword); });
    CHECK(login.code == ErrorCode::denied);
    CHECK(login.text.find(word) != std::string::npos);
    const Thrown later = thrown_by([&] { world.directory().read_person(world.sid(name)); });
    CHECK(later.code == ErrorCode::denied);
    CHECK(later.text.find(word) != std::string::npos);
  }
}

TEST_CASE_TEMPLATE("what changes while somebody is logged in shows at the next look", World, FakeWorld, SambaWorld) {
  World world;
  Directory& directory = world.directory();
  const std::string operators = directory.group_sid("Decom Operators");
  const std::string name = world.add_person();
  const std::string sid = directory.authenticate(name, kPassword).sid;
  CHECK_FALSE(directory.read_person(sid).group_sids.contains(operators));
  world.join("Linux Admins", name);
  CHECK(directory.read_person(sid).group_sids.contains(operators));
  world.leave("Linux Admins", name);
  CHECK_FALSE(directory.read_person(sid).group_sids.contains(operators));

  world.disable(name);
  CHECK(thrown_by([&] { directory.read_person(sid); }).code == ErrorCode::denied);
  const std::string locked = world.add_person();
  world.lock(locked);
  CHECK(thrown_by([&] { directory.read_person(world.sid(locked)); }).text.find("locked") != std::string::npos);
  const std::string expired = world.add_person();
  world.expire(expired);
  CHECK(thrown_by([&] { directory.read_person(world.sid(expired)); }).text.find("expired") != std::string::npos);

  CHECK(thrown_by([&] { directory.read_person("S-1-5-21-1-2-3-4"); }).code == ErrorCode::not_found);
}

TEST_CASE_TEMPLATE("a group is found by name or by SID", World, FakeWorld, SambaWorld) {
  World world;
  const std::string sid = world.directory().group_sid("Decom Operators");
  CHECK(sid.starts_with("S-1-5-21-"));
  CHECK(world.directory().group_sid("decom operators") == sid);
  CHECK(world.directory().group_sid("CORP\\Decom Operators") == sid);
  CHECK(world.directory().group_sid(sid) == sid);
  CHECK(thrown_by([&] { (void)world.directory().group_sid("No Such Group"); }).code == ErrorCode::not_found);
  CHECK(thrown_by([&] { (void)world.directory().group_sid("S-1-5-21-1-2-3-4"); }).code == ErrorCode::not_found);
  CHECK(thrown_by([&] { (void)world.directory().group_sid("alice"); }).code == ErrorCode::not_found);
}

TEST_CASE_TEMPLATE("a computer is found by account name or host name", World, FakeWorld, SambaWorld) {
  World world;
  Directory& directory = world.directory();
  const MadeComputer made = world.add_computer({.children = 2});
  const Computer computer = only(directory.find_computers({folded(made.name)}));
  CHECK(computer.guid == made.guid);
  CHECK(computer.sam == made.name + "$");
  CHECK(computer.dns_host_name == folded(made.name) + ".corp.example.test");
  CHECK(computer.dn == "CN=" + made.name + ",OU=Servers,DC=corp,DC=example,DC=test");
  CHECK(computer.operating_system == "Windows Server 2022 Standard");
  CHECK(computer.enabled);
  CHECK(computer.in_allowed_ou);
  CHECK_FALSE((computer.is_critical || computer.is_domain_controller || computer.is_protected));
  CHECK(computer.children.size() == 2);
  CHECK(computer.ldif.find("dn: " + computer.dn + "\n") != std::string::npos);
  CHECK(computer.ldif.find("service2") != std::string::npos);
  CHECK_FALSE(computer.change_mark.empty());

  CHECK(only(directory.find_computers({made.name + "$"})).guid == made.guid);
  CHECK(only(directory.find_computers({"x", computer.dns_host_name, made.name})).guid == made.guid);
  CHECK(directory.find_computers({made.name + "x"}).empty());
  CHECK(directory.find_computers({}).empty());
  const auto read = directory.read_computer(made.guid);
  REQUIRE(read);
  CHECK(read->dn == computer.dn);
  CHECK(read->change_mark == computer.change_mark);
  CHECK_FALSE(directory.read_computer("01234567-89ab-4def-8123-456789abcdef"));
}

TEST_CASE_TEMPLATE("every bearer of a host name is found", World, FakeWorld, SambaWorld) {
  World world;
  world.add_computer({.dns = "two-of-us.corp.example.test"});
  world.add_computer({.dns = "two-of-us.corp.example.test"});
  CHECK(world.directory().find_computers({"two-of-us.corp.example.test"}).size() == 2);
}

TEST_CASE_TEMPLATE("a computer says what it is", World, FakeWorld, SambaWorld) {
  World world;
  const auto look = [&](const ComputerSpec& spec) {
    return only(world.directory().find_computers({world.add_computer(spec).name}));
  };
  CHECK_FALSE(look({.enabled = false}).enabled);
  CHECK(look({.is_critical = true}).is_critical);
  CHECK(look({.is_domain_controller = true}).is_domain_controller);
  CHECK(look({.is_protected = true}).is_protected);
  CHECK_FALSE(look({.ou = "OU=Workstations"}).in_allowed_ou);
  CHECK(look({.ou = "OU=Linux,OU=Servers"}).in_allowed_ou);
}

TEST_CASE_TEMPLATE("a computer is removed with its children, and nothing else is", World, FakeWorld, SambaWorld) {
  World world;
  Directory& directory = world.directory();
  const MadeComputer neighbour = world.add_computer();
  for (const int children : {0, 1, 3}) {
    CAPTURE(children);
    const MadeComputer made = world.add_computer({.children = children});
    const Computer computer = only(directory.find_computers({made.name}));
    directory.remove_computer(computer);
    CHECK_FALSE(world.has(made));
    CHECK_FALSE(directory.read_computer(made.guid));
    CHECK(directory.find_computers({made.name}).empty());
    CHECK(thrown_by([&] { directory.remove_computer(computer); }).code == ErrorCode::gone);
  }
  CHECK(world.has(neighbour));
}

TEST_CASE_TEMPLATE("objects below a computer are removed one by one, each by itself", World, FakeWorld, SambaWorld) {
  World world;
  Directory& directory = world.directory();
  const MadeComputer made = world.add_computer({.children = 2});
  const Computer before = only(directory.find_computers({made.name}));
  REQUIRE(before.below.size() == 2);
  CHECK(before.below[0].dn == before.children[0]);
  CHECK(before.below[0].image.find("dn: " + before.below[0].dn) != std::string::npos);
  CHECK(before.image.find("sAMAccountName: " + made.name + "$") != std::string::npos);
  CHECK(before.image.find(before.below[0].dn) == std::string::npos);

  ComputerChild changed = before.below[1];
  changed.image += "# changed";
  CHECK(thrown_by([&] { directory.remove_child(made.guid, changed); }).code == ErrorCode::precondition);
  directory.remove_child(made.guid, before.below[1]);
  CHECK(thrown_by([&] { directory.remove_child(made.guid, before.below[1]); }).code == ErrorCode::gone);
  Computer after = only(directory.find_computers({made.name}));
  CHECK(after.below == std::vector{before.below[0]});
  CHECK(after.image == before.image);
  directory.remove_child(made.guid, before.below[0]);
  after = only(directory.find_computers({made.name}));
  CHECK(after.below.empty());
  directory.remove_computer(after);
  CHECK_FALSE(world.has(made));
  CHECK(thrown_by([&] { directory.remove_child(made.guid, before.below[0]); }).code == ErrorCode::gone);

  const MadeComputer kept = world.add_computer({.children = 1, .is_critical = true});
  const Computer critical = only(directory.find_computers({kept.name}));
  CHECK(thrown_by([&] { directory.remove_child(kept.guid, critical.below[0]); }).code == ErrorCode::refused);
  CHECK(only(directory.find_computers({kept.name})).below.size() == 1);
}

TEST_CASE_TEMPLATE("what must not be removed is refused and stays whole", World, FakeWorld, SambaWorld) {
  World world;
  const std::vector<RefusedSpec> expected{{{.children = 1, .is_critical = true}, "critical"},
                                          {{.children = 1, .is_domain_controller = true}, "domain controller"},
                                          {{.children = 1, .is_protected = true}, "protected"},
                                          {{.children = 1, .ou = "OU=Workstations"}, "outside"}};
  for (const RefusedSpec& each : expected) {
    const std::string& word = each.word;
    CAPTURE(word);
    const MadeComputer made = world.add_computer(each.spec);
    Computer computer = only(world.directory().find_computers({made.name}));
    // What the caller believes does not count.
    computer.is_critical = computer.is_domain_controller = computer.is_protected = false;
    computer.in_allowed_ou = true;
    const Thrown refusal = thrown_by([&] { world.directory().remove_computer(computer); });
    CHECK(refusal.code == ErrorCode::refused);
    CHECK(refusal.text.find(word) != std::string::npos);
    CHECK(world.directory().read_computer(made.guid)->children.size() == 1);
  }
}

TEST_CASE_TEMPLATE("a computer that changed since it was looked at is left alone", World, FakeWorld, SambaWorld) {
  World world;
  Directory& directory = world.directory();
  const MadeComputer changed = world.add_computer();
  const Computer before = only(directory.find_computers({changed.name}));
  world.touch(changed);
  CHECK(only(directory.find_computers({changed.name})).change_mark != before.change_mark);
  CHECK(thrown_by([&] { directory.remove_computer(before); }).code == ErrorCode::refused);
  CHECK(world.has(changed));

  const MadeComputer grown = world.add_computer({.children = 1});
  const Computer small = only(directory.find_computers({grown.name}));
  world.add_child(grown);
  const Thrown refusal = thrown_by([&] { directory.remove_computer(small); });
  CHECK(refusal.code == ErrorCode::refused);
  CHECK(refusal.text.find("child") != std::string::npos);
  CHECK(directory.read_computer(grown.guid)->children.size() == 2);
}

TEST_CASE_TEMPLATE("doctor learns which server answered", World, FakeWorld, SambaWorld) {
  World world;
  CHECK(world.directory().check().find("dc1.corp.example.test") != std::string::npos);
}
