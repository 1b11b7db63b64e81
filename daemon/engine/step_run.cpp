#include "daemon/engine/step_run.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/engine/backoff.hpp"

namespace decom {
namespace {

using std::chrono::milliseconds;

// How long the second look may take to show what the call did: other servers copy it from the one that was asked.
constexpr std::chrono::seconds kVerifyWithin{30};

EventLevel level_of(StepState state) {
  switch (state) {
    case StepState::failed:
    case StepState::unknown:
    case StepState::blocked: return EventLevel::error;
    case StepState::warned:
    case StepState::deferred: return EventLevel::warning;
    case StepState::pending:
    case StepState::running:
    case StepState::succeeded:
    case StepState::already:
    case StepState::skipped:
    case StepState::cancelled: break;
  }
  return EventLevel::info;
}

}  // namespace

StepRun::StepRun(EngineRoom& room, const Claim& claim, const PlanStep& step, const Step& row,
                 const std::vector<Effect>& effects, std::int64_t attempt, std::stop_token stop,
                 MachineHistory& history)
    : room_(room),
      claim_(claim),
      step_(step),
      kind_(room.registry.at(step.kind)),
      row_(row),
      stop_(std::move(stop)),
      history_(history),
      does_(room.registry.make(step)),
      attempt_(room, claim, step, kind_, row.id, attempt, stop_, history),
      done_before_(std::ranges::any_of(effects, [](const Effect& e) { return e.outcome == EffectOutcome::done; })) {
  attempt_.inherit(effects);
}

std::optional<StepResult> StepRun::run() {
  for (;;) {
    try {
      if (auto result = recover()) return result;
      return act();
    } catch (const Error& e) {
      if (e.code() == ErrorCode::storage) throw;
      attempt_.judge(e);
      const bool waits = e.code() == ErrorCode::cancelled || traits(e.code()).transient || attempt_.has_open() ||
                         e.code() == ErrorCode::storage_full;
      if (is_shut_down() && waits) {
        interrupted();
        return std::nullopt;
      }
      if (auto result = judge(e)) return result;
      if (is_shut_down()) {
        interrupted();
        return std::nullopt;
      }
    }
  }
}

std::optional<StepResult> StepRun::recover() {
  phase_ = Phase::recovering;
  for (TrackedCall& call : attempt_.calls()) {
    if (call.outcome) continue;
    attempt_.pass("during_recovery");
    if (auto result = recover(call)) return result;
  }
  return std::nullopt;
}

std::optional<StepResult> StepRun::recover(TrackedCall& call) {
  const Observation seen = does_->resume(attempt_, call.call);
  const std::string& text = text_of(seen);
  if (std::holds_alternative<Satisfied>(seen)) {
    attempt_.close(call, EffectOutcome::done, text);
    return std::nullopt;
  }
  if (call.was_unknown && !claim_.apply_again)
    return in_doubt(
        fmt::format("{}; nothing was sent again: 'retry --apply' allows one more call, 'resolve' closes it", text));
  if (std::holds_alternative<Needed>(seen)) {
    // Where a second call does no harm nobody proved that there was no first one.
    attempt_.close(call, call.irreversible ? EffectOutcome::not_sent : EffectOutcome::unknown, text);
    if (tries_ < room_.options.attempts) return std::nullopt;
    return deferred(fmt::format("{}; no call came through in {} tries", text, tries_), ErrorCode::lost,
                    room_.clock.now() + later());
  }
  if (std::holds_alternative<Blocked>(seen)) {
    attempt_.close(call, EffectOutcome::refused, text);
    return outcome(StepState::failed, text, ErrorCode::refused);
  }
  if (!claim_.apply_again || !call.inherited || !call.was_unknown) return in_doubt(text);
  attempt_.close(call, EffectOutcome::unknown, text);  // a person who knew that allowed one more call
  return std::nullopt;
}

Observation StepRun::look() {
  const Timestamp started = room_.clock.now();
  Observation seen = does_->observe(attempt_);
  // That something is to be done to the VM itself means that it was seen.
  if (std::holds_alternative<Needed>(seen) && !kind_.vcenter_rights.empty())
    history_.saw({.ours = started, .theirs = {}});
  attempt_.insist([&] { room_.store.observed(attempt_.id(), seen); });
  return seen;
}

StepResult StepRun::act() {
  phase_ = Phase::observing;
  const Observation seen = look();
  if (const auto* needed = std::get_if<Needed>(&seen)) {
    if (stop_.stop_requested()) throw Error{ErrorCode::cancelled, "stopped before anything was sent"};
    // It took effect, with proof, and is to be done again: never by itself.
    if (kind_.irreversible && was_done(*needed) && !claim_.apply_again) return verify();
    phase_ = Phase::applying;
    does_->apply(attempt_, *needed);
    return verify();
  }
  const std::string& text = text_of(seen);
  if (std::holds_alternative<Satisfied>(seen))
    return outcome(done_before_ || attempt_.has_done() ? StepState::succeeded : StepState::already, text);
  if (std::holds_alternative<Blocked>(seen)) return outcome(StepState::blocked, text, ErrorCode::conflict);
  if (std::holds_alternative<LeftAlone>(seen)) return outcome(StepState::warned, text);
  return in_doubt(text);
}

bool StepRun::was_done(const Needed& needed) const {
  if (needed.records.empty()) return done_before_ || attempt_.has_done();
  return std::ranges::all_of(needed.records,
                             [&](const FrozenRecord& record) { return history_.has_done_to(row_.id, record.id); });
}

std::string StepRun::what_was_done() const {
  std::vector<std::string> details;
  for (const TrackedCall& call : attempt_.calls())
    if (call.outcome == EffectOutcome::done) details.push_back(call.detail);
  return join(details, ", ");
}

StepResult StepRun::verify() {
  phase_ = Phase::verifying;
  const auto until = std::min(attempt_.deadline(), room_.clock.steady() + kVerifyWithin);
  for (milliseconds pause{100};; pause = std::min(pause * 2, milliseconds{2'000})) {
    const Observation seen = does_->observe(attempt_);
    const std::string& text = text_of(seen);
    const bool did = attempt_.has_done();
    if (std::holds_alternative<Satisfied>(seen))
      return outcome(did || done_before_ ? StepState::succeeded : StepState::already, text);
    if (std::holds_alternative<LeftAlone>(seen))
      return outcome(StepState::warned, did ? fmt::format("{}; {}", what_was_done(), text) : text);
    if (std::holds_alternative<Blocked>(seen)) return outcome(StepState::blocked, text, ErrorCode::conflict);
    if (std::holds_alternative<Unknown>(seen)) return in_doubt(text);
    // A cancel does not keep it from being known what was done.
    if (room_.clock.steady() >= until || !sleep_for(room_.clock, pause, attempt_.shutdown())) {
      if (is_shut_down()) throw Error{ErrorCode::cancelled, "stopped before the second look"};
      const std::string why = fmt::format("it was done, and a second look does not show it: {}", text);
      if (kind_.irreversible && (did || done_before_)) return in_doubt(why);
      return outcome(StepState::failed, why, ErrorCode::conflict);
    }
  }
}

std::optional<StepResult> StepRun::judge(const Error& error) {
  ++tries_;
  if (attempt_.has_open()) return judge_open(error);
  switch (error.code()) {
    case ErrorCode::cancelled:
      if (stop_.stop_requested()) return outcome(StepState::cancelled, error.what(), error.code());
      break;  // somebody cancelled its task in vCenter
    case ErrorCode::frozen: return deferred(error.what(), error.code(), std::nullopt);  // until somebody thaws it
    case ErrorCode::untrusted: return deferred(error.what(), error.code(), room_.clock.now() + later());
    case ErrorCode::storage_full:
      // Nothing was sent. This write waits until there is room; then the step starts over.
      attempt_.say(EventLevel::info, "waited for room on the daemon's disk");
      room_.gate.wait_until_open(stop_);
      --tries_;
      return std::nullopt;
    case ErrorCode::gone:
      if (phase_ == Phase::applying && tries_ < room_.options.attempts)
        return std::nullopt;  // look again what it means
      break;
    default: break;  // the table of error codes says which pass by themselves
  }
  if (traits(error.code()).transient) return try_again(error);
  return outcome(StepState::failed, error.what(), error.code());
}

std::optional<StepResult> StepRun::judge_open(const Error& error) {
  if (phase_ != Phase::recovering) {
    attempt_.say(EventLevel::info, fmt::format("finding out what became of it: {}", error.what()));
    return std::nullopt;
  }
  if (stop_.stop_requested()) return give_up(error);
  if (error.code() == ErrorCode::busy) {  // a proxy may still hold the call until its deadline
    const Timestamp now = room_.clock.now();
    Timestamp until = now + room_.options.backoff_first;
    for (const TrackedCall& call : attempt_.calls())  // never longer than the call itself, whatever the clock did since
      if (!call.outcome)
        until = std::max(until, std::min(call.call.deadline, now + (call.call.deadline - call.call.opened)));
    return deferred(error.what(), error.code(), until);
  }
  if (traits(error.code()).transient) return try_again(error);
  return give_up(error);
}

StepResult StepRun::give_up(const Error& error) {
  if (kind_.irreversible) return in_doubt(error.what());
  const bool cancelled = stop_.stop_requested();
  for (TrackedCall& call : attempt_.calls())
    if (!call.outcome) attempt_.close(call, EffectOutcome::unknown, error.what());
  return outcome(cancelled ? StepState::cancelled : StepState::failed, error.what(), error.code());
}

milliseconds StepRun::later() const {
  const EngineOptions& options = room_.options;
  const milliseconds cap =
      backoff_cap(options.backoff_first, options.backoff_most, options.attempts + std::max(0, row_.attempts));
  return cap / 2 + jittered(cap / 2);
}

std::optional<StepResult> StepRun::try_again(const Error& error) {
  const EngineOptions& options = room_.options;
  if (tries_ >= options.attempts) return deferred(error.what(), error.code(), room_.clock.now() + later());
  const milliseconds pause = jittered(backoff_cap(options.backoff_first, options.backoff_most, tries_ - 1));
  attempt_.say(EventLevel::info, fmt::format("{}; trying again in {} ({} of {})", error.what(), to_text(pause),
                                             tries_ + 1, options.attempts));
  if (sleep_for(room_.clock, pause, stop_) || is_shut_down()) return std::nullopt;
  if (attempt_.has_open()) return give_up(error);
  return outcome(StepState::cancelled, fmt::format("cancelled while it could not be done: {}", error.what()),
                 ErrorCode::cancelled);
}

void StepRun::interrupted() {
  // What is known already must not be found out again: an intent that was never sent would hold the next start up.
  try {
    attempt_.write_outcomes();
  } catch (const Error& e) {
    log::warning("engine", "the outcome of a call is left to the next start: {}", e.what());
  }
}

StepResult StepRun::outcome(StepState state, const std::string& text, std::optional<ErrorCode> code) {
  StepResult result{.state = state, .text = text, .level = level_of(state), .code = code, .effects = attempt_.closed()};
  const bool tolerated = step_.on_failure == OnFailure::warn && code != ErrorCode::denied &&
                         (state == StepState::failed || state == StepState::blocked);
  if (tolerated) {
    result.state = StepState::warned;
    result.level = EventLevel::warning;
    result.text = fmt::format("{} (the plan goes on)", text);
  }
  if (step_.on_failure == OnFailure::ask && state == StepState::failed) {
    result.state = StepState::blocked;
    result.text = fmt::format("{} (a person decides: retry it, or resolve it)", text);
  }
  return result;
}

StepResult StepRun::deferred(const std::string& text, std::optional<ErrorCode> code,
                             std::optional<Timestamp> not_before) {
  // One that came due while others of its machine were at work is still `deferred`: nobody woke it.
  const bool again =
      (row_.state == StepState::pending || row_.state == StepState::deferred) && row_.attempts > 0 && row_.started;
  StepResult result = outcome(
      StepState::deferred, again ? fmt::format("{} (waiting since {})", text, to_rfc3339(*row_.started)) : text, code);
  result.not_before = not_before;
  return result;
}

StepResult StepRun::in_doubt(const std::string& text) {
  for (TrackedCall& call : attempt_.calls())
    if (!call.outcome) attempt_.close(call, EffectOutcome::unknown, text);
  return outcome(StepState::unknown, text);
}

}  // namespace decom
