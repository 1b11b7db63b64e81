#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "daemon/vsphere/vcenter.hpp"
#include "tests/contract/vsphere_code.hpp"
#include "tests/support/vcenter_server.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

const nlohmann::json kOneOff = {{"vms", {{{"name", "web01"}, {"power", "off"}}}}};
const nlohmann::json kNothing = nlohmann::json::object();

TEST_CASE("one session serves all threads, and is closed at the end") {
  const VcenterServer server({"--generate", "20"});
  {
    Vcenter vcenter(server.options(), system_clock());
    std::vector<std::jthread> threads;
    for (int i = 0; i < 12; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 5; ++n) vcenter.can_read_root();
      });
    threads.clear();
    CHECK(server.calls("Login") == 1);
    CHECK(server.control("sessions").size() == 1);
  }
  CHECK(server.control("sessions").empty());
}

TEST_CASE("a session that has ended is opened again, once for all, and nothing is lost or doubled") {
  const VcenterServer server({}, kOneOff);
  SUBCASE("where reads answer with a missing set") {}
  SUBCASE("where reads answer with a fault") { server.control("settings", {{"retrieve_without_session", "fault"}}); }
  Vcenter vcenter(server.options(), system_clock());
  const std::string moref = server.moref("web01");
  CHECK(vcenter.read_machine(moref).name == "web01");
  server.control("sessions/expire", kNothing);
  CHECK(vcenter.read_machine(moref).name == "web01");
  CHECK(server.calls("Login") == 2);

  server.control("sessions/expire", kNothing);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { CHECK(vcenter.can_read_root()); });
  threads.clear();
  CHECK(server.control("sessions").size() == 1);

  server.control("sessions/expire", kNothing);
  const auto task = vcenter.wait_for_task(vcenter.destroy(moref), 10s, {});
  CHECK(task.state == TaskState::success);
  CHECK(server.ledger("executed", "Destroy_Task") == 1);
}

TEST_CASE("a server that always says that nobody is logged in is not asked for ever") {
  const VcenterServer server({}, kOneOff);
  Vcenter vcenter(server.options(), system_clock());
  const std::string moref = server.moref("web01");
  vcenter.about();
  server.rule({{"method", "PowerOffVM_Task"}, {"action", "fault"}, {"fault", "NotAuthenticated"}});
  CHECK(code_of([&] { vcenter.power_off(moref); }) == ErrorCode::unauthenticated);
  CHECK(server.calls("Login") == 2);
  CHECK(server.calls("PowerOffVM_Task") == 2);
}

TEST_CASE("a wrong password is tried once for each change of its file") {
  const VcenterServer server({}, kOneOff);
  VcenterOptions options = server.options();
  std::ofstream(options.password_file) << "wrong\n";
  Vcenter vcenter(options, system_clock());
  for (int i = 0; i < 5; ++i) CHECK(code_of([&] { vcenter.about(); }) == ErrorCode::unauthenticated);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { CHECK(code_of([&] { vcenter.server_time(); }) == ErrorCode::unauthenticated); });
  threads.clear();
  CHECK(server.calls("Login") == 1);
  std::ofstream(options.password_file) << "still wrong\n";
  CHECK(code_of([&] { vcenter.about(); }) == ErrorCode::unauthenticated);
  CHECK(server.calls("Login") == 2);
  std::ofstream(options.password_file) << "VMware1!\n";
  CHECK(vcenter.about().instance_uuid == server.instance_uuid());
  CHECK(server.calls("Login") == 3);
}

TEST_CASE("no message carries the password") {
  const VcenterServer server({}, kOneOff);
  Vcenter vcenter(server.options("lab", "administrator@vsphere.local", "hunter2-canary"), system_clock());
  try {
    vcenter.about();
    FAIL("it was let in");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
    CHECK(std::string(error.what()).find("administrator@vsphere.local") != std::string::npos);
  }
}

TEST_CASE("a bad certificate is not talked to") {
  const char* kind = nullptr;
  SUBCASE("expired") { kind = "expired"; }
  SUBCASE("not yet valid") { kind = "not-yet-valid"; }
  SUBCASE("of another host") { kind = "wrong-host"; }
  SUBCASE("without a name") { kind = "no-san"; }
  SUBCASE("with a weak key") { kind = "weak-rsa1024"; }
  SUBCASE("of another authority") { kind = "untrusted"; }
  SUBCASE("not meant for servers") { kind = "client-only"; }
  CAPTURE(kind);
  const VcenterServer server({"--bad-cert", kind});
  Vcenter vcenter(server.options(), system_clock());
  CHECK(code_of([&] { vcenter.about(); }) == ErrorCode::untrusted);
  CHECK(server.calls("Login") == 0);
  CHECK(server.calls("RetrieveServiceContent") == 0);
}

TEST_CASE("a thumbprint stands for the one certificate and no other") {
  const VcenterServer server({"--bad-cert", "untrusted"}, kOneOff);
  VcenterOptions options = server.options();
  options.ca_file.clear();
  options.thumbprint = server.thumbprint();
  {
    Vcenter vcenter(options, system_clock());
    CHECK(vcenter.about().instance_uuid == server.instance_uuid());
    CHECK(vcenter.read_machine(server.moref("web01")).name == "web01");
    CHECK_FALSE(vcenter.destroy(server.moref("web01")).empty());
  }
  std::string plain;
  for (const char c : server.thumbprint().substr(7))
    if (c != ':') plain += static_cast<char>(std::tolower(c));
  options.thumbprint = plain;
  CHECK(Vcenter(options, system_clock()).about().instance_uuid == server.instance_uuid());
  plain[0] = plain[0] == '0' ? '1' : '0';
  options.thumbprint = plain;
  CHECK(code_of([&] { Vcenter(options, system_clock()).about(); }) == ErrorCode::untrusted);
  options.thumbprint = "SHA256:12:34";
  CHECK(code_of([&] { Vcenter(options, system_clock()).about(); }) == ErrorCode::invalid);
}

TEST_CASE("only https with something to trust is taken") {
  VcenterOptions options{.name = "lab", .url = "http://127.0.0.1/sdk", .ca_file = "/nowhere"};
  CHECK(code_of([&] { Vcenter(options, system_clock()); }) == ErrorCode::invalid);
  options.url = "https://user:secret@127.0.0.1/sdk";
  CHECK(code_of([&] { Vcenter(options, system_clock()); }) == ErrorCode::invalid);
  options.url = "https://127.0.0.1/sdk";
  options.ca_file.clear();
  CHECK(code_of([&] { Vcenter(options, system_clock()); }) == ErrorCode::invalid);
}

TEST_CASE("what was meant for one vCenter is not done in another that came to its place") {
  VcenterServer old({}, kOneOff);
  const VcenterOptions options = old.options();
  Vcenter vcenter(options, system_clock());
  const std::string moref = old.moref("web01");
  CHECK(vcenter.read_machine(moref).name == "web01");
  const auto begin = old.url().find("127.");
  const std::string address = old.url().substr(begin, old.url().find('/', begin) - begin);
  old.kill();
  const VcenterServer restored({"--listen", address}, kOneOff);
  std::filesystem::copy_file(restored.ca_file(), options.ca_file, std::filesystem::copy_options::overwrite_existing);
  CHECK(code_of([&] { vcenter.destroy(moref); }) == ErrorCode::refused);
  CHECK(restored.ledger("executed", "Destroy_Task") == 0);
  CHECK(vcenter.about().instance_uuid == restored.instance_uuid());
}

TEST_CASE("a pool tells vCenters apart by their own identity") {
  const VcenterServer first({}, kOneOff);
  VcenterServer second({}, {{"vms", {{{"name", "other"}, {"power", "off"}}}}});
  const std::string uuid = first.machine("web01").at("instance_uuid");
  const Identity identity{first.instance_uuid(), first.moref("web01"), uuid};
  VcenterPool pool({first.options("one"), second.options("two")}, system_clock());
  CHECK(pool.names() == std::vector<std::string>{"one", "two"});
  CHECK(code_of([&] { pool.by_name("three"); }) == ErrorCode::not_found);
  pool.check_distinct();
  CHECK(pool.by_uuid(second.instance_uuid()).options().name == "two");
  CHECK(code_of([&] { pool.by_uuid("00000000-0000-0000-0000-000000000000"); }) == ErrorCode::not_found);
  CHECK(pool.others_knowing(identity).empty());
  second.control("vm/create", {{"name", "moved"}, {"instance_uuid", uuid}});
  CHECK(pool.others_knowing(identity) == std::vector<std::string>{"two"});

  second.kill();
  // Not asked is not absent.
  CHECK(code_of([&] { pool.others_knowing(identity); }) == ErrorCode::unreachable);

  VcenterPool twins({first.options("a"), first.options("b")}, system_clock());
  CHECK(code_of([&] { twins.check_distinct(); }) == ErrorCode::invalid);
  VcenterPool half({first.options("one"), second.options("two")}, system_clock());
  CHECK(half.by_uuid(first.instance_uuid()).options().name == "one");
  CHECK(code_of([&] { half.by_uuid("00000000-0000-0000-0000-000000000000"); }) == ErrorCode::unreachable);
}

}  // namespace
}  // namespace decom
