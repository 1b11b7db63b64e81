#include "daemon/records/testimony.hpp"

#include <doctest/doctest.h>

using namespace decom;
using Texts = std::vector<std::string>;

namespace {

Machine web01() {
  Machine machine;
  machine.name = "WEB01";
  machine.guest_host_name = "web01.corp.example.test";
  machine.power = PowerState::on;
  machine.ip_addresses = {"10.0.0.1", "fe80::1", "2001:db8::1"};
  machine.bios_uuid = "42110001-0203-0405-0607-08090a0b0c0d";
  machine.identity.instance_uuid = "50110001-0203-0405-0607-08090a0b0c0d";
  return machine;
}

Record weighed(const Machine& machine, const Testimony& testimony) {
  Record record;
  weigh(machine, testimony, record);
  return record;
}

}  // namespace

TEST_CASE("what is searched for: each spelling of a name once, and no address that everybody has") {
  CHECK(names_to_find(web01()) == Texts{"WEB01", "web01", "web01.corp.example.test"});
  CHECK(addresses_to_find(web01()) == Texts{"10.0.0.1", "2001:db8::1"});
  CHECK(uuids_to_find(web01()).size() == 2);
}

TEST_CASE("name, whole host name, address and UUID are one fact each") {
  const Machine machine = web01();
  CHECK(weighed(machine, {.names = {"web01"}, .addresses = {}, .uuids = {}}).facts == Texts{"name WEB01"});
  CHECK(weighed(machine, {.names = {"web01", "Web01"}, .addresses = {"10.0.0.1", "2001:0db8::0001"}, .uuids = {}})
            .facts == Texts{"name WEB01", "address 10.0.0.1"});
  CHECK(weighed(machine, {.names = {"web01.CORP.example.test."}, .addresses = {}, .uuids = {}}).facts ==
        Texts{"host name web01.corp.example.test", "name WEB01"});
  CHECK(weighed(machine, {.names = {}, .addresses = {"10.0.0.1/24"}, .uuids = {}}).facts == Texts{"address 10.0.0.1"});
  const Texts same_uuid{"UUID 42110001-0203-0405-0607-08090a0b0c0d"};
  for (const char* uuid : {"42110001-0203-0405-0607-08090A0B0C0D", "01001142-0302-0504-0607-08090a0b0c0d",
                           "VMware-42 11 00 01 02 03 04 05-06 07 08 09 0a 0b 0c 0d"})
    CHECK(weighed(machine, {.names = {}, .addresses = {}, .uuids = {uuid}}).facts == same_uuid);
  Machine host_alone = machine;  // as somebody asks for one that is gone
  host_alone.name.clear();
  const Record by_host = weighed(host_alone, {.names = {"web01.corp.example.test"}, .addresses = {}, .uuids = {}});
  CHECK(by_host.facts == Texts{"host name web01.corp.example.test"});
  CHECK(by_host.against.empty());
}

TEST_CASE("a port is no part of a name or an address, and an address in the place of a name is an address") {
  const Machine machine = web01();
  const Record record = weighed(machine, {.names = {"web01.corp.example.test:9100"}, .addresses = {}, .uuids = {}});
  CHECK(record.facts == Texts{"host name web01.corp.example.test", "name WEB01"});
  CHECK(record.bears == Texts{"web01.corp.example.test", "web01"});
  for (const char* address : {"10.0.0.1:9100", "[2001:db8::1]:9100", "[2001:db8::1]", "2001:db8::1"}) {
    CHECK(weighed(machine, {.names = {address}, .addresses = {}, .uuids = {}}).facts.size() == 1);
    CHECK(weighed(machine, {.names = {}, .addresses = {address}, .uuids = {}}).facts.size() == 1);
    CHECK(weighed(machine, {.names = {address}, .addresses = {address}, .uuids = {}}).facts.size() == 1);
  }
  CHECK(weighed(machine, {.names = {"10.0.0.9:9100"}, .addresses = {}, .uuids = {}}).against ==
        Texts{"its address is 10.0.0.9, the machine's is 10.0.0.1"});
  for (const char* name : {"web01:", ":9100", "web01:x", "web01:9100:1"})
    CHECK(weighed(machine, {.names = {name}, .addresses = {}, .uuids = {}}).facts.empty());
}

TEST_CASE("names that can be host names") {
  Machine machine = web01();
  CHECK(dns_names_to_find(machine) == Texts{"web01", "web01.corp.example.test"});
  machine.name = "web 01 (old)/x";
  machine.guest_host_name = "WEB01.corp.example.test.";
  CHECK(dns_names_to_find(machine) == Texts{"web01.corp.example.test", "web01"});
  machine.name = "10.0.0.1";
  machine.guest_host_name.clear();
  CHECK(dns_names_to_find(machine).empty());
}

TEST_CASE(
    "a MAC address is a fact however it is written, and another one speaks against, also of a machine that is off") {
  Machine machine = web01();
  machine.power = PowerState::off;
  machine.mac_addresses = {"00:50:56:8a:0b:1c", "00:50:56:8a:0b:1d"};
  CHECK(macs_to_find(machine) == machine.mac_addresses);
  const auto of = [&](const Texts& macs) {
    return weighed(machine, {.names = {}, .addresses = {}, .uuids = {}, .macs = macs});
  };
  for (const char* mac : {"00:50:56:8a:0b:1d", "00-50-56-8A-0B-1D", "0050.568a.0b1d"})
    CHECK(of({mac}).facts == Texts{"MAC address 00:50:56:8a:0b:1d"});
  CHECK(of({"00:50:56:8a:0b:1c", "02:42:ac:11:00:02"}).against.empty());
  CHECK(of({"02:42:ac:11:00:02"}).against ==
        Texts{"its MAC address is 02:42:ac:11:00:02, the machine's is 00:50:56:8a:0b:1c"});
  for (const char* none : {"00:00:00:00:00:00", "unknown", ""}) {
    CHECK(of({none}).facts.empty());
    CHECK(of({none}).against.empty());
  }
  machine.mac_addresses.clear();  // nobody told us: then it says nothing
  CHECK(of({"02:42:ac:11:00:02"}).against.empty());
}

TEST_CASE("a managed object is a fact only within its vCenter") {
  Machine machine = web01();
  machine.identity = {.vcenter_uuid = "aaaaaaaa-0000-4000-8000-000000000001", .moref = "vm-7870", .instance_uuid = {}};
  const auto of = [&](const char* moref, const char* vcenter) {
    return weighed(machine,
                   {.names = {}, .addresses = {}, .uuids = {}, .macs = {}, .morefs = {moref}, .vcenter_uuid = vcenter});
  };
  CHECK(of("vm-7870", "AAAAAAAA-0000-4000-8000-000000000001").facts == Texts{"managed object vm-7870"});
  CHECK(of("vm-787", "aaaaaaaa-0000-4000-8000-000000000001").against ==
        Texts{"it is vm-787 of its vCenter, the machine is vm-7870"});
  CHECK(of("vm-7870", "bbbbbbbb-0000-4000-8000-000000000001").against == Texts{"it is of another vCenter"});
  CHECK(of("vm-7870", "bbbbbbbb-0000-4000-8000-000000000001").facts.empty());
  machine.identity = {};  // of a machine that is gone nobody knows it any more
  CHECK(of("vm-7870", "aaaaaaaa-0000-4000-8000-000000000001").against.empty());
}

TEST_CASE("what differs speaks against, and outweighs all facts") {
  const Machine machine = web01();
  CHECK(weighed(machine, {.names = {"db07"}, .addresses = {"10.0.0.1"}, .uuids = {}}).against ==
        Texts{"it is called db07"});
  CHECK(weighed(machine, {.names = {"web010"}, .addresses = {}, .uuids = {}}).facts.empty());
  CHECK(weighed(machine, {.names = {"web01"}, .addresses = {"10.0.0.9"}, .uuids = {}}).against ==
        Texts{"its address is 10.0.0.9, the machine's is 10.0.0.1"});
  CHECK(weighed(machine, {.names = {"web01.other.test"}, .addresses = {"10.0.0.1"}, .uuids = {}}).against ==
        Texts{"its host name is web01.other.test, the machine's is web01.corp.example.test"});
  const Record other =
      weighed(machine, {.names = {"web01"}, .addresses = {"10.0.0.1"}, .uuids = {std::string(32, 'a')}});
  CHECK(other.against == Texts{"its UUID is another"});
  CHECK(other.facts.size() == 2);
  CHECK_FALSE(other.is_proven());
  CHECK(weighed(machine, {.names = {"web01"}, .addresses = {"127.0.0.1", "unset"}, .uuids = {"n/a"}}).against.empty());
}

TEST_CASE("a thing that is called by its address says nothing of its name") {
  const Record record =
      weighed(web01(), {.names = {"10.0.0.9", "2001:db8::9"}, .addresses = {"10.0.0.1"}, .uuids = {}});
  CHECK(record.facts == Texts{"address 10.0.0.1"});
  CHECK(record.against.empty());
  CHECK(record.bears == Texts{"10.0.0.1", "10.0.0.9", "2001:db8::9"});
}

TEST_CASE("what a guest that was off is said to have been called proves nothing") {
  Machine machine = web01();
  machine.power = PowerState::off;
  const Record record =
      weighed(machine, {.names = {"web01.corp.example.test"}, .addresses = {"10.0.0.1"}, .uuids = {}});
  CHECK(record.facts == Texts{"name WEB01"});
  CHECK(record.bears == Texts{"web01.corp.example.test", "web01", "10.0.0.1"});
}
