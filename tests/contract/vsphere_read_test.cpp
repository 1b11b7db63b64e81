#include <doctest/doctest.h>

#include "daemon/vsphere/vcenter.hpp"
#include "tests/contract/vsphere_code.hpp"
#include "tests/support/vcenter_server.hpp"

namespace decom {
namespace {

const nlohmann::json kInventory = {
    {"attributes", {"owner", "cost centre"}},
    {"vms",
     {{{"name", "web01"},
       {"folder", "Prod/Web"},
       {"guest_id", "windows2019srv_64Guest"},
       {"guest_name", "Microsoft Windows Server 2019 (64-bit)"},
       {"ips", {"10.1.0.5", "fe80::1"}},
       {"host_name", "web01.corp.example.test"},
       {"tools", "running"},
       {"power", "on"},
       {"annotation", "front <end> & \"more\" ü"},
       {"attributes", {{"owner", "alice"}}},
       {"cpus", 4},
       {"memory_mb", 8192},
       {"snapshots", {{{"name", "before patch"}, {"children", {{{"name", "after patch"}}}}}}},
       {"created", "2024-03-01T08:00:00Z"}},
      {{"name", "off01"}, {"guest_id", "rhel8_64Guest"}, {"power", "off"}},
      {{"name", "tmpl01"}, {"guest_id", "ubuntu64Guest"}, {"template", true}, {"power", "off"}}}}};

TEST_CASE("a machine's facts are read in one piece") {
  const VcenterServer server({}, kInventory);
  Vcenter vcenter(server.options(), system_clock());
  CHECK(vcenter.about().instance_uuid == server.instance_uuid());
  CHECK(vcenter.about().version == "7.0.3");

  const std::string moref = server.moref("web01");
  const Machine machine = vcenter.read_machine(moref);
  CHECK(machine.identity.vcenter_uuid == server.instance_uuid());
  CHECK(machine.identity.moref == moref);
  CHECK(machine.identity.instance_uuid == server.machine("web01").at("instance_uuid"));
  CHECK(machine.name == "web01");
  CHECK(machine.vcenter == "lab");
  CHECK(machine.folder == "Prod/Web");
  CHECK(machine.datacenter == "dc-main");
  CHECK(machine.cluster == server.machine("web01").at("cluster"));
  CHECK_FALSE(machine.host.empty());
  CHECK(machine.resource_pool == "Resources");
  CHECK(machine.guest_id == "windows2019srv_64Guest");
  CHECK(machine.family == OsFamily::windows);
  CHECK(machine.guest_host_name == "web01.corp.example.test");
  CHECK(machine.ip_addresses == std::vector<std::string>{"10.1.0.5", "fe80::1"});
  REQUIRE(machine.mac_addresses.size() == 1);
  CHECK(machine.mac_addresses.front().starts_with("00:50:56:"));
  CHECK(machine.power == PowerState::on);
  CHECK(machine.tools == "running");
  CHECK(machine.annotation == "front <end> & \"more\" ü");
  CHECK(machine.owner() == "alice");
  CHECK(machine.cpus == 4);
  CHECK(machine.memory_mb == 8192);
  CHECK(machine.snapshots == std::vector<std::string>{"before patch", "after patch"});
  CHECK(machine.created == parse_rfc3339("2024-03-01T08:00:00Z"));
  CHECK(vcenter.read_machine(server.moref("tmpl01")).is_template);
  CHECK(vcenter.find_by_instance_uuid(machine.identity.instance_uuid) == std::vector{moref});
  CHECK(vcenter.can_read_root());
  CHECK(vcenter.server_time() > from_millis(1'700'000'000'000));
  CHECK(code_of([&] { vcenter.read_machine("vm-1"); }) == ErrorCode::gone);
  CHECK(server.calls("Login") == 1);
}

TEST_CASE("a machine is powered off and destroyed, and the task says how it ended") {
  const VcenterServer server({"--task-ms", "100"}, kInventory);
  Vcenter vcenter(server.options(), system_clock());
  const std::string moref = server.moref("web01");
  const Timestamp before = vcenter.server_time();

  const TaskInfo refused = vcenter.wait_for_task(vcenter.destroy(moref), std::chrono::seconds{10}, {});
  CHECK(refused.state == TaskState::error);
  CHECK(refused.fault == "InvalidPowerState");
  CHECK(explain_fault(refused.fault, refused.message) == "it is powered on");

  const std::string off = vcenter.power_off(moref);
  const TaskInfo powered_off = vcenter.wait_for_task(off, std::chrono::seconds{10}, {});
  CHECK(powered_off.state == TaskState::success);
  CHECK(powered_off.moref == off);
  CHECK(powered_off.entity == moref);
  CHECK(powered_off.description_id == "VirtualMachine.powerOff");
  CHECK(vcenter.read_machine(moref).power == PowerState::off);

  const TaskInfo destroyed = vcenter.wait_for_task(vcenter.destroy(moref), std::chrono::seconds{10}, {});
  CHECK(destroyed.state == TaskState::success);
  CHECK(code_of([&] { vcenter.read_machine(moref); }) == ErrorCode::gone);
  CHECK(code_of([&] { vcenter.destroy(moref); }) == ErrorCode::gone);

  const auto history = vcenter.task_history(moref, before);
  REQUIRE(history.size() == 3);
  CHECK(history[0].description_id == "VirtualMachine.destroy");
  CHECK(history[1].moref == off);
  CHECK(history[2].state == TaskState::success);
  CHECK(vcenter.read_task(off).state == TaskState::success);
}

TEST_CASE("a guest is asked to shut down") {
  const VcenterServer server({"--guest-shutdown-ms", "0"}, kInventory);
  Vcenter vcenter(server.options(), system_clock());
  vcenter.shutdown_guest(server.moref("web01"));
  CHECK(server.ledger("executed", "ShutdownGuest") == 1);
}

TEST_CASE("rights are asked of vCenter, or worked out where it cannot tell") {
  const nlohmann::json inventory = {
      {"users",
       {{{"name", "administrator@vsphere.local"}, {"password", "VMware1!"}},
        {{"name", "CORP\\alice"}, {"password", "x"}}}},
      {"roles", {{"Decom", {"VirtualMachine.Interact.PowerOff", "VirtualMachine.Inventory.Delete"}}}},
      {"permissions",
       {{{"on", "/"}, {"principal", "administrator@vsphere.local"}, {"role", "Admin"}},
        {{"on", "/"}, {"principal", "CORP\\alice"}, {"role", "ReadOnly"}},
        {{"on", "/Prod"}, {"principal", "CORP\\alice"}, {"role", "Decom"}}}},
      {"vms", {{{"name", "in"}, {"folder", "Prod/Web"}}, {{"name", "out"}, {"folder", "Lab"}}}}};
  const std::vector<std::string> wanted{"VirtualMachine.Interact.PowerOff", "VirtualMachine.Inventory.Delete"};
  std::vector<std::string> arguments;
  SUBCASE("by HasUserPrivilegeOnEntities") {}
  SUBCASE("by permissions and roles") { arguments = {"--no-user-privileges"}; }
  const VcenterServer server(arguments, inventory);
  Vcenter vcenter(server.options(), system_clock());
  const std::string in = server.moref("in");
  const std::string out = server.moref("out");
  const auto missing = vcenter.missing_privileges("CORP\\alice", {in, out}, wanted);
  CHECK(missing.size() == 1);
  CHECK(missing.at(out) == wanted);
  CHECK(vcenter.missing_privileges("CORP\\nobody", {in}, wanted).at(in) == wanted);
  CHECK(vcenter.own_missing_privileges(wanted).empty());
}

}  // namespace
}  // namespace decom
