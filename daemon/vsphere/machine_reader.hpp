#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/vsphere/machine_facts.hpp"

namespace decom::vsphere {

/// Fresh facts of one VM with the names of its places and attributes, in one call. Throws `gone`.
Machine read_machine(Session& session, const std::string& moref);

}  // namespace decom::vsphere
