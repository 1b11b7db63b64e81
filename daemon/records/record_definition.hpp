#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "daemon/domain/machine_rule.hpp"
#include "daemon/domain/plan.hpp"

namespace decom {

/// The step of the built-in plans that a system comes after where its definition names none.
inline constexpr const char* kComesAfter = "destroy";

/// One configured system: a file of records.d, checked and complete.
struct RecordDefinition {
  std::string name;     ///< "dns-corp"; steps and plans name it
  std::string kind;     ///< of record_kinds()
  std::string summary;  ///< one line for people; empty: what its kind says
  /// What its kind reads, as JSON with sorted keys and without secrets. This text is what a plan freezes.
  std::string definition;
  std::chrono::milliseconds deadline{30'000};  ///< of one look
  std::vector<std::string> after;              ///< in shipped plans: names of other systems, or of the plan's own steps
  OnFailure on_failure = OnFailure::stop;
  OnReturn on_return = OnReturn::warn;
  MachineRule rule;        ///< of machines that may have records in it
  std::string source;      ///< "/etc/decom/records.d/dns-corp.toml"
  bool silences = false;   ///< it can be made quiet about a machine
  std::string unverified;  ///< what nobody has tried yet, in the words of who wrote the file; usually empty

  bool operator==(const RecordDefinition&) const = default;
};

}  // namespace decom
