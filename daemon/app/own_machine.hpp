#pragma once

#include <optional>
#include <string>

namespace decom {

/// BIOS UUID of the machine that the daemon runs on, as vSphere writes it, where it is a VM of VMware's: it must never
/// retire itself. nullopt elsewhere, or where only root may read it and we are not.
std::optional<std::string> own_machine_uuid();

}  // namespace decom
