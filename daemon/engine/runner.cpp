#include "daemon/engine/runner.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/core.h>
#include <pthread.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/engine/step_run.hpp"

namespace decom {

Runner::Runner(EngineRoom& room, Claim claim, std::stop_token stop)
    : room_(room), claim_(std::move(claim)), stop_(std::move(stop)) {
  std::ranges::sort(claim_.decommission.steps, {}, &Step::ordinal);
  // It was read right before the request was accepted.
  history_.saw({.ours = std::max(claim_.decommission.created, claim_.request.created), .theirs = {}});
  for (const Effect& effect : claim_.effects)
    if (effect.outcome == EffectOutcome::done) history_.did(effect.step, effect.call, effect.target);
}

void Runner::run() {
  run_steps();
  if (failure_) throw Error{failure_->code, "{}", failure_->text};
  if (interrupted_) return requeue();
  settle();
}

void Runner::run_steps() {
  std::vector<std::jthread> threads;
  std::unique_lock lock(mutex_);
  while (!failure_ && !interrupted_ && !cancelled_) {
    const auto index = beside_ < kMostBeside ? next_step(beside_ > 0) : std::nullopt;
    if (!index) {
      if (beside_ == 0) break;
      ended_.wait(lock, [&, before = beside_] { return beside_ < before; });
      continue;
    }
    if (room_.shutdown.stop_requested()) {
      interrupted_ = true;
      break;
    }
    tried_.insert(*index);
    if (removes_records(*index) && (beside_ > 0 || next_step(true))) {
      threads.emplace_back([this, index = *index] { run_beside(index); });
      ++beside_;
      continue;
    }
    lock.unlock();
    const bool went_through = run_step(*index);
    lock.lock();
    if (!went_through) interrupted_ = true;
  }
  lock.unlock();
  threads.clear();  // joins: whatever ended the others waits for the truth about these
}

bool Runner::removes_records(std::size_t index) const {
  const PlanStep& step = claim_.decommission.plan.steps.at(index);
  return !step.skipped && room_.registry.at(step.kind).removes_records;
}

void Runner::run_beside(std::size_t index) {
  ::pthread_setname_np(::pthread_self(), "record");
  bool went_through = true;
  std::optional<Failure> failure;
  try {
    went_through = run_step(index);
  } catch (const Error& e) {
    failure = {e.code(), e.what()};
  } catch (const std::exception& e) {
    failure = {ErrorCode::internal, e.what()};
  }
  const std::lock_guard guard(mutex_);
  if (!went_through) interrupted_ = true;
  if (failure && !failure_) failure_ = std::move(failure);
  --beside_;
  ended_.notify_all();
}

std::optional<std::size_t> Runner::next_step(bool beside_others) const {
  const auto& steps = claim_.decommission.steps;
  const auto has_passed = [&](std::size_t i) { return is_passed(steps[i].state); };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (tried_.contains(i) || (beside_others && !removes_records(i))) continue;
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
  const auto insist = [&](const std::function<void()>& write) { room_.gate.insist(write, room_.shutdown.get_token()); };
  const auto finish = [&](std::int64_t attempt, const StepResult& result) {
    insist([&] { room_.store.finish_attempt(attempt, result); });
    const std::lock_guard guard(mutex_);
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
    if (result->state == StepState::cancelled) {
      const std::lock_guard guard(mutex_);
      cancelled_ = true;
    }
  } catch (const Error& e) {
    if (e.code() == ErrorCode::cancelled) {
      const std::lock_guard guard(mutex_);
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
  for (const Step& step : steps) {
    const OnFailure then = claim_.decommission.plan.steps.at(static_cast<std::size_t>(step.ordinal)).on_failure;
    if (step.state == StepState::blocked && then == OnFailure::ask) return commit(Trigger::doubt, say(step));
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
