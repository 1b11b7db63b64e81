#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/domain/plan.hpp"

namespace decom {

/// The world already is as the step would leave it.
struct Satisfied {
  std::string what;
};
/// Something is to be done.
struct Needed {
  std::string what;                   ///< for people: "power off web01, tools are running"
  std::vector<FrozenRecord> records;  ///< exactly what would be removed; empty where the machine itself is meant
  std::string before;                 ///< before-image of the machine, for the evidence; records have their own
};
/// It must not be done as things are; a person has to change something.
struct Blocked {
  std::string why;
};
/// Left alone on purpose, with a warning that stays visible: for example records whose owner could not be proven.
struct LeftAlone {
  std::string why;
};
/// There is no proof of what became of it: not visible, yet not proven gone. Only ever for what cannot be undone.
struct Unknown {
  std::string why;
};

/// What a step saw before it acts.
using Observation = std::variant<Satisfied, Needed, Blocked, LeftAlone, Unknown>;

std::string_view kind_of(
    const Observation& observation);  ///< "satisfied", "needed", "blocked", "left_alone", "unknown"
const std::string& text_of(const Observation& observation);  ///< its `what` or `why`

/// One record as a step saw it, for people.
struct SeenRecord {
  FrozenRecord record;
  std::vector<std::string> facts;  ///< that agree with the machine
  std::string left_alone;          ///< why it would not be removed; empty: it would

  bool operator==(const SeenRecord&) const = default;
};

}  // namespace decom
