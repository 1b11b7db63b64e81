#pragma once

#include <string_view>

namespace decom::directory {

/// Whether a security descriptor (self-relative, [MS-DTYP] 2.4.6) denies everybody to delete its object: what the
/// administration tools write for "protect object from accidental deletion". False for what cannot be parsed.
bool denies_deletion(std::string_view descriptor);

}  // namespace decom::directory
