#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/vsphere/properties.hpp"

namespace decom::vsphere {

/// Names of custom attributes by key, from CustomFieldsManager.field.
using FieldNames = std::map<std::int64_t, std::string>;
FieldNames field_names(const pugi::xml_node& field_array);

/// What is asked of a VM for the mirror: all that search looks at.
std::vector<std::string> mirror_paths(const Service& service);
/// What is asked of one VM: the mirror's, and its hardware.
std::vector<std::string> machine_paths(const Service& service);

/// A machine as its own properties tell it; names of its places (folder, host …), its vCenter and its tags are the
/// caller's to fill in.
Machine machine_of(const ObjectFacts& facts, const FieldNames& fields);

/// From config.hardware.device.
std::vector<Disk> disks_of(const pugi::xml_node& devices);
/// Of its network cards, in lower case; vSphere writes them with colons.
std::vector<std::string> mac_addresses_of(const pugi::xml_node& devices);

}  // namespace decom::vsphere
