#pragma once

#include <string>
#include <vector>

#include "daemon/vsphere/session.hpp"

namespace decom::vsphere {

/// Names of other VMs that hold any file of this machine's disks, as a disk of their own, as a parent of one, or in a
/// snapshot.
std::vector<std::string> machines_sharing_disks(Session& session, const Machine& machine);

}  // namespace decom::vsphere
