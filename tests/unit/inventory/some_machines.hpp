#pragma once

#include <fmt/core.h>

#include "daemon/domain/machine.hpp"

namespace decom {

inline std::string uuid_number(int number) { return fmt::format("4211{:04x}-0000-4000-8000-{:012x}", number, number); }

inline Machine machine_named(std::string name, int number) {
  Machine machine;
  machine.name = std::move(name);
  machine.vcenter = "lab";
  machine.identity = {"11111111-0000-4000-8000-000000000001", fmt::format("vm-{}", number), uuid_number(number)};
  return machine;
}

/// Everything set, in ways that packing could get wrong.
inline Machine full_machine() {
  Machine machine = machine_named("WEB01", 1);
  machine.folder = "Prod/Web";
  machine.datacenter = "DC1";
  machine.cluster = "Cluster-A";
  machine.host = "esx01.example.com";
  machine.resource_pool = "Gold";
  machine.guest_id = "windows2019srv_64Guest";
  machine.guest_full_name = "Microsoft Windows Server 2019 (64-bit)";
  machine.tools_guest_id = "windows2019srv_64Guest";
  machine.family = OsFamily::windows;
  machine.guest_host_name = "Web01.Corp.Example.Test";
  machine.ip_addresses = {"10.1.2.3", "FE80::1", "fd00:0:0::5", "not an address"};
  machine.power = PowerState::on;
  machine.tools = "running";
  machine.bios_uuid = "564D0001-ABCD-4000-8000-0000000000FF";
  machine.annotation = "Ticket CHG-1234\nDO NOT delete before März";
  machine.attributes = {{"Owner", "CORP\\alice"}, {"Cost Centre", "4711"}, {"empty", ""}};
  machine.tags = {"env:prod", "backup:gold"};
  machine.cpus = 8;
  machine.memory_mb = 16'384;
  machine.disks = {{.label = "Hard disk 1",
                    .capacity_bytes = 107'374'182'400,
                    .backing = "[ds1] WEB01/WEB01.vmdk",
                    .parents = {"[ds1] base/base.vmdk"},
                    .shared_bus = true},
                   {.label = "Hard disk 2",
                    .capacity_bytes = 1,
                    .backing = "odd",
                    .raw_mapping = true,
                    .multi_writer = true,
                    .first_class = true}};
  machine.snapshots = {"before patch", "after patch", "third"};
  machine.managed_by = "com.example.manager/vm";
  machine.created = from_millis(1'672'531'200'000);  // 2023-01-01
  machine.booted = from_millis(1'766'000'000'000);   // 2025-12-17
  return machine;
}

}  // namespace decom
