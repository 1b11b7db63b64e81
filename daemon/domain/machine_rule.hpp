#pragma once

#include <string>
#include <vector>

#include "daemon/domain/os_family.hpp"

namespace decom {

/// For which machines something is meant. Every condition given must hold; patterns are globs, case-insensitive.
struct MachineRule {
  std::vector<OsFamily> families;
  std::vector<std::string> guest_ids;
  std::vector<std::string> vcenters;
  std::vector<std::string> folders;
  std::vector<std::string> tags;
  std::vector<std::string> names;

  [[nodiscard]] bool empty() const {
    return families.empty() && guest_ids.empty() && vcenters.empty() && folders.empty() && tags.empty() &&
           names.empty();
  }
  bool operator==(const MachineRule&) const = default;
};

}  // namespace decom
