#pragma once

#include <string>
#include <tuple>

namespace decom {

/// What proves that a machine is the machine. Bound when a request is accepted, checked again right before every
/// destructive call. A name is only a way to search.
struct Identity {
  std::string vcenter_uuid;   ///< about.instanceUuid of the vCenter; its configured name is a label
  std::string moref;          ///< "vm-123"; vCenter reuses numbers after a restore, hence the other two
  std::string instance_uuid;  ///< config.instanceUuid of the VM, lower case

  auto operator<=>(const Identity&) const = default;  // NOLINT(modernize-use-nullptr): it sees a 0 in the operator
};

}  // namespace decom
