#include "daemon/domain/plan.hpp"

#include <algorithm>
#include <set>

#include "common/base/error.hpp"

namespace decom {

namespace {

std::vector<std::size_t> named_or_before(const Plan& plan, std::size_t index) {
  const PlanStep& step = plan.steps.at(index);
  if (step.after.empty()) return index == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{index - 1};
  std::vector<std::size_t> before;
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (std::ranges::find(step.after, plan.steps[i].name) != step.after.end()) before.push_back(i);
  return before;
}

}  // namespace

std::string_view to_string(OnFailure on_failure) {
  switch (on_failure) {
    case OnFailure::stop: return "stop";
    case OnFailure::warn: return "warn";
    case OnFailure::ask: return "ask";
  }
  return "stop";
}

OnFailure on_failure_from(std::string_view name) {
  for (const OnFailure one : {OnFailure::stop, OnFailure::warn, OnFailure::ask})
    if (name == to_string(one)) return one;
  throw Error{ErrorCode::invalid, "'{}' is not what a step may do on failure: stop, warn or ask", name};
}

std::string_view to_string(OnReturn on_return) { return on_return == OnReturn::warn ? "warn" : "remove"; }

OnReturn on_return_from(std::string_view name) {
  for (const OnReturn one : {OnReturn::warn, OnReturn::remove})
    if (name == to_string(one)) return one;
  throw Error{ErrorCode::invalid, "'{}' is not what becomes of records that came back: warn or remove", name};
}

std::vector<std::size_t> predecessors(const Plan& plan, std::size_t index) {
  std::set<std::size_t> before;
  std::set<std::size_t> seen{index};
  std::vector<std::size_t> open = named_or_before(plan, index);
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    if (!seen.insert(at).second) continue;
    if (!plan.steps[at].skipped) {
      before.insert(at);
      continue;
    }
    for (const std::size_t further : named_or_before(plan, at)) open.push_back(further);
  }
  return {before.begin(), before.end()};
}

}  // namespace decom
