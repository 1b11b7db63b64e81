#include <cstdlib>

#include <doctest/doctest.h>

#include "daemon/vsphere/vcenter.hpp"
#include "tests/contract/vsphere_code.hpp"
#include "tests/support/vcenter_server.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

const nlohmann::json kOneOff = {{"vms", {{{"name", "web01"}, {"power", "off"}}}}};

struct Case {
  const char* what;
  nlohmann::json rule;
  ErrorCode code;
  int executed;
};

TEST_CASE("a change that goes wrong says whether it may have happened, and is never sent twice") {
  const VcenterServer server({}, kOneOff);
  VcenterOptions options = server.options();
  options.call_timeout = 3s;  // far beyond what a busy machine takes to connect; the late answers are later
  const std::string moref = server.moref("web01");
  const auto fault = [](const char* name) { return nlohmann::json{{"action", "fault"}, {"fault", name}}; };
  const std::vector<Case> cases{
      {"no right", fault("NoPermission"), ErrorCode::denied, 0},
      {"another task", fault("TaskInProgress"), ErrorCode::busy, 0},
      {"in use", fault("ResourceInUse"), ErrorCode::busy, 0},
      {"not there", fault("ManagedObjectNotFound"), ErrorCode::gone, 0},
      {"wrong state", fault("InvalidState"), ErrorCode::refused, 0},
      {"vCenter failed", fault("SystemError"), ErrorCode::lost, 0},
      {"dropped before", {{"action", "drop_before"}}, ErrorCode::lost, 0},
      {"reset before", {{"action", "drop_before"}, {"reset", true}}, ErrorCode::lost, 0},
      {"503", {{"action", "http"}, {"status", 503}}, ErrorCode::lost, 0},
      {"502", {{"action", "http"}, {"status", 502}}, ErrorCode::lost, 0},
      {"a redirect", {{"action", "http"}, {"status", 302}}, ErrorCode::lost, 0},
      {"not XML", {{"action", "garbage"}, {"execute", false}}, ErrorCode::lost, 0},
      {"half an answer", {{"action", "truncate"}, {"execute", false}}, ErrorCode::lost, 0},
  };
  Vcenter vcenter(options, system_clock());
  vcenter.about();
  for (const auto& one : cases) {
    CAPTURE(one.what);
    const int before = server.ledger("received", "Destroy_Task");
    nlohmann::json rule = one.rule;
    rule["method"] = "Destroy_Task";
    server.rule(rule);
    CHECK(code_of([&] { vcenter.destroy(moref); }) == one.code);
    CHECK(server.ledger("received", "Destroy_Task") == before + 1);
    CHECK(server.ledger("executed", "Destroy_Task") == one.executed);
    server.clear_rules();
  }
  CHECK(vcenter.read_machine(moref).name == "web01");

  SUBCASE("dropped after the work was done") { server.rule({{"method", "Destroy_Task"}, {"action", "drop_after"}}); }
  SUBCASE("cut off in the middle of the answer") {
    server.rule({{"method", "Destroy_Task"}, {"action", "drop_during"}});
  }
  SUBCASE("half a document in a whole answer") { server.rule({{"method", "Destroy_Task"}, {"action", "truncate"}}); }
  SUBCASE("a page of a proxy in its place") { server.rule({{"method", "Destroy_Task"}, {"action", "garbage"}}); }
  SUBCASE("later than we wait") { server.rule({{"method", "Destroy_Task"}, {"action", "late"}, {"ms", 30'000}}); }
  SUBCASE("a gateway's timeout") {
    server.rule({{"method", "Destroy_Task"}, {"action", "http"}, {"status", 504}, {"execute", true}});
  }
  CHECK(code_of([&] { vcenter.destroy(moref); }) == ErrorCode::lost);
  server.clear_rules();
  server.control("wait", {{"phase", "executed"}, {"method", "Destroy_Task"}});
  CHECK(server.ledger("received", "Destroy_Task") == static_cast<int>(cases.size()) + 1);
  CHECK(server.ledger("executed", "Destroy_Task") == 1);
  const auto history = vcenter.task_history(moref, from_millis(0));
  REQUIRE(history.size() == 1);
  CHECK(history[0].state == TaskState::success);
}

TEST_CASE("a read that goes wrong says how") {
  const VcenterServer server({}, kOneOff);
  VcenterOptions options = server.options();
  options.read_timeout = 300ms;
  Vcenter vcenter(options, system_clock());
  vcenter.about();
  const std::string moref = server.moref("web01");
  const std::vector<Case> cases{
      {"503", {{"action", "http"}, {"status", 503}}, ErrorCode::unreachable, 0},
      {"a redirect", {{"action", "http"}, {"status", 302}}, ErrorCode::protocol, 0},
      {"not XML", {{"action", "garbage"}}, ErrorCode::protocol, 0},
      {"half an answer", {{"action", "truncate"}}, ErrorCode::protocol, 0},
      {"cut off", {{"action", "drop_during"}}, ErrorCode::timed_out, 0},
      {"later than we wait", {{"action", "delay"}, {"ms", 30'000}}, ErrorCode::timed_out, 0},
      {"no right", {{"action", "fault"}, {"fault", "NoPermission"}}, ErrorCode::denied, 0},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    nlohmann::json rule = one.rule;
    rule["method"] = "RetrievePropertiesEx";
    server.rule(rule);
    CHECK(code_of([&] { vcenter.read_machine(moref); }) == one.code);
    server.clear_rules();
  }
  CHECK(vcenter.read_machine(moref).name == "web01");
}

TEST_CASE("a server that is not there was provably not reached") {
  VcenterServer server({}, kOneOff);
  Vcenter vcenter(server.options(), system_clock());
  const std::string moref = server.moref("web01");
  vcenter.about();
  server.kill();
  CHECK(code_of([&] { vcenter.power_off(moref); }) == ErrorCode::unreachable);
  CHECK(code_of([&] { vcenter.shutdown_guest(moref); }) == ErrorCode::unreachable);
}

TEST_CASE("a machine that we may not see is not called gone when vCenter says why") {
  const VcenterServer server({}, {{"users", {{{"name", "svc"}, {"password", "x"}}}},
                                  {"permissions", {{{"on", "/"}, {"principal", "svc"}, {"role", "Admin"}}}},
                                  {"vms", {{{"name", "web01"}, {"folder", "Prod"}}}}});
  Vcenter vcenter(server.options("lab", "svc", "x"), system_clock());
  const std::string moref = server.moref("web01");
  CHECK(vcenter.read_machine(moref).name == "web01");
  server.control("hide", {{"vm", "web01"}, {"user", "svc"}});
  CHECK(code_of([&] { vcenter.read_machine(moref); }) == ErrorCode::gone);
  CHECK(vcenter.can_read_root());
  server.control("settings", {{"unreadable", "no_permission"}});
  CHECK(code_of([&] { vcenter.read_machine(moref); }) == ErrorCode::denied);
}

TEST_CASE("types are known by their namespace, however the prefix is spelled") {
  const VcenterServer server({}, {{"vms", {{{"name", "web01"}, {"power", "on"}, {"disks", {{{"size_gb", 1}}}}}}}});
  server.control("settings", {{"xsi_per_element", true}});
  Vcenter vcenter(server.options(), system_clock());
  const Machine machine = vcenter.read_machine(server.moref("web01"));
  CHECK(machine.disks.size() == 1);
  const auto task = vcenter.wait_for_task(vcenter.destroy(machine.identity.moref), 10s, {});
  CHECK(task.fault == "InvalidPowerState");
  CHECK(code_of([&] { vcenter.read_machine("vm-1"); }) == ErrorCode::gone);
}

TEST_CASE("the proxies of the environment are not used") {
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);  // NOLINT: before any other thread of this program
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);    // NOLINT
  const VcenterServer server({}, kOneOff);
  Vcenter vcenter(server.options(), system_clock());
  CHECK(vcenter.about().instance_uuid == server.instance_uuid());
  ::unsetenv("https_proxy");  // NOLINT
  ::unsetenv("ALL_PROXY");    // NOLINT
}

}  // namespace
}  // namespace decom
