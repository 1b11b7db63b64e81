#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/machine.hpp"

namespace decom {

/// What the site allows at all.
struct Policy {
  std::size_t machines_a_request = 25;  ///< settable; the cheapest safety there is
};

/// Why a machine must never be destroyed by this program, whoever asks; empty when nothing speaks against it.
/// `protected_uuids` are BIOS or instance UUIDs of the vCenters' own VMs and of the daemon's own.
std::vector<std::string> refusals(const Machine& machine, const std::vector<std::string>& protected_uuids);

}  // namespace decom
