#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/vsphere/machine_facts.hpp"
#include "daemon/vsphere/tags.hpp"

namespace decom::vsphere {

/// Fresh facts of one VM with the names of its places and attributes, in one call, and its tags. Throws `gone`.
Machine read_machine(Session& session, Tags& tags, const std::string& moref);

}  // namespace decom::vsphere
