#include <doctest/doctest.h>

#include "common/base/error.hpp"
#include "daemon/records/dns_evidence.hpp"
#include "daemon/records/dns_link.hpp"
#include "daemon/records/dns_name.hpp"
#include "daemon/records/dns_rr.hpp"

using namespace decom;
using namespace decom::dns;

namespace {
Name name(std::string_view text) { return Name::parse(text).value(); }
}  // namespace

TEST_CASE("a name is its letters in lower case, with the last dot") {
  CHECK(name("Web01.LAB.example.test").text() == "web01.lab.example.test.");
  CHECK(name("web01.lab.example.test.") == name("WEB01.lab.example.test"));
  CHECK(name("web_01.lab.test").bare() == "web_01.lab.test");
}

TEST_CASE("what is no name is none, whoever wrote it") {
  using namespace std::string_literals;
  const std::string label(63, 'a');
  for (const std::string& bad : {""s, "."s, "a..b"s, ".a"s, "a b"s, "a\nb"s, "a\0b"s, "a.b\n"s, "web01 (old)"s,
                                 "a\\.b"s, "a;b"s, "ä.test"s, "*.lab.test"s, "a\"b"s, "$ORIGIN"s, "@"s,
                                 label + "a.test", label + "." + label + "." + label + "." + label + ".test"}) {
    CAPTURE(bad);
    CHECK_FALSE(Name::parse(bad));
  }
  CHECK(Name::parse(label + ".test"));
  CHECK_FALSE(Name::below("a.b", name("lab.test")));
  CHECK_FALSE(Name::below(label, name(label + "." + label + "." + label)));
}

TEST_CASE("a name lies in the nearest zone, and never in one that it only ends like") {
  const std::vector<Name> zones{name("example.test"), name("lab.example.test")};
  CHECK(zone_of(name("web01.lab.example.test"), zones)->bare() == "lab.example.test");
  CHECK(zone_of(name("web01.xlab.example.test"), zones)->bare() == "example.test");
  CHECK(zone_of(name("lab.example.test"), zones)->bare() == "lab.example.test");
  CHECK(zone_of(name("web01.myexample.test"), zones) == nullptr);
  CHECK_FALSE(Name::from_answer("a\\.lab.example.test.").is_at_or_below(zones[1]));
}

TEST_CASE("an address has one spelling, and those that say nothing about their bearer are none") {
  CHECK(machine_address("10.0.2.1") == "10.0.2.1");
  CHECK(machine_address("FD02:0:0::0001") == "fd02::1");
  using namespace std::string_literals;
  for (const std::string& none : {"127.0.0.1"s, "169.254.7.7"s, "fe80::1"s, "::1"s, "::"s, "0.0.0.0"s, "10.0.2"s,
                                  "10.0.2.1/24"s, "x"s, ""s, "ff02::1"s, "fd02::1\0x"s, "10.0.2.1\0"s}) {
    CAPTURE(none);
    CHECK_FALSE(machine_address(none));
  }
  CHECK(reverse_name("10.0.2.1").text() == "1.2.0.10.in-addr.arpa.");
  CHECK(reverse_name("fd02::1f").text() == "f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.d.f.ip6.arpa.");
}

TEST_CASE("an id names one record, and nothing else is taken for one") {
  for (const char* id :
       {"web01.lab.test. A 10.0.2.1", "web01.lab.test. AAAA fd02::1", "a.lab.test. CNAME b.lab.test.",
        "1.2.0.10.in-addr.arpa. PTR web01.lab.test.", "1.0/26.2.0.10.in-addr.arpa. PTR web01.lab.test.",
        "web01.lab.test. TXT \"two\" \"words; and \\\"more\\\"\"", "odd\\032name.lab.test. TXT \"x\""}) {
    CAPTURE(id);
    const auto rr = Rr::from_id(id);
    REQUIRE(rr);
    CHECK(rr->id() == id);
  }
  for (const char* id : {"", "web01", "web01.lab.test. A", "web01.lab.test. A 10.0.2.1 ", "web01.lab.test.  A 10.0.2.1",
                         "web01.lab.test. A 10.0.2.1\n", "WEB01.lab.test. A 10.0.2.1", "web01.lab.test. ANY x",
                         "web01.lab.test. NS b.", "web01.lab.test. A 10.0.2.1 ; note", "$INCLUDE A 10.0.2.1"}) {
    CAPTURE(id);
    CHECK_FALSE(Rr::from_id(id));
  }
}

TEST_CASE("a server is an address or a name, and perhaps a port") {
  CHECK(dns::Server::parse("10.0.0.53").port == 53);
  CHECK(dns::Server::parse("dns1.corp.example.test:5353").host == "dns1.corp.example.test");
  CHECK(dns::Server::parse("dns1.corp.example.test:5353").port == 5353);
  CHECK(dns::Server::parse("fd00::53").host == "fd00::53");
  CHECK(dns::Server::parse("[fd00::53]:54").host == "fd00::53");
  CHECK(dns::Server::parse("[fd00::53]:54").port == 54);
  for (const char* bad :
       {"", "a b", "host:", "host:0", "host:99999", "host:5x", "[fd00::53", "[fd00::53]x", "[fd00::53]:", "dns://a"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS((void)dns::Server::parse(bad), Error);
  }
}

TEST_CASE("a machine is known by whole names in the zones, and by short ones in every forward zone") {
  const std::vector<Name> zones{name("lab.test"), name("prod.test"), name("2.0.10.in-addr.arpa")};
  const auto names = [&](const std::string& vm, const std::string& guest) {
    std::vector<std::string> bare;
    for (const Name& one : bearer_of({.name = vm, .guest_host_name = guest}, zones).names) bare.push_back(one.bare());
    return bare;
  };
  using Names = std::vector<std::string>;
  CHECK(names("web01", "WEB01.lab.test") == Names{"web01.lab.test", "web01.prod.test"});
  CHECK(names("Web server (old)", "web01") == Names{"web01.lab.test", "web01.prod.test"});
  CHECK(names("x y", "web01.lab.test") == Names{"web01.lab.test"});
  CHECK(names("x y", "web01.elsewhere.test").empty());
  CHECK(names("_ldap", "1.2.0.10.in-addr.arpa").empty());
  CHECK(names("a/b", "").empty());
  CHECK(bearer_of({.ip_addresses = {"10.0.2.1", "fe80::1", "FD02::1", "10.0.2.1"}}, zones).addresses ==
        Names{"10.0.2.1", "fd02::1"});
}
