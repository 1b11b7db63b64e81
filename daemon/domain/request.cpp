#include "daemon/domain/request.hpp"

#include <algorithm>
#include <array>

namespace decom {

DecommissionState state_of_request(const std::vector<DecommissionState>& machines) {
  using enum DecommissionState;
  // The first of these that any machine is in names the request.
  constexpr std::array kPrecedence{running,          queued,          holding, scheduled,
                                   pending_approval, needs_attention, failed,  cancelled};
  for (const DecommissionState state : kPrecedence)
    if (std::ranges::find(machines, state) != machines.end()) return state;
  return succeeded;
}

}  // namespace decom
