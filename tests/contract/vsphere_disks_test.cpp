#include <doctest/doctest.h>

#include "daemon/vsphere/vcenter.hpp"
#include "tests/contract/vsphere_code.hpp"
#include "tests/contract/vsphere_follower.hpp"
#include "tests/support/vcenter_server.hpp"

namespace decom {
namespace {

TEST_CASE("disks say what may not be destroyed with them") {
  const VcenterServer server({}, {{"vms",
                                   {{{"name", "db01"},
                                     {"disks",
                                      {{{"size_gb", 10}},
                                       {{"size_gb", 1}, {"backing", "rdm_physical"}, {"lun_uuid", "lun-1"}},
                                       {{"size_gb", 2}, {"sharing", "multi_writer"}},
                                       {{"size_gb", 3}, {"fcd_id", "fcd-1"}},
                                       {{"size_gb", 4}, {"parents", {"[ds] base/base.vmdk"}}}}}}}}});
  Vcenter vcenter(server.options(), system_clock());
  const Machine machine = vcenter.read_machine(server.moref("db01"));
  REQUIRE(machine.disks.size() == 5);
  CHECK(machine.disks[0].capacity_bytes == std::int64_t{10} << 30);
  CHECK(machine.disks[0].backing.ends_with(".vmdk"));
  CHECK_FALSE(machine.disks[0].raw_mapping);
  CHECK(machine.disks[1].raw_mapping);
  CHECK(machine.disks[2].multi_writer);
  CHECK(machine.disks[3].first_class);
  CHECK(machine.disks[4].parents == std::vector<std::string>{"[ds] base/base.vmdk"});
  CHECK(vcenter.machines_sharing_disks(machine).empty());
}

TEST_CASE("machines that use a disk, or build on it, are named") {
  const std::string base = "[datastore-01] base/base.vmdk";
  const VcenterServer server({}, {{"vms",
                                   {{{"name", "base"}, {"disks", {{{"size_gb", 1}, {"file", base}}}}},
                                    {{"name", "clone"}, {"disks", {{{"size_gb", 1}, {"parents", {base}}}}}},
                                    {{"name", "twin"}, {"disks", {{{"size_gb", 1}, {"file", base}}}}},
                                    {{"name", "alone"}, {"disks", {{{"size_gb", 1}}}}}}}});
  Vcenter vcenter(server.options(), system_clock());
  const auto sharing = [&](const std::string& name) {
    auto names = vcenter.machines_sharing_disks(vcenter.read_machine(server.moref(name)));
    std::sort(names.begin(), names.end());
    return names;
  };
  CHECK(sharing("base") == std::vector<std::string>{"clone", "twin"});
  CHECK(sharing("twin") == std::vector<std::string>{"base", "clone"});
  CHECK(sharing("alone").empty());
}

TEST_CASE("tags come with their categories, to a fresh read and to the feed") {
  const VcenterServer server(
      {}, {{"categories", {{"Env", {{"cardinality", "SINGLE"}}}, {"Team", nlohmann::json::object()}}},
           {"vms", {{{"name", "web01"}, {"tags", {"Team:web", "Env:prod"}}}, {{"name", "plain"}}}}});
  Vcenter vcenter(server.options(), system_clock());
  const std::string moref = server.moref("web01");
  const std::vector<std::string> tags{"Env:prod", "Team:web"};
  CHECK(vcenter.read_machine(moref).tags == tags);
  CHECK(vcenter.read_machine(server.moref("plain")).tags.empty());
  Follower follower(vcenter);
  REQUIRE(follower.wait_loaded());
  CHECK(follower.machines().at(moref).tags == tags);

  // A service that fails leaves what is known; one that was never read is not taken for empty.
  server.rule({{"method", "REST"}, {"action", "http"}, {"status", 503}});
  CHECK(vcenter.read_machine(moref).tags == tags);
  Vcenter fresh(server.options("fresh"), system_clock());
  CHECK(code_of([&] { fresh.read_machine(moref); }) == ErrorCode::unreachable);
  server.clear_rules();

  // A server without the tagging API has machines all the same.
  server.rule({{"method", "REST"}, {"action", "http"}, {"status", 404}});
  Vcenter old(server.options("old"), system_clock());
  CHECK(old.read_machine(moref).name == "web01");
  CHECK(old.read_machine(moref).tags.empty());
}

}  // namespace
}  // namespace decom
