#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/records/definition.hpp"

namespace decom {

/// A definition of kind `exec`, read.
struct ExecOptions {
  std::string command;            ///< absolute path of an executable; empty: `line`
  std::string sha256;             ///< of the executable, frozen when the definition was loaded
  std::vector<std::string> line;  ///< a language's command with the code in its place; empty: nobody defined it
  std::string language;           ///< for people
  std::vector<std::string> args;  ///< behind the verb
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> secrets;  ///< name in /run/secrets to name of the secret
  bool network = false;
  std::int64_t memory_bytes = std::int64_t{50} * 1024 * 1024;
  std::int64_t tmp_bytes = std::int64_t{16} * 1024 * 1024;
  std::int64_t processes = 64;
  std::chrono::milliseconds timeout = std::chrono::seconds{10};
};

/// Every mistake goes to the reader. Looks at no executable.
ExecOptions read_exec_options(DefinitionReader& reader);

}  // namespace decom
