#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/domain/machine.hpp"
#include "daemon/records/record.hpp"

namespace decom {

/// What a foreign system says of the machine that a record belongs to: name, host, ip, uuid, mac, each with its values.
using ForeignFacts = std::map<std::string, std::vector<std::string>>;

/// Compares them with the machine, and fills the record's `facts`, `against` and `bears`. What the machine does not say
/// of itself neither agrees nor speaks against.
void weigh_foreign_facts(const Machine& machine, const ForeignFacts& facts, Record& record);

}  // namespace decom
