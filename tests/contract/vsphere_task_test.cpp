#include <future>
#include <thread>

#include <doctest/doctest.h>

#include "daemon/vsphere/vcenter.hpp"
#include "tests/contract/vsphere_code.hpp"
#include "tests/support/vcenter_server.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

const nlohmann::json kOneOn = {{"vms", {{{"name", "web01"}, {"power", "on"}}}}};

TEST_CASE("the end of a task is pushed") {
  const VcenterServer server({}, kOneOn);
  Vcenter vcenter(server.options(), system_clock());
  const std::string rule = server.rule({{"method", "PowerOffVM_Task"}, {"action", "hold_task"}});
  const std::string task = vcenter.power_off(server.moref("web01"));
  CHECK(vcenter.read_task(task).state == TaskState::running);
  auto waiting = std::async(std::launch::async, [&] { return vcenter.wait_for_task(task, 20s, {}); });
  server.control("wait", {{"rule", rule}});
  CHECK(waiting.wait_for(500ms) == std::future_status::timeout);
  server.control("rules/release", {{"id", rule}});
  const auto released = std::chrono::steady_clock::now();
  CHECK(waiting.get().state == TaskState::success);
  CHECK(std::chrono::steady_clock::now() - released < 5s);
  CHECK(vcenter.wait_for_task(task, 1s, {}).state == TaskState::success);  // one that has ended already
}

TEST_CASE("progress is told while a task runs") {
  const VcenterServer server({"--task-ms", "1500"}, kOneOn);
  Vcenter vcenter(server.options(), system_clock());
  std::vector<int> seen;
  const TaskInfo task =
      vcenter.wait_for_task(vcenter.power_off(server.moref("web01")), 20s, {}, [&](int p) { seen.push_back(p); });
  CHECK(task.state == TaskState::success);
  CHECK(seen.size() >= 2);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("waiting ends when asked to, or when its time is over") {
  const VcenterServer server({}, kOneOn);
  Vcenter vcenter(server.options(), system_clock());
  server.rule({{"method", "PowerOffVM_Task"}, {"action", "hold_task"}});
  const std::string task = vcenter.power_off(server.moref("web01"));
  CHECK(code_of([&] { vcenter.wait_for_task(task, 200ms, {}); }) == ErrorCode::timed_out);
  std::stop_source stop;
  auto waiting = std::async(std::launch::async,
                            [&] { return code_of([&] { vcenter.wait_for_task(task, 60s, stop.get_token()); }); });
  CHECK(waiting.wait_for(200ms) == std::future_status::timeout);
  stop.request_stop();
  CHECK(waiting.get() == ErrorCode::cancelled);
  CHECK(code_of([&] { vcenter.wait_for_task("task-0", 1s, {}); }) == ErrorCode::gone);
}

TEST_CASE("a task is cancelled where vCenter lets us") {
  const VcenterServer server({}, kOneOn);
  Vcenter vcenter(server.options(), system_clock());
  SUBCASE("cancelable") {
    server.rule({{"method", "PowerOffVM_Task"}, {"action", "hold_task"}, {"cancelable", true}});
    const std::string task = vcenter.power_off(server.moref("web01"));
    CHECK(vcenter.read_task(task).cancelable);
    vcenter.cancel_task(task);
    const TaskInfo ended = vcenter.wait_for_task(task, 10s, {});
    CHECK(ended.state == TaskState::error);
    CHECK(ended.cancelled);
    CHECK(ended.fault == "RequestCanceled");
  }
  SUBCASE("not cancelable") {
    server.rule({{"method", "PowerOffVM_Task"}, {"action", "hold_task"}, {"cancelable", false}});
    const std::string task = vcenter.power_off(server.moref("web01"));
    CHECK(code_of([&] { vcenter.cancel_task(task); }) == ErrorCode::refused);
    server.clear_rules();
    CHECK(vcenter.wait_for_task(task, 10s, {}).state == TaskState::success);
    CHECK(code_of([&] { vcenter.cancel_task(task); }) == ErrorCode::refused);
  }
}

TEST_CASE("a session that ends does not end the waiting") {
  const VcenterServer server({}, kOneOn);
  Vcenter vcenter(server.options(), system_clock());
  const std::string rule = server.rule({{"method", "PowerOffVM_Task"}, {"action", "hold_task"}});
  const std::string task = vcenter.power_off(server.moref("web01"));
  auto waiting = std::async(std::launch::async, [&] { return vcenter.wait_for_task(task, 30s, {}); });
  CHECK(waiting.wait_for(300ms) == std::future_status::timeout);
  server.control("sessions/expire", nlohmann::json::object());
  CHECK(waiting.wait_for(300ms) == std::future_status::timeout);
  server.control("rules/release", {{"id", rule}});
  CHECK(waiting.get().state == TaskState::success);
}

TEST_CASE("where tasks cannot be watched they are looked at") {
  const VcenterServer server({"--task-ms", "200"}, kOneOn);
  server.rule({{"method", "WaitForUpdatesEx"}, {"action", "http"}, {"status", 503}});
  Vcenter vcenter(server.options(), system_clock());
  CHECK(vcenter.wait_for_task(vcenter.power_off(server.moref("web01")), 20s, {}).state == TaskState::success);
}

TEST_CASE("many tasks are watched together, not asked for one by one") {
  const VcenterServer server({"--generate", "60", "--task-ms", "600"});
  Vcenter vcenter(server.options(), system_clock());
  std::vector<std::string> machines;
  const nlohmann::json inventory = server.control("inventory");
  for (const auto& machine : inventory.at("vms"))
    if (machine.at("power") == "on") machines.push_back(machine.at("moref"));
  REQUIRE(machines.size() > 20);
  vcenter.about();
  server.control("calls", {{"clear", true}});
  std::vector<std::jthread> threads;
  for (const auto& moref : machines)
    threads.emplace_back([&vcenter, moref] {
      CHECK(vcenter.wait_for_task(vcenter.power_off(moref), 30s, {}).state == TaskState::success);
    });
  threads.clear();
  CHECK(server.calls("CreateFilter") == 1);
  // Each is read after it was added, and when it has ended; a few more when the watch was set up.
  CHECK(server.calls("RetrievePropertiesEx") <= 4 * static_cast<int>(machines.size()));
}

TEST_CASE("the history of a machine's tasks outlives the machine and the task") {
  const VcenterServer server({},
                             {{"vms", {{{"name", "web01"}, {"power", "on"}}, {{"name", "web02"}, {"power", "on"}}}}});
  Vcenter vcenter(server.options(), system_clock());
  const std::string moref = server.moref("web01");
  const std::string other = server.moref("web02");
  const Timestamp begun = vcenter.server_time();
  const std::string off = vcenter.power_off(moref);
  vcenter.power_off(other);
  const std::string destroy = vcenter.destroy(moref);
  server.control("tasks/forget", nlohmann::json::object());
  SUBCASE("where the filter takes objects that are gone") {}
  SUBCASE("where it does not") { server.control("settings", {{"gone_entity_in_task_filter", "not_found"}}); }
  const auto history = vcenter.task_history(moref, begun);
  REQUIRE(history.size() == 2);
  CHECK(history[0].moref == off);
  CHECK(history[1].moref == destroy);
  CHECK(history[1].entity == moref);
  CHECK(history[1].state == TaskState::success);
  REQUIRE(history[1].queued_at);
  CHECK(*history[1].queued_at >= begun);
  CHECK(code_of([&] { vcenter.read_task(destroy); }) == ErrorCode::gone);
  CHECK(vcenter.task_history(moref, *history[1].queued_at + 1ms).empty());
}

}  // namespace
}  // namespace decom
