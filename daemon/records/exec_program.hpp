#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"

namespace decom {

struct ExecProgram {
  std::string bytes;
  std::string sha256;
};

/// The bytes of an executable, from a file that root alone can change: it and every folder above it belong to root,
/// nobody else may write to them, and none is a symbolic link. It is opened once, and what is checked is what is read.
///
/// Throws `refused` and says which part is wrong and how it is mended.
ExecProgram read_exec_program(const std::string& path);

/// Adds the hash of its executable to a definition that is being loaded. One that is written there already must be the
/// file's.
void freeze_exec(nlohmann::json& definition, std::vector<Finding>& mistakes);

}  // namespace decom
