#include "daemon/engine/runner.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/engine/step_run.hpp"

namespace decom {

Runner::Runner(EngineRoom& room, Claim claim, std::stop_token stop)
    : room_(room), claim_(std::move(claim)), stop_(std::move(stop)) {
  std::ranges::sort(claim_.decommission.steps, {}, &Step::ordinal);
  // It was read right before the request was accepted.
  history_.seen.ours = std::max(claim_.decommission.created, claim_.request.created);
  for (const Effect& effect : claim_.effects)
    if (effect.outcome == EffectOutcome::done) history_.done.insert({effect.call, effect.target, effect.step});
}

void Runner::run() {
  while (const auto index = next_step()) {
    if (room_.shutdown.stop_requested()) return requeue();
    if (!run_step(*index)) return requeue();
    if (cancelled_) break;
  }
  settle();
}

std::optional<std::size_t> Runner::next_step() const {
  const auto& steps = claim_.decommission.steps;
  const auto has_passed = [&](std::size_t i) { return is_passed(steps[i].state); };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (tried_.contains(i)) continue;
    const Step& step = steps[i];
    const bool waits =
        step.state == StepState::pending || step.state == StepState::running ||
        (step.state == StepState::deferred && (!step.not_before || *step.not_before <= room_.clock.now()));
    if (waits && std::ranges::all_of(predecessors(claim_.decommission.plan, i), has_passed)) return i;
  }
  return std::nullopt;
}

bool Runner::run_step(std::size_t index) {
  Step& row = claim_.decommission.steps[index];
  const PlanStep& planned = claim_.decommission.plan.steps.at(index);
  tried_.insert(index);
  const auto insist = [&](const std::function<void()>& write) { room_.gate.insist(write, room_.shutdown.get_token()); };
  const auto finish = [&](std::int64_t attempt, const StepResult& result) {
    insist([&] { room_.store.finish_attempt(attempt, result); });
    row.state = result.state;
    row.message = result.text;
    row.not_before = result.not_before;
  };
  try {
    std::int64_t attempt = 0;
    insist([&] { attempt = room_.store.begin_attempt(row.id); });
    if (planned.skipped) {
      finish(attempt, {.state = StepState::skipped, .text = planned.why});
      return true;
    }
    const std::vector<Effect> effects = room_.store.effects_of(row.id);
    StepRun step(room_, claim_, planned, row, effects, attempt, stop_, history_);
    const auto result = step.run();
    if (!result) return false;
    step.attempt().pass("before_t3");
    finish(attempt, *result);
    step.attempt().pass("after_t3");
    if (result->state == StepState::cancelled) cancelled_ = true;
  } catch (const Error& e) {
    if (e.code() == ErrorCode::cancelled) {
      cancelled_ = true;
      return true;
    }
    if (e.code() == ErrorCode::storage_full && room_.shutdown.stop_requested()) return false;
    throw;
  }
  return true;
}

const Step* Runner::first(StepState state) const {
  const auto& steps = claim_.decommission.steps;
  const auto found = std::ranges::find(steps, state, &Step::state);
  return found == steps.end() ? nullptr : &*found;
}

std::string Runner::what_was_done() const {
  std::vector<std::string> done;
  std::vector<std::string> not_done;
  for (const Step& step : claim_.decommission.steps) {
    if (step.state == StepState::succeeded || step.state == StepState::already) {
      done.push_back(step.name);
    } else if (!is_passed(step.state)) {
      not_done.push_back(step.name);
    }
  }
  return fmt::format("done: {}; not done: {}", done.empty() ? "nothing" : join(done, ", "), join(not_done, ", "));
}

void Runner::settle() {
  const std::int64_t id = claim_.decommission.id;
  const auto& steps = claim_.decommission.steps;
  const auto commit = [&](Trigger trigger, const std::string& reason,
                          std::optional<Timestamp> not_before = std::nullopt) {
    room_.gate.insist([&] { room_.store.settle(id, trigger, reason, not_before); }, room_.shutdown.get_token());
  };
  const auto say = [](const Step& step) { return fmt::format("{}: {}", step.name, step.message); };
  if (std::ranges::all_of(steps, [](const Step& step) { return is_passed(step.state); }))
    return commit(Trigger::finish, "");
  if (const Step* step = first(StepState::unknown)) return commit(Trigger::doubt, say(*step));
  const Step* deferred = first(StepState::deferred);
  if (cancelled_) return commit(Trigger::cancel, what_was_done());
  if (deferred != nullptr) {
    std::optional<Timestamp> not_before;
    for (const Step& step : steps)
      if (step.state == StepState::deferred && step.not_before)
        not_before = not_before ? std::min(*not_before, *step.not_before) : step.not_before;
    return commit(Trigger::hold, say(*deferred), not_before);
  }
  for (const StepState state : {StepState::failed, StepState::blocked})
    if (const Step* step = first(state)) return commit(Trigger::fail, say(*step));
  throw Error{ErrorCode::internal, "decommission {} has no step that can run and none that says why", id};
}

void Runner::requeue() {
  try {
    room_.store.settle(claim_.decommission.id, Trigger::requeue, "the daemon was stopped");
  } catch (const Error& e) {
    log::warning("engine", "left as running, the next start finds it: {}", e.what());
  }
}

}  // namespace decom
