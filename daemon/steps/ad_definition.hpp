#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/records/definition.hpp"

namespace decom {

/// The computer accounts of one more domain, as a file of records.d: its domain controllers, its service account, its
/// units, and what becomes of an account. People log in with the domain of [directory] alone.
RecordKind ad_computer_kind();

/// Those of the records room, and what stands on the directory.
const std::vector<RecordKind>& all_record_kinds();

/// A definition of that kind in which a step's parameters have the last word. What is no JSON object stays as it is.
std::string with_action(const std::string& definition, const std::map<std::string, std::string>& params);

}  // namespace decom
