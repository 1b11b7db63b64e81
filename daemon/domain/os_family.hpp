#pragma once

#include <string_view>

namespace decom {

/// Which plan suits a machine. `ambiguous` where configuration and tools disagree: a person chooses the plan.
enum class OsFamily { windows, linux_, other, ambiguous };

std::string_view to_string(OsFamily family);
OsFamily os_family_from(std::string_view name);  ///< throws `invalid`

/// From config.guestId, such as "windows2019srv_64Guest" (VirtualMachineGuestOsIdentifier of the vSphere API).
OsFamily family_of_guest_id(std::string_view guest_id);
/// Both together; `tools_guest_id` may be empty.
OsFamily family_of(std::string_view guest_id, std::string_view tools_guest_id);

}  // namespace decom
