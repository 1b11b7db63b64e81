#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace decom {

/// What a step's failure means for those behind it: they stop; it is a warning and they go on; a person decides.
enum class OnFailure { stop, warn, ask };
std::string_view to_string(OnFailure on_failure);
OnFailure on_failure_from(std::string_view name);  ///< throws `invalid`

/// What becomes of records that are there again after the end: a warning; or that, and they are removed once more.
enum class OnReturn { warn, remove };
std::string_view to_string(OnReturn on_return);
OnReturn on_return_from(std::string_view name);  ///< throws `invalid`

/// A record in another system, as a person was shown it when the plan was made.
struct FrozenRecord {
  std::string id;           ///< as its system finds it again
  std::string what;         ///< for people
  std::string before;       ///< what it said: it is not removed once it says something else
  std::string effect = {};  ///< what is done to it: "disable", "move"; empty: it is removed

  bool operator==(const FrozenRecord&) const = default;
};

/// One step of a plan. `name` is the site's, `kind` is ours ("vsphere.power_off").
struct PlanStep {
  std::string name;
  std::string kind;
  bool irreversible = false;                  ///< as the registry says of the kind, frozen here
  std::map<std::string, std::string> params;  ///< as the kind's documentation names them
  std::vector<std::string> after;             ///< names of steps; empty: the step before it in the list
  OnFailure on_failure = OnFailure::stop;
  OnReturn on_return = OnReturn::warn;
  bool skipped = false;  ///< by --skip; recorded, shown, not run
  std::string why;       ///< why it is in, or why it is skipped: for people
  std::string system;    ///< configured system of records that it works on: "dns-corp"; empty for other kinds
  /// Of that system, as JSON without secrets: what was accepted runs, whatever the configuration says by then.
  std::string definition;
  /// Exactly what may be removed. None: the system could not be read when the plan was made, and nothing is removed.
  std::optional<std::vector<FrozenRecord>> records;

  bool operator==(const PlanStep&) const = default;
};

/// A machine's frozen list of steps. Accepted plans never change.
struct Plan {
  std::string name;  ///< "windows"
  int format = 2;    ///< of this structure, as stored: 2 has systems and records
  std::vector<PlanStep> steps;

  bool operator==(const Plan&) const = default;
};

/// Indices of the steps that `index` waits for, from `after` or the list order. A skipped one is looked through: what
/// it would have waited for is waited for, so that leaving out a step never lets those behind it begin earlier.
std::vector<std::size_t> predecessors(const Plan& plan, std::size_t index);

}  // namespace decom
