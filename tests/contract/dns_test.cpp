#include <algorithm>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/contract/dns_worlds.hpp"

using namespace decom;
using Lines = std::vector<std::string>;

namespace {

const Record* of_id(const std::vector<Record>& records, const std::string& id) {
  const auto found = std::ranges::find(records, id, &Record::id);
  return found == records.end() ? nullptr : &*found;
}

Lines ids(const std::vector<Record>& records) {
  Lines all;
  for (const Record& record : records) all.push_back(record.id);
  return all;
}

/// Makes everything that a machine of a world can have; what find must answer, in that order.
template <typename World>
Lines furnish(const Box& box) {
  Lines changes{fmt::format("add {} 300 A {}", box.name, box.v4), fmt::format("add {} 300 AAAA {}", box.name, box.v6),
                fmt::format("add {} 300 TXT \"owner ops\"", box.name)};
  Lines expected;
  if constexpr (World::kMayTransfer) {
    changes.push_back(fmt::format("add alias-{}.{} 300 CNAME {}.", box.label, World::zone(), box.name));
    expected.push_back(fmt::format("alias-{}.{}. CNAME {}.", box.label, World::zone(), box.name));
  }
  if constexpr (World::kHasSshfp) {
    changes.push_back(fmt::format("add {} 300 SSHFP 4 2 {}", box.name, std::string(64, 'a')));
    expected.push_back(fmt::format("{}. SSHFP 4 2 {}", box.name, std::string(64, 'a')));
  }
  expected.push_back(fmt::format("{}. TXT \"owner ops\"", box.name));
  changes.push_back(fmt::format("add {} 300 PTR {}.", box.v4_reverse, box.name));
  expected.push_back(fmt::format("{}. PTR {}.", box.v4_reverse, box.name));
  if constexpr (World::kHasReverse6) {
    const std::string v6_reverse =
        fmt::format("{:x}.{:x}.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.d.f.ip6.arpa", box.number & 0xf,
                    box.number >> 4);
    changes.push_back(fmt::format("add {} 300 PTR {}.", v6_reverse, box.name));
    expected.push_back(fmt::format("{}. PTR {}.", v6_reverse, box.name));
  }
  expected.push_back(fmt::format("{}. A {}", box.name, box.v4));
  expected.push_back(fmt::format("{}. AAAA {}", box.name, box.v6));
  World::change(changes);
  return expected;
}

}  // namespace

TYPE_TO_STRING(BindTsig);
TYPE_TO_STRING(BindGss);
TYPE_TO_STRING(SambaGss);
#define EVERYWHERE BindTsig, BindGss, SambaGss

TEST_CASE_TEMPLATE("all records of a machine are found with two facts each, and removed one by one", World,
                   EVERYWHERE) {
  const Box box = next_box(World::zone());
  const Box neighbour = next_box(World::zone());
  const Lines expected = furnish<World>(box);
  furnish<World>(neighbour);
  const auto dns = make_dns(World::definition());

  const auto found = dns->find(box.machine(), dns_call());
  CHECK(ids(found) == expected);
  for (const Record& record : found) {
    CAPTURE(record.id);
    CHECK(record.is_proven());
    CHECK(record.forbidden == "");
    const auto again = dns->read(box.machine(), record.id, dns_call());
    REQUIRE(again);
    CHECK(*again == record);
    CHECK(dns->remove(box.machine(), record, dns_call()) == "deleted");
    CHECK_FALSE(dns->read(box.machine(), record.id, dns_call()));
    CHECK(dns_thrown_by([&] { dns->remove(box.machine(), record, dns_call()); }).code == ErrorCode::gone);
  }
  CHECK(dns->find(box.machine(), dns_call()).empty());

  for (const char* type : {"A", "AAAA", "TXT", "SSHFP"}) CHECK(World::dig(box.name, type) == Lines{});
  CHECK(World::dig(neighbour.name, "A") == Lines{neighbour.v4});
  CHECK(World::dig(neighbour.name, "AAAA") == Lines{neighbour.v6});
  CHECK(World::dig(neighbour.name, "TXT") == Lines{"\"owner ops\""});
  CHECK(World::dig(box.v4_reverse, "PTR") == Lines{});
  CHECK(World::dig(neighbour.v4_reverse, "PTR") == Lines{neighbour.name + "."});
}

TEST_CASE_TEMPLATE("another host's address under the same name is left, and its own goes alone", World, EVERYWHERE) {
  const Box box = next_box(World::zone());
  World::change({fmt::format("add {} 300 A {}", box.name, box.v4), fmt::format("add {} 300 A 10.0.2.250", box.name),
                 fmt::format("add {} 300 TXT \"shared\"", box.name)});
  const auto dns = make_dns(World::definition());

  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 3);
  const Record* own = of_id(found, fmt::format("{}. A {}", box.name, box.v4));
  const Record* foreign = of_id(found, fmt::format("{}. A 10.0.2.250", box.name));
  const Record* text = of_id(found, fmt::format("{}. TXT \"shared\"", box.name));
  REQUIRE((own && foreign && text));
  CHECK(own->is_proven());
  CHECK(foreign->facts == Lines{"name " + box.name});
  CHECK(foreign->against == Lines{"its address is another: 10.0.2.250"});
  CHECK_FALSE(text->is_proven());

  CHECK(dns->remove(box.machine(), *own, dns_call()) == "deleted");
  CHECK(World::dig(box.name, "A") == Lines{"10.0.2.250"});
}

TEST_CASE_TEMPLATE("a record that says something else by now is not removed", World, EVERYWHERE) {
  const Box box = next_box(World::zone());
  World::change({fmt::format("add {} 300 A {}", box.name, box.v4)});
  const auto dns = make_dns(World::definition());
  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 1);

  World::change({fmt::format("delete {} A {}", box.name, box.v4), fmt::format("add {} 600 A {}", box.name, box.v4)});
  const auto refused = dns_thrown_by([&] { dns->remove(box.machine(), found[0], dns_call()); });
  CHECK(refused.code == ErrorCode::precondition);
  CHECK(World::dig(box.name, "A") == Lines{box.v4});

  World::change({fmt::format("delete {} A {}", box.name, box.v4), fmt::format("add {} 300 A 10.0.2.251", box.name)});
  CHECK(dns_thrown_by([&] { dns->remove(box.machine(), found[0], dns_call()); }).code == ErrorCode::gone);
  CHECK(World::dig(box.name, "A") == Lines{"10.0.2.251"});
}

TEST_CASE_TEMPLATE("a check tries the key and reads every zone", World, EVERYWHERE) {
  nlohmann::json definition = World::definition();
  definition["zones"] = {World::zone()};
  const std::string said = make_dns(definition)->check(dns_call());
  CHECK(said.starts_with("zone " + World::zone() + ", serial "));
  CHECK(said.find(" accepted by ") != std::string::npos);
}

TEST_CASE_TEMPLATE("of several names that an address leads to, its own goes alone", World, EVERYWHERE) {
  const Box box = next_box(World::zone());
  World::change({fmt::format("add {} 300 A {}", box.name, box.v4),
                 fmt::format("add {} 300 PTR {}.", box.v4_reverse, box.name),
                 fmt::format("add {} 300 PTR shared.{}.", box.v4_reverse, World::zone())});
  const auto dns = make_dns(World::definition());
  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 3);
  const Record* own = of_id(found, fmt::format("{}. PTR {}.", box.v4_reverse, box.name));
  const Record* foreign = of_id(found, fmt::format("{}. PTR shared.{}.", box.v4_reverse, World::zone()));
  REQUIRE((own && foreign));
  CHECK(own->is_proven());
  CHECK(foreign->facts == Lines{"address " + box.v4});
  CHECK_FALSE(foreign->is_proven());

  CHECK(dns->remove(box.machine(), *own, dns_call()) == "deleted");
  CHECK(World::dig(box.v4_reverse, "PTR") == Lines{"shared." + World::zone() + "."});
}

TEST_CASE("names of others that lead to the machine are found in whole zones, and proven or left") {
  const Box box = next_box("lab.example.test");
  const Box other = next_box("lab.example.test");
  BindTsig::change({fmt::format("add {} 300 A {}", box.name, box.v4),
                    fmt::format("add www-{}.lab.example.test 300 CNAME {}.", box.label, box.name),
                    fmt::format("add old-{}.lab.example.test 300 A {}", box.label, box.v4),
                    fmt::format("add {} 300 CNAME {}.", other.name, box.name)});
  const auto dns = make_dns(BindTsig::definition());
  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 4);
  const Record* alias = of_id(found, fmt::format("www-{}.lab.example.test. CNAME {}.", box.label, box.name));
  const Record* old = of_id(found, fmt::format("old-{}.lab.example.test. A {}", box.label, box.v4));
  REQUIRE((alias && old));
  CHECK(alias->facts == Lines{"leads to " + box.name, "address " + box.v4});
  CHECK(alias->is_proven());
  CHECK_FALSE(old->is_proven());
  CHECK(old->against == Lines{fmt::format("its name is another: old-{}.lab.example.test", box.label)});
}

TEST_CASE("what keeps other DHCP clients from a name goes with its addresses, and with those alone") {
  const Box box = next_box("lab.example.test");
  const std::string id = fmt::format("{}. DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=", box.name);
  BindTsig::change({fmt::format("add {} 300 A {}", box.name, box.v4),
                    fmt::format("add {} 300 DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=", box.name)});
  const auto dns = make_dns(BindTsig::definition());
  auto found = dns->find(box.machine(), dns_call());
  REQUIRE(ids(found) == Lines{id, fmt::format("{}. A {}", box.name, box.v4)});
  CHECK(found[0].facts == Lines{"name " + box.name, "address " + box.v4});
  CHECK(dns->read(box.machine(), id, dns_call()) == found[0]);

  BindTsig::change({fmt::format("add {} 300 A 10.0.2.254", box.name)});
  found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 3);
  CHECK_FALSE(found[0].is_proven());
  CHECK(found[0].against == Lines{"that name has another address too: 10.0.2.254"});

  BindTsig::change({fmt::format("delete {} A 10.0.2.254", box.name)});
  found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 2);
  CHECK(dns->remove(box.machine(), found[0], dns_call()) == "deleted");
  CHECK(BindTsig::dig(box.name, "DHCID").empty());
  CHECK(BindTsig::dig(box.name, "A") == Lines{box.v4});
  CHECK(dns_thrown_by([&] { dns->remove(box.machine(), found[0], dns_call()); }).code == ErrorCode::gone);
}

TEST_CASE("a service that leads to the machine is shown, and never removed") {
  const Box box = next_box("lab.example.test");
  const std::string service = fmt::format("_http._tcp.{}.lab.example.test", box.label);
  BindTsig::change({fmt::format("add {} 300 A {}", box.name, box.v4),
                    fmt::format("add {} 300 SRV 0 5 80 {}.", service, box.name),
                    fmt::format("add {} 300 SRV 0 5 80 {}.", service, next_box("lab.example.test").name)});
  const auto dns = make_dns(BindTsig::definition());
  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 2);
  const Record* srv = of_id(found, fmt::format("{}. SRV 0 5 80 {}.", service, box.name));
  REQUIRE(srv);
  CHECK(srv->facts == Lines{"leads to " + box.name});
  CHECK(srv->against == Lines{"it is a service's, to be removed by whoever runs that service"});
  CHECK(dns->read(box.machine(), srv->id, dns_call()) == *srv);
  CHECK(dns_thrown_by([&] { dns->remove(box.machine(), *srv, dns_call()); }).code == ErrorCode::refused);
  CHECK(BindTsig::dig(service, "SRV").size() == 2);
}

TEST_CASE("an alias is found at the end of a zone that comes in many messages, each signed") {
  const DnsServer server({"--zones", R"({"lab.example.test": {"records": ["$GENERATE 1-20000 filler$ A 10.7.0.1",
      "box A 10.7.0.2", "zzz-last CNAME box"]}})"});
  const nlohmann::json definition{{"server", server.text("server")},
                                  {"zones", {"lab.example.test"}},
                                  {"tsig", {{"name", "decom-key"}, {"secret_file", server.key("decom-key")}}}};
  Lines said;
  const auto found = make_dns(definition)->find({.name = "box", .ip_addresses = {"10.7.0.2"}}, dns_call(&said));
  CHECK(said.empty());
  CHECK(ids(found) ==
        Lines{"zzz-last.lab.example.test. CNAME box.lab.example.test.", "box.lab.example.test. A 10.7.0.2"});
}

TEST_CASE("where a transfer is not permitted it is said, and the machine's own names are found") {
  const Box box = next_box("lab.example.test");
  BindGss::change({fmt::format("add {} 300 A {}", box.name, box.v4)});
  Lines said;
  nlohmann::json definition = BindGss::definition();
  definition["zones"] = {"lab.example.test"};
  CHECK(make_dns(definition)->find(box.machine(), dns_call(&said)).size() == 1);
  REQUIRE(said.size() == 1);
  CHECK(said[0].find("aliases and services in lab.example.test were not looked for") != std::string::npos);

  said.clear();
  definition["transfer"] = false;
  CHECK(make_dns(definition)->find(box.machine(), dns_call(&said)).size() == 1);
  CHECK(said.empty());
}

TEST_CASE("what must never be touched is found, forbidden, and refused again when it is to be removed") {
  const Box box = next_box("lab.example.test");
  BindTsig::change({fmt::format("add {} 300 A {}", box.name, box.v4)});
  nlohmann::json definition = BindTsig::definition();
  definition["never"] = {"dc*", box.label + ".*"};
  const auto dns = make_dns(definition);
  const auto found = dns->find(box.machine(), dns_call());
  REQUIRE(found.size() == 1);
  CHECK(found[0].is_proven());
  CHECK(found[0].forbidden.find("must never be touched") != std::string::npos);
  CHECK(dns_thrown_by([&] { dns->remove(box.machine(), found[0], dns_call()); }).code == ErrorCode::refused);
  CHECK(BindTsig::dig(box.name, "A") == Lines{box.v4});

  const Machine server{.name = "ns1", .ip_addresses = {BindTsig::server().text("address")}};
  const auto own = make_dns(BindTsig::definition())->find(server, dns_call());
  REQUIRE(own.size() == 1);
  CHECK(own[0].forbidden == "ns1.lab.example.test is a name server of its zone");
}

TEST_CASE("a name that is syntax somewhere finds nothing of others") {
  const Box box = next_box("lab.example.test");
  const Lines expected = furnish<BindTsig>(box);
  const auto dns = make_dns(BindTsig::definition());
  for (const std::string& name :
       {std::string{"*)(cn=*"}, std::string{"$(reboot)"}, std::string{"a;b"}, std::string{"x\ny"},
        std::string{"\"},{\""}, std::string{"../../"}, std::string{"*"}, std::string{"*.lab.example.test"},
        std::string{"@"}, std::string{"\\042"}, std::string(253, 'a'), std::string{"wéb"}}) {
    CAPTURE(name);
    const Machine machine{.name = name, .guest_host_name = "nobody.lab.example.test", .ip_addresses = {"10.0.2.254"}};
    CHECK(ids(dns->find(machine, dns_call())) == Lines{});
  }
  CHECK(ids(dns->find(box.machine(), dns_call())) == expected);
  const Machine unknown{.name = "web server (old)", .guest_host_name = "$(reboot)", .ip_addresses = {"127.0.0.1"}};
  CHECK(dns_thrown_by([&] { (void)dns->find(unknown, dns_call()); }).code == ErrorCode::ambiguous);
}

TEST_CASE("a controller of the domain keeps its address") {
  DomainServer& domain = kerberos_domain();
  const Machine dc{.name = "DC1", .guest_host_name = domain.text("host"), .ip_addresses = {"10.9.9.9"}};
  const auto found = make_dns(SambaGss::definition())->find(dc, dns_call());
  REQUIRE_FALSE(found.empty());
  for (const Record& record : found) CHECK(record.forbidden.find("is a name server of its zone") != std::string::npos);
}
