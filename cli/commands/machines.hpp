#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands/verb.hpp"

namespace decom::cli {

/// What was typed, and what a file lists: one machine a line, blank lines and lines that begin with # left out.
/// "-" is stdin, as a machine or as the file. Throws `usage` when nothing is left, or the file cannot be read.
struct MachineList {
  std::vector<std::string> machines;
  bool from_stdin = false;
};
MachineList read_machines(const std::vector<std::string>& typed, const std::string& file);

/// "17", or "17.3", or "17.3/destroy".
struct RequestRef {
  std::int64_t request = 0;
  std::optional<int> machine;
  std::string step;

  [[nodiscard]] std::string machine_id() const;  ///< "17.3"
};
/// nullopt for what does not look like one.
std::optional<RequestRef> request_ref(const std::string& text);
/// Throws `usage`.
RequestRef parse_request_ref(const std::string& text);

/// A request, or machines of one.
struct RequestOptions {
  std::string request;                ///< as typed: "17", or "17.3"
  std::vector<std::string> machines;  ///< of --vm

  void add(const Verb& verb);
  /// What the API calls the machines; none: all of them.
  [[nodiscard]] std::vector<std::string> machines_of(const RequestRef& ref) const;
};

}  // namespace decom::cli
