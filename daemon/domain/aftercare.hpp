#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"

namespace decom {

enum class AftercareKind {
  look,  ///< whether records that were removed are there again
  lift   ///< what the step left behind for as long as its decommission lasted
};
std::string_view to_string(AftercareKind kind);
AftercareKind aftercare_kind_from(std::string_view name);  ///< throws `invalid`

enum class AftercareState {
  waiting,  ///< its time has not come, or it is tried again later
  done,
  given_up  ///< a person was told so
};
std::string_view to_string(AftercareState state);
AftercareState aftercare_state_from(std::string_view name);  ///< throws `invalid`

/// One thing that falls due for a step after its decommission has ended.
struct Aftercare {
  std::int64_t id = 0;
  std::int64_t decommission = 0;
  std::int64_t step = 0;
  std::string step_name;
  AftercareKind kind = AftercareKind::look;
  std::chrono::milliseconds after{0};  ///< the end it fell due
  Timestamp due{};                     ///< when it is tried, or tried again
  AftercareState state = AftercareState::waiting;
  int attempts = 0;
  std::string said = {};                ///< for people: what came of it last; empty: not begun
  std::vector<std::string> found = {};  ///< by a look: ids of the records that were there
};

}  // namespace decom
