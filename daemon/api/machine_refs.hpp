#pragma once

#include <string>
#include <vector>

#include "daemon/domain/request.hpp"

namespace decom {

/// What people write for machines of a request: "3", "17.3", "lab:vm-123", or a name that is unique in the request.
/// Ordinals in the order given, each once. Throws `not_found` or `ambiguous` with a finding for each that does not fit.
std::vector<int> find_machines(const Request& request, const std::vector<std::string>& refs);

class Inventory;

/// One machine of the mirror, by its id ("lab:vm-123") or a name that is unique. Throws `not_found` (with similar
/// names) or `ambiguous` (with the hits).
Machine machine_of_mirror(const Inventory& inventory, const std::string& wanted);

}  // namespace decom
