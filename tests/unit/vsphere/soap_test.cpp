#include "daemon/vsphere/soap.hpp"

#include <doctest/doctest.h>

#include "daemon/vsphere/machine_facts.hpp"
#include "daemon/vsphere/places.hpp"
#include "daemon/vsphere/properties.hpp"
#include "daemon/vsphere/tasks.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom::vsphere {
namespace {

std::string envelope(const std::string& body) {
  return "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" "
         "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>" +
         body + "</soapenv:Body></soapenv:Envelope>";
}

SoapFault fault_in(const std::string& detail) {
  const auto reply = read_reply(
      read_document(envelope("<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>words</faultstring>"
                             "<detail>" +
                             detail + "</detail></soapenv:Fault>")),
      "PowerOffVM_Task");
  REQUIRE(reply.fault);
  return *reply.fault;
}

TEST_CASE("a fault is known by its type, whatever the prefixes are called") {
  CHECK(fault_in("<InvalidPowerStateFault xmlns='urn:vim25' xsi:type='InvalidPowerState'/>").name ==
        "InvalidPowerState");
  CHECK(fault_in("<v:InvalidPowerStateFault xmlns:v='urn:vim25' "
                 "xmlns:XMLSchema-instance='http://www.w3.org/2001/XMLSchema-instance' "
                 "XMLSchema-instance:type='v:InvalidPowerState'/>")
            .name == "InvalidPowerState");
  CHECK(fault_in("<NotAuthenticatedFault/>").name == "NotAuthenticated");
  // "xsi:" that is bound to something else is no type.
  CHECK(fault_in("<TaskInProgressFault xmlns:xsi='urn:other' xsi:type='Lie'/>").name == "TaskInProgress");
  CHECK(fault_in("").name.empty());
  const auto missing = fault_in(
      "<ManagedObjectNotFoundFault xsi:type='ManagedObjectNotFound'>"
      "<obj xsi:type='ManagedObjectReference' type='VirtualMachine'>vm-7</obj></ManagedObjectNotFoundFault>");
  CHECK(missing.object == MoRef{"VirtualMachine", "vm-7"});
}

TEST_CASE("faults are told apart by what they leave possible") {
  const auto code = [](const char* name, bool change) { return error_of({.name = name}, "do it", change).code(); };
  CHECK(code("NoPermission", true) == ErrorCode::denied);
  CHECK(code("ManagedObjectNotFound", true) == ErrorCode::gone);
  CHECK(code("TaskInProgress", true) == ErrorCode::busy);
  CHECK(code("ResourceInUse", true) == ErrorCode::busy);
  CHECK(code("InvalidPowerState", true) == ErrorCode::refused);
  CHECK(code("SystemError", false) == ErrorCode::refused);
  // The server broke off in the middle of a change: nobody knows.
  CHECK(code("SystemError", true) == ErrorCode::lost);
  CHECK(code("HostCommunication", true) == ErrorCode::lost);
  CHECK(code("", true) == ErrorCode::lost);
}

TEST_CASE("an answer that is none is a protocol error") {
  for (const std::string& bad :
       {std::string("<html><body/></html>"), std::string("<Envelope><Body><XResponse/></Body></Envelope>"),
        envelope("<OtherResponse/>"), envelope("")})
    CHECK_THROWS_AS(read_reply(read_document(bad), "X"), Error);
}

TEST_CASE("faults have words") {
  CHECK(explain_fault("InvalidPowerState",
                      "The attempted operation cannot be performed in the current state (Powered on).") ==
        "it is powered on");
  CHECK(explain_fault("ToolsUnavailable", "") == "VMware Tools are not running in the guest");
  CHECK(explain_fault("NobodyKnows", "") == "vCenter answers NobodyKnows");
  CHECK(explain_fault("NobodyKnows", "The moon is in the way.") == "The moon is in the way. (NobodyKnows)");
  CHECK(explain_fault("FileLocked", "vim.fault.FileLocked") == "one of its files is locked");
  CHECK(explain_fault("", "") == "vCenter gave no reason");
}

TEST_CASE("names are shown as people typed them") {
  CHECK(decoded_name("a%2fb %25 %5C %zz %") == "a/b % \\ %zz %");
  CHECK(decoded_name("%252f") == "%2f");
}

ObjectFacts facts_in(const pugi::xml_document& document) { return facts_of(first_element(document)); }

TEST_CASE("disks say what may not be destroyed with them") {
  const auto document = read_document(
      R"(<objects xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><obj type="VirtualMachine">vm-1</obj>
<propSet><name>config.hardware.device</name><val i:type="ArrayOfVirtualDevice">
<VirtualDevice i:type="ParaVirtualSCSIController"><key>1000</key><sharedBus>physicalSharing</sharedBus></VirtualDevice>
<VirtualDevice i:type="VirtualAHCIController"><key>15000</key></VirtualDevice>
<VirtualDevice i:type="VirtualDisk"><key>2000</key><deviceInfo><label>Hard disk 1</label></deviceInfo>
 <backing i:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a/a-2.vmdk</fileName><sharing>sharingNone</sharing>
  <parent i:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a/a-1.vmdk</fileName>
   <parent><fileName>[ds] base/base.vmdk</fileName></parent></parent></backing>
 <controllerKey>15000</controllerKey><capacityInKB>1024</capacityInKB><capacityInBytes>1048576</capacityInBytes></VirtualDevice>
<VirtualDevice i:type="VirtualDisk"><key>2001</key>
 <backing i:type="VirtualDiskRawDiskMappingVer1BackingInfo"><fileName>[ds] a/rdm.vmdk</fileName><sharing>sharingMultiWriter</sharing></backing>
 <controllerKey>1000</controllerKey><capacityInKB>2</capacityInKB><vDiskId><id>fcd-1</id></vDiskId></VirtualDevice>
<VirtualDevice i:type="VirtualCdrom"><key>3000</key></VirtualDevice></val></propSet></objects>)");
  const Machine machine = machine_of(facts_in(document), {});
  REQUIRE(machine.disks.size() == 2);
  CHECK(machine.disks[0] == Disk{.label = "Hard disk 1",
                                 .capacity_bytes = 1048576,
                                 .backing = "[ds] a/a-2.vmdk",
                                 .parents = {"[ds] a/a-1.vmdk", "[ds] base/base.vmdk"}});
  CHECK(machine.disks[1] == Disk{.capacity_bytes = 2048,
                                 .backing = "[ds] a/rdm.vmdk",
                                 .raw_mapping = true,
                                 .multi_writer = true,
                                 .shared_bus = true,
                                 .first_class = true});
}

TEST_CASE("a change without a value unsets, and a lone space is a value") {
  const auto document = read_document(
      "<objectSet><kind>modify</kind><obj type='VirtualMachine'>vm-1</obj>"
      "<changeSet><name>guest.ipAddress</name><op>assign</op></changeSet>"
      "<changeSet><name>config.annotation</name><op>assign</op><val> </val></changeSet></objectSet>");
  const auto facts = facts_in(document);
  CHECK(facts.kind == "modify");
  CHECK(facts.text("guest.ipAddress").empty());
  CHECK(facts.text("config.annotation") == " ");
}

TEST_CASE("nobody logged in, said object by object, is noticed") {
  const auto document = read_document(
      "<objects xmlns:x='http://www.w3.org/2001/XMLSchema-instance'><obj type='Folder'>group-d1</obj>"
      "<missingSet><path>name</path><fault><fault x:type='NotAuthenticated'/></fault></missingSet></objects>");
  try {
    facts_in(document);
    FAIL("it was not noticed");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::unauthenticated);
  }
}

TEST_CASE("tools and guest disagree, or agree") {
  const auto machine = [](const std::string& tools) {
    const auto document = read_document(
        "<objects><obj "
        "type='VirtualMachine'>vm-1</obj><propSet><name>config.guestId</name><val>rhel8_64Guest</val></propSet>"
        "<propSet><name>guest.guestId</name><val>" +
        tools +
        "</val></propSet>"
        "<propSet><name>guest.toolsRunningStatus</name><val>guestToolsNotRunning</val></propSet></objects>");
    return machine_of(facts_in(document), {});
  };
  CHECK(machine("windows2019srv_64Guest").family == OsFamily::ambiguous);
  CHECK(machine("centos8_64Guest").family == OsFamily::linux_);
  CHECK(machine("centos8_64Guest").tools == "not_running");
}

}  // namespace
}  // namespace decom::vsphere
