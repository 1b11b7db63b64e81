#include "daemon/vsphere/machine_facts.hpp"

#include <algorithm>

#include "common/base/text.hpp"
#include "daemon/vsphere/places.hpp"

namespace decom::vsphere {
namespace {

PowerState power_of(std::string_view state) {
  if (state == "poweredOn") return PowerState::on;
  if (state == "poweredOff") return PowerState::off;
  if (state == "suspended") return PowerState::suspended;
  return PowerState::unknown;
}

/// "guestToolsNotRunning" is "not_running" here.
std::string tools_of(std::string_view status) {
  constexpr std::string_view kPrefix = "guestTools";
  if (status.starts_with(kPrefix)) status.remove_prefix(kPrefix.size());
  std::string words;
  for (const char c : status) {
    if (c >= 'A' && c <= 'Z') {
      if (!words.empty()) words += '_';
      words += static_cast<char>(c - 'A' + 'a');
    } else {
      words += c;
    }
  }
  return words;
}

void add_address(std::vector<std::string>& addresses, std::string address) {
  if (!address.empty() && std::ranges::find(addresses, address) == addresses.end())
    addresses.push_back(std::move(address));
}

std::vector<std::string> addresses_of(const ObjectFacts& facts) {
  std::vector<std::string> addresses;
  add_address(addresses, facts.text("guest.ipAddress"));
  const auto cards = facts["guest.net"];
  for (auto card = child_named(cards, "GuestNicInfo"); card; card = next_named(card, "GuestNicInfo")) {
    for (auto plain = child_named(card, "ipAddress"); plain; plain = next_named(plain, "ipAddress"))
      add_address(addresses, text_of(plain));
    const auto config = child_named(card, "ipConfig");
    for (auto entry = child_named(config, "ipAddress"); entry; entry = next_named(entry, "ipAddress"))
      add_address(addresses, text_of(entry, "ipAddress"));
  }
  return addresses;
}

struct SnapshotName {
  std::optional<Timestamp> created;
  std::string name;
};

void collect_snapshots(const pugi::xml_node& parent, std::string_view element, std::vector<SnapshotName>& found) {
  for (auto tree = child_named(parent, element); tree; tree = next_named(tree, element)) {
    found.push_back({time_of(child_named(tree, "createTime")), text_of(tree, "name")});
    collect_snapshots(tree, "childSnapshotList", found);  // as deep as the guard let the answer be
  }
}

std::vector<std::string> snapshots_of(const pugi::xml_node& info) {
  std::vector<SnapshotName> found;
  collect_snapshots(info, "rootSnapshotList", found);
  std::ranges::stable_sort(found, {}, [](const SnapshotName& s) { return s.created.value_or(Timestamp{}); });
  std::vector<std::string> names;
  names.reserve(found.size());
  for (auto& snapshot : found) names.push_back(std::move(snapshot.name));
  return names;
}

std::string managed_by(const pugi::xml_node& info) {
  const std::string key = text_of(info, "extensionKey");
  return key.empty() ? std::string{} : key + "/" + text_of(info, "type");
}

}  // namespace

FieldNames field_names(const pugi::xml_node& field_array) {
  FieldNames names;
  for (auto field = first_element(field_array); field; field = field.next_sibling())
    if (const auto name = text_of(field, "name"); !name.empty()) names[integer_of(child_named(field, "key"))] = name;
  return names;
}

std::vector<std::string> mirror_paths(const Service& service) {
  std::vector<std::string> paths{"name",
                                 "parent",
                                 "parentVApp",
                                 "resourcePool",
                                 "runtime.host",
                                 "runtime.powerState",
                                 "runtime.bootTime",
                                 "config.instanceUuid",
                                 "config.uuid",
                                 "config.guestId",
                                 "config.guestFullName",
                                 "config.template",
                                 "config.annotation",
                                 "config.managedBy",
                                 "config.hardware.numCPU",
                                 "config.hardware.memoryMB",
                                 "guest.hostName",
                                 "guest.ipAddress",
                                 "guest.net",
                                 "guest.guestId",
                                 "guest.guestFullName",
                                 "guest.toolsRunningStatus",
                                 "snapshot",
                                 "customValue"};
  if (service.speaks(6, 7)) paths.emplace_back("config.createDate");  // new in API 6.7
  return paths;
}

std::vector<std::string> machine_paths(const Service& service) {
  auto paths = mirror_paths(service);
  paths.emplace_back("config.hardware.device");
  return paths;
}

std::vector<Disk> disks_of(const pugi::xml_node& devices) {
  std::vector<std::int64_t> shared_controllers;
  for (auto device = first_element(devices); device; device = device.next_sibling()) {
    const std::string sharing = text_of(device, "sharedBus");
    if (!sharing.empty() && sharing != "noSharing")
      shared_controllers.push_back(integer_of(child_named(device, "key")));
  }
  std::vector<Disk> disks;
  for (auto device = first_element(devices); device; device = device.next_sibling()) {
    if (xsi_type(device) != "VirtualDisk") continue;
    const auto backing = child_named(device, "backing");
    const std::string_view kind = xsi_type(backing);
    Disk disk;
    disk.label = text_of(child_named(device, "deviceInfo"), "label");
    disk.capacity_bytes = integer_of(child_named(device, "capacityInBytes"));
    if (disk.capacity_bytes == 0) disk.capacity_bytes = integer_of(child_named(device, "capacityInKB")) * 1024;
    disk.backing = text_of(backing, "fileName");
    for (auto parent = child_named(backing, "parent"); parent; parent = child_named(parent, "parent"))
      disk.parents.push_back(text_of(parent, "fileName"));
    disk.raw_mapping = kind.find("RawDisk") != std::string_view::npos;  // mapped or as a whole
    disk.multi_writer = text_of(backing, "sharing") == "sharingMultiWriter";
    disk.shared_bus = std::ranges::find(shared_controllers, integer_of(child_named(device, "controllerKey"))) !=
                      shared_controllers.end();
    disk.first_class = !text_of(child_named(device, "vDiskId"), "id").empty();
    disks.push_back(std::move(disk));
  }
  return disks;
}

std::vector<std::string> mac_addresses_of(const pugi::xml_node& devices) {
  std::vector<std::string> addresses;
  // VirtualEthernetCard and all that extend it, and nothing else, have a macAddress (vSphere API reference).
  for (auto device = first_element(devices); device; device = device.next_sibling())
    add_address(addresses, folded(text_of(device, "macAddress")));
  return addresses;
}

Machine machine_of(const ObjectFacts& facts, const FieldNames& fields) {
  Machine machine;
  machine.identity.moref = facts.ref.value;
  machine.identity.instance_uuid = folded(facts.text("config.instanceUuid"));
  machine.name = decoded_name(facts.text("name"));
  machine.guest_id = facts.text("config.guestId");
  machine.tools_guest_id = facts.text("guest.guestId");
  machine.family = family_of(machine.guest_id, machine.tools_guest_id);
  machine.tools = tools_of(facts.text("guest.toolsRunningStatus"));
  machine.guest_full_name = facts.text("guest.guestFullName");
  if (machine.guest_full_name.empty() || !machine.tools_running()) {
    std::string configured = facts.text("config.guestFullName");
    if (!configured.empty()) machine.guest_full_name = std::move(configured);
  }
  machine.guest_host_name = facts.text("guest.hostName");
  machine.ip_addresses = addresses_of(facts);
  machine.power = power_of(facts.text("runtime.powerState"));
  machine.bios_uuid = folded(facts.text("config.uuid"));
  machine.annotation = facts.text("config.annotation");
  machine.cpus = static_cast<std::int32_t>(integer_of(facts["config.hardware.numCPU"]));
  machine.memory_mb = integer_of(facts["config.hardware.memoryMB"]);
  machine.is_template = is_true(facts["config.template"]);
  machine.managed_by = managed_by(facts["config.managedBy"]);
  machine.created = time_of(facts["config.createDate"]);
  machine.booted = time_of(facts["runtime.bootTime"]);
  machine.snapshots = snapshots_of(facts["snapshot"]);
  machine.disks = disks_of(facts["config.hardware.device"]);
  machine.mac_addresses = mac_addresses_of(facts["config.hardware.device"]);
  for (auto value = first_element(facts["customValue"]); value; value = value.next_sibling()) {
    const std::int64_t key = integer_of(child_named(value, "key"));
    const auto name = fields.find(key);
    std::string text = text_of(value, "value");
    if (!text.empty())
      machine.attributes[name == fields.end() ? "#" + std::to_string(key) : name->second] = std::move(text);
  }
  return machine;
}

}  // namespace decom::vsphere
