#include "daemon/domain/plan.hpp"

#include <algorithm>

#include "common/base/error.hpp"

namespace decom {

std::string_view to_string(OnFailure on_failure) { return on_failure == OnFailure::stop ? "stop" : "warn"; }

OnFailure on_failure_from(std::string_view name) {
  if (name == "stop") return OnFailure::stop;
  if (name == "warn") return OnFailure::warn;
  throw Error{ErrorCode::invalid, "'{}' is not what a step may do on failure: stop or warn", name};
}

std::vector<std::size_t> predecessors(const Plan& plan, std::size_t index) {
  const PlanStep& step = plan.steps.at(index);
  if (step.after.empty()) return index == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{index - 1};
  std::vector<std::size_t> before;
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (std::ranges::find(step.after, plan.steps[i].name) != step.after.end()) before.push_back(i);
  return before;
}

}  // namespace decom
