#include "daemon/domain/policy.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {

std::vector<std::string> refusals(const Machine& machine, const std::vector<std::string>& protected_uuids) {
  std::vector<std::string> why;
  if (machine.is_template) why.emplace_back("it is a template");
  if (!machine.managed_by.empty()) why.push_back(fmt::format("it is managed by {}", machine.managed_by));
  // vSphere Cluster Services agents: VMware KB 80472 names them "vCLS (n)" or "vCLS-<uuid>".
  if (machine.name.starts_with("vCLS")) why.emplace_back("it is a vSphere Cluster Services agent");
  const auto is_protected = [&](const std::string& uuid) {
    return equals_folded(uuid, machine.bios_uuid) || equals_folded(uuid, machine.identity.instance_uuid);
  };
  if (std::ranges::any_of(protected_uuids, is_protected)) why.emplace_back("it runs the vCenter or this daemon");
  for (const Disk& disk : machine.disks) {
    if (disk.first_class) why.push_back(fmt::format("{} is a first-class disk (CNS volume)", disk.label));
    if (disk.raw_mapping) why.push_back(fmt::format("{} is a raw device mapping", disk.label));
    if (disk.multi_writer) why.push_back(fmt::format("{} is shared between machines (multi-writer)", disk.label));
    if (disk.shared_bus) why.push_back(fmt::format("{} is on a shared bus", disk.label));
  }
  return why;
}

}  // namespace decom
