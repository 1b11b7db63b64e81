#include "daemon/vsphere/disk_sharing.hpp"

#include <set>

#include "daemon/vsphere/machine_facts.hpp"
#include "daemon/vsphere/places.hpp"

namespace decom::vsphere {
namespace {

/// Descriptor files that a VM holds on to: its disks and their parents as configured now, and every one that its
/// layout lists, since a snapshot can hold disks that the present configuration does not mention.
std::set<std::string> files_of(const ObjectFacts& facts) {
  std::set<std::string> files;
  for (const Disk& disk : disks_of(facts["config.hardware.device"])) {
    files.insert(disk.backing);
    files.insert(disk.parents.begin(), disk.parents.end());
  }
  for (auto file = first_element(facts["layoutEx.file"]); file; file = file.next_sibling())
    if (text_of(file, "type") == "diskDescriptor") files.insert(text_of(file, "name"));
  files.erase("");
  return files;
}

const std::vector<std::string> kPaths{"name", "config.hardware.device", "layoutEx.file"};

}  // namespace

std::vector<std::string> machines_sharing_disks(Session& session, const Machine& machine) {
  const MoRef self = machine_ref(machine.identity.moref);
  const std::string what = "see who else uses the disks of " + machine.name;
  std::set<std::string> own;
  for (const Disk& disk : machine.disks) {
    own.insert(disk.backing);
    own.insert(disk.parents.begin(), disk.parents.end());
  }
  // The machine, and every VM of its datastores, in one call. vCenter has no question for one file, so all of them
  // tell their files; each is looked at and dropped as it comes in.
  FilterSpec filter{.properties = {{"VirtualMachine", kPaths}}, .objects = {{.object = self}}};
  filter.objects.front().steps = {
      {.name = "stores", .type = "VirtualMachine", .path = "datastore", .then = {"machines"}},
      {.name = "machines", .type = "Datastore", .path = "vm"}};
  struct Other {
    std::string name;
    std::set<std::string> files;
  };
  std::vector<Other> others;
  bool seen = false;
  retrieve(session, filter, {.what = what}, [&](const ObjectFacts& facts) {
    if (facts.ref.value == machine.identity.moref) {
      own.merge(files_of(facts));
      seen = true;
    } else if (facts.ref.type == "VirtualMachine") {
      others.push_back({decoded_name(facts.text("name")), files_of(facts)});
    }
  });
  if (!seen) throw Error{ErrorCode::gone, "cannot {}: vCenter does not show it", what};
  own.erase("");
  std::vector<std::string> sharing;
  for (const auto& other : others)
    for (const auto& file : other.files)
      if (own.contains(file)) {
        sharing.push_back(other.name);
        break;
      }
  return sharing;
}

}  // namespace decom::vsphere
