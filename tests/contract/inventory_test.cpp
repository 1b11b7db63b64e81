#include <doctest/doctest.h>

#include "daemon/inventory/mirror.hpp"
#include "daemon/inventory/search.hpp"
#include "tests/support/vcenter_server.hpp"

namespace decom::inventory {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json machine(const std::string& name, const json& more = json::object()) {
  json made{{"name", name}, {"folder", "Prod"}, {"power", "on"}, {"guest_id", "rhel8_64Guest"}, {"tools", "running"}};
  made.update(more);
  return made;
}

struct Mirrored {
  explicit Mirrored(const json& machines) : server({}, {{"vms", machines}}) {
    mirror.start();
    REQUIRE(mirror.wait_for([](const MirrorState& state) { return state.loaded; }, in(60s)));
  }
  static Clock::Steady in(std::chrono::milliseconds time) { return system_clock().steady() + time; }

  std::string names(std::string_view query) const {
    const std::vector sources{mirror.view().snapshot};
    std::string found;
    for (const Machine& hit :
         find_page(sources, parse_query(query, {system_clock().now(), {"lab"}}), {}, 100, std::nullopt).machines)
      found += (found.empty() ? "" : " ") + hit.name;
    return found;
  }
  /// Waits for the mirror to publish until the query finds exactly these; true when it did within `most`.
  bool becomes(std::string_view query, const std::string& expected, std::chrono::milliseconds most = 1s) const {
    const auto until = in(most);
    while (names(query) != expected) {
      const auto generation = mirror.view().state.generation;
      if (names(query) == expected) break;
      if (!mirror.wait_for([&](const MirrorState& state) { return state.generation != generation; }, until))
        return names(query) == expected;
    }
    return true;
  }

  VcenterServer server;
  Vcenter vcenter{server.options(), system_clock()};
  Mirror mirror{make_feed(vcenter), system_clock(), MirrorPace{.retry_least = 50ms, .retry_most = 200ms}};
};

}  // namespace

TEST_CASE("what vCenter has can be searched by all that it says of it") {
  const Mirrored lab({machine("web01", {{"ips", {"10.1.2.3", "2001:db8::5"}},
                                        {"host_name", "web01.corp.example.test"},
                                        {"annotation", "Ticket CHG-7"},
                                        {"attributes", {{"owner", "alice"}, {"ticket", "CHG-7"}}},
                                        {"tags", {"Environment:prod"}},
                                        {"folder", "Prod/Web"},
                                        {"cpus", 4},
                                        {"memory_mb", 8192},
                                        {"snapshots", {{{"name", "before"}}}},
                                        {"created", "2024-01-01T00:00:00Z"}}),
                      machine("db01", {{"power", "off"}, {"guest_id", "windows2019srv_64Guest"}, {"folder", "Lab"}}),
                      machine("golden", {{"template", true}, {"power", "off"}})});

  CHECK(lab.names("") == "db01 golden web01");
  for (const std::string_view query : {"web",
                                       "10.1.2.3",
                                       "chg-7",
                                       "corp.example",
                                       "name:web*",
                                       "host:web01",
                                       "ip:10.1.0.0/16",
                                       "ip:2001:db8::/32",
                                       "owner:alice",
                                       "attr.ticket:CHG-*",
                                       "tag:prod",
                                       "tag:environment:prod",
                                       "folder:Prod/Web",
                                       "cpu:4",
                                       "memory:8GB",
                                       "snapshot:yes",
                                       "snapshot:before",
                                       "created:2024-01",
                                       "power:on",
                                       "tools:running",
                                       "os:linux folder:Prod -template:yes"}) {
    CAPTURE(query);
    CHECK(lab.names(query) == "web01");
  }
  CHECK(lab.names("os:windows") == "db01");
  CHECK(lab.names("template:yes") == "golden");
  const std::string uuid = lab.server.machine("db01").at("instance_uuid");
  CHECK(lab.names(uuid) == "db01");
  CHECK(lab.names("uuid:" + uuid.substr(0, 30)) == "db01");
  CHECK(lab.names("lab:" + lab.server.moref("db01")) == "db01");
}

TEST_CASE("what somebody does in vCenter shows within a second") {
  const Mirrored lab({machine("one"), machine("two")});

  lab.server.control("vm/create", machine("three"));
  CHECK(lab.becomes("three", "three"));
  lab.server.control("vm/rename", {{"vm", "three"}, {"to", "trois"}});
  CHECK(lab.becomes("name:three,trois", "trois"));
  lab.server.control("vm/power", {{"vm", "one"}, {"power", "off"}});
  CHECK(lab.becomes("power:off", "one"));
  lab.server.control("vm/set", {{"vm", "two"}, {"ips", {"10.9.9.9"}}, {"annotation", "words"}});
  CHECK(lab.becomes("ip:10.9.9.9 words", "two"));
  lab.server.control("vm/destroy", {{"vm", "one"}});
  CHECK(lab.becomes("", "trois two"));
}

TEST_CASE("while vCenter is away the last snapshot answers, and what happened meanwhile shows afterwards") {
  const Mirrored lab({machine("one"), machine("two")});

  lab.server.control("listener", {{"open", false}});
  REQUIRE(lab.mirror.wait_for([](const MirrorState& state) { return !state.connected; }, Mirrored::in(30s)));
  CHECK_FALSE(lab.mirror.view().state.trouble.empty());
  CHECK(lab.mirror.view().state.loaded);
  CHECK(lab.names("") == "one two");

  lab.server.control("vm/create", machine("three"));
  lab.server.control("vm/unregister", {{"vm", "one"}});
  lab.server.control("listener", {{"open", true}});
  CHECK(lab.becomes("", "three two", 30s));
  CHECK(lab.mirror.view().state.connected);
}

TEST_CASE("a session that vCenter ended is opened again") {
  const Mirrored lab(json::array({machine("one")}));

  lab.server.control("sessions/expire", json::object());
  lab.server.control("vm/create", machine("two"));
  CHECK(lab.becomes("", "one two", 30s));
}

TEST_CASE("a wrong password is tried once") {
  const VcenterServer server;
  Vcenter vcenter(server.options("lab", "administrator@vsphere.local", "wrong"), system_clock());
  Mirror mirror(make_feed(vcenter), system_clock(), MirrorPace{.retry_credentials = 10ms});
  mirror.start();

  REQUIRE(mirror.wait_until_settled(Mirrored::in(60s)));
  const std::string trouble = mirror.view().state.trouble;
  CHECK_FALSE(trouble.empty());
  CHECK(trouble.find("wrong") == std::string::npos);
  // Even a mirror that is far too eager does not make the session try again with the same password.
  CHECK_FALSE(mirror.wait_for([](const MirrorState& state) { return state.connected; }, Mirrored::in(300ms)));
  CHECK(server.calls("Login") == 1);
}

TEST_CASE("the door of the room opens on a real pool") {
  const VcenterServer lab({"--generate", "300"});
  const VcenterServer site({"--generate", "200"});
  VcenterPool pool({lab.options("lab"), site.options("site")}, system_clock());
  Inventory inventory(pool, system_clock());
  inventory.start();
  inventory.wait_until_loaded(60s);

  const SearchResult result = inventory.search({.limit = 1'000});
  CHECK(result.total == 500);
  CHECK(result.machines.size() == 500);
  for (const MirrorState& state : inventory.states()) {
    CAPTURE(state.vcenter);
    CHECK(state.connected);
    CHECK(state.uuid == (state.vcenter == "lab" ? lab.instance_uuid() : site.instance_uuid()));
  }
  const Machine& some = result.machines[123];
  CHECK(inventory.by_id(some.id()) == some);
  CHECK(inventory.bearing(some.name).size() >= 1);
  inventory.stop();
}

}  // namespace decom::inventory
