#include "daemon/records/dns_evidence.hpp"

#include <map>

#include <doctest/doctest.h>

using namespace decom;
using namespace decom::dns;
using Lines = std::vector<std::string>;

namespace {

struct Fixture {
  Bearer bearer{.names = {Name::parse("web01.lab.test").value()}, .addresses = {"10.0.2.1", "fd02::1"}};
  Protected kept{.zones = {Name::parse("lab.test").value()},
                 .servers = {Name::parse("ns1.lab.test").value()},
                 .never = {"dc*", "*.keep.lab.test"}};
  std::map<std::string, Lines> addresses{{"web01.lab.test.", {"10.0.2.1"}}};

  Record judged(const std::string& id) {
    return judge(Rr::from_id(id).value(), bearer, kept, [this](const Name& asked) { return addresses[asked.text()]; });
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an address is proven by its name and itself") {
  const Record own = judged("web01.lab.test. A 10.0.2.1");
  CHECK(own.is_proven());
  CHECK(own.facts == Lines{"name web01.lab.test", "address 10.0.2.1"});
  CHECK(own.bears == Lines{"web01.lab.test", "web01", "10.0.2.1"});
  CHECK(own.what == "A web01.lab.test 10.0.2.1");
  CHECK(judged("web01.lab.test. AAAA fd02::1").is_proven());

  CHECK(judged("web01.lab.test. A 10.0.2.2").against == Lines{"its address is another: 10.0.2.2"});
  CHECK(judged("web02.lab.test. A 10.0.2.1").against == Lines{"its name is another: web02.lab.test"});
  CHECK_FALSE(judged("web02.lab.test. A 10.0.2.1").is_proven());
}

TEST_CASE_FIXTURE(Fixture, "without any address of the machine nothing is proven, and nothing speaks against it") {
  bearer.addresses.clear();
  const Record record = judged("web01.lab.test. A 10.0.2.1");
  CHECK(record.facts == Lines{"name web01.lab.test"});
  CHECK(record.against.empty());
}

TEST_CASE_FIXTURE(Fixture, "a PTR is proven by its address and the name that it leads to") {
  CHECK(judged("1.2.0.10.in-addr.arpa. PTR web01.lab.test.").facts == Lines{"address 10.0.2.1", "name web01.lab.test"});
  CHECK(judged("1.0/26.2.0.10.in-addr.arpa. PTR web01.lab.test.").is_proven());
  CHECK(judged("1.2.0.10.in-addr.arpa. PTR web02.lab.test.").against ==
        Lines{"it leads to another name: web02.lab.test"});
  const Record moved = judged("2.2.0.10.in-addr.arpa. PTR web01.lab.test.");
  CHECK(moved.facts == Lines{"name web01.lab.test"});
  CHECK(moved.against == Lines{"its address is another"});
}

TEST_CASE_FIXTURE(Fixture, "an alias is proven by where it leads, and that only the machine is there") {
  CHECK(judged("www.lab.test. CNAME web01.lab.test.").facts == Lines{"leads to web01.lab.test", "address 10.0.2.1"});
  CHECK_FALSE(judged("www.lab.test. CNAME web02.lab.test.").is_proven());
  CHECK_FALSE(judged("web01.lab.test. CNAME web02.lab.test.").is_proven());

  addresses["web01.lab.test."] = {"10.0.2.1", "10.0.2.9"};
  CHECK(judged("www.lab.test. CNAME web01.lab.test.").against ==
        Lines{"the name it leads to has another address too: 10.0.2.9"});
  addresses["web01.lab.test."] = {};
  CHECK_FALSE(judged("www.lab.test. CNAME web01.lab.test.").is_proven());
}

TEST_CASE_FIXTURE(Fixture, "what describes a name is proven where only the machine bears it") {
  CHECK(judged("web01.lab.test. TXT \"note\"").facts == Lines{"name web01.lab.test", "address 10.0.2.1"});
  CHECK(judged("web01.lab.test. SSHFP 4 2 aaaa").is_proven());
  CHECK_FALSE(judged("web02.lab.test. TXT \"note\"").is_proven());
  addresses["web01.lab.test."] = {"10.0.2.9"};
  CHECK_FALSE(judged("web01.lab.test. TXT \"note\"").is_proven());
  addresses["web01.lab.test."] = {};
  CHECK_FALSE(judged("web01.lab.test. TXT \"note\"").is_proven());
}

TEST_CASE_FIXTURE(Fixture,
                  "zones, name servers and what an administrator keeps are forbidden, as names and as targets") {
  CHECK(judged("web01.lab.test. A 10.0.2.1").forbidden == "");
  CHECK(judged("lab.test. A 10.0.2.1").forbidden == "lab.test is a zone itself");
  CHECK(judged("ns1.lab.test. A 10.0.2.1").forbidden == "ns1.lab.test is a name server of its zone");
  CHECK(judged("1.2.0.10.in-addr.arpa. PTR ns1.lab.test.").forbidden != "");
  CHECK(judged("dc1.lab.test. A 10.0.2.1").forbidden == "dc1.lab.test must never be touched (never = \"dc*\")");
  CHECK(judged("x.keep.lab.test. A 10.0.2.1").forbidden != "");
  CHECK(judged("www.lab.test. CNAME dc7.lab.test.").forbidden != "");
  CHECK(judged("notdc1.lab.test. A 10.0.2.1").forbidden == "");
}
