#include "daemon/engine/attempt.hpp"

#include <algorithm>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/failpoint.hpp"
#include "common/base/log.hpp"

namespace decom {
namespace {

/// Errors after which a call that was about to be sent, and whose answer gave no handle, provably had no effect.
bool proves_no_effect(ErrorCode code) {
  switch (code) {
    case ErrorCode::lost:
    case ErrorCode::protocol:
    case ErrorCode::internal:
    case ErrorCode::storage:
    case ErrorCode::storage_full: return false;
    case ErrorCode::usage:
    case ErrorCode::invalid:
    case ErrorCode::unauthenticated:
    case ErrorCode::denied:
    case ErrorCode::not_found:
    case ErrorCode::ambiguous:
    case ErrorCode::conflict:
    case ErrorCode::precondition:
    case ErrorCode::gone:
    case ErrorCode::too_large:
    case ErrorCode::rate_limited:
    case ErrorCode::overloaded:
    case ErrorCode::frozen:
    case ErrorCode::cancelled:
    case ErrorCode::unreachable:
    case ErrorCode::timed_out:
    case ErrorCode::busy:
    case ErrorCode::refused:
    case ErrorCode::untrusted: return true;
  }
  return false;
}

bool was_not_even_sent(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::untrusted || code == ErrorCode::cancelled ||
         code == ErrorCode::unauthenticated;
}

bool needs_writing(const TrackedCall& call) {
  const bool says_nothing_new = call.was_unknown && call.outcome == EffectOutcome::unknown;
  return call.outcome && !call.written && !says_nothing_new;
}

}  // namespace

void MachineHistory::did(std::int64_t step, const std::string& call, const std::string& target) {
  const std::lock_guard guard(mutex_);
  done_.insert({.step = step, .target = target, .call = call});
}

bool MachineHistory::has_done(const std::string& call) const {
  const std::lock_guard guard(mutex_);
  return std::ranges::find(done_, call, &Done::call) != done_.end();
}

bool MachineHistory::has_done(std::int64_t step, const std::string& call, const std::string& target) const {
  const std::lock_guard guard(mutex_);
  return done_.contains({.step = step, .target = target, .call = call});
}

bool MachineHistory::has_done_to(std::int64_t step, const std::string& target) const {
  const std::lock_guard guard(mutex_);
  return std::ranges::any_of(done_, [&](const Done& done) { return done.step == step && done.target == target; });
}

void MachineHistory::saw(const LastSeen& seen) {
  const std::lock_guard guard(mutex_);
  seen_ = seen;
}

LastSeen MachineHistory::seen() const {
  const std::lock_guard guard(mutex_);
  return seen_;
}

class Attempt::Handle final : public Call {
 public:
  Handle(Attempt& attempt, TrackedCall& call) : attempt_(attempt), call_(call) {}

  void handle(const std::string& reference) override {
    attempt_.pass("after_send");
    call_.call.handle = reference;
    try {
      attempt_.room_.store.set_handle(call_.call.effect, reference);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::storage_full) throw;
      attempt_.room_.gate.note(e.what());  // it is in memory, T3 will say it, and vCenter's history knows it too
    }
    attempt_.pass("after_t2");
  }
  void done(const std::string& detail) override {
    if (call_.call.handle.empty()) {  // no handle to commit: both points are the moment after the answer
      attempt_.pass("after_send");
      attempt_.pass("after_t2");
    }
    attempt_.close(call_, EffectOutcome::done, detail);
  }
  void refused(const std::string& detail) override { attempt_.close(call_, EffectOutcome::refused, detail); }
  void not_sent(const std::string& detail) override { attempt_.close(call_, EffectOutcome::not_sent, detail); }
  void unclear(const std::string& detail) override { attempt_.close(call_, EffectOutcome::unknown, detail); }

 private:
  Attempt& attempt_;
  TrackedCall& call_;
};

Attempt::Attempt(EngineRoom& room, const Claim& claim, const PlanStep& step, const KindTraits& kind, std::int64_t row,
                 std::int64_t id, std::stop_token stop, MachineHistory& history)
    : room_(room),
      claim_(claim),
      step_(step),
      kind_(kind),
      row_(row),
      id_(id),
      stop_(std::move(stop)),
      history_(history),
      deadline_(room.clock.steady() + room.registry.deadline(step) +
                (kind.waits_for_guest ? claim.request.options.shutdown_timeout : std::chrono::milliseconds{0})) {}

void Attempt::inherit(const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    const bool open = effect.outcome == EffectOutcome::open;
    // Of what was closed without proof, the last call on a target counts: a later one was allowed by a person who knew.
    const bool is_last = std::ranges::none_of(
        effects, [&](const Effect& other) { return other.target == effect.target && other.id > effect.id; });
    const bool in_doubt = effect.outcome == EffectOutcome::unknown && effect.irreversible && is_last;
    if (!open && !in_doubt) continue;
    calls_.push_back({.call = {.effect = effect.id,
                               .call = effect.call,
                               .target = effect.target,
                               .before = effect.before,
                               .handle = effect.handle,
                               .opened = effect.opened,
                               .deadline = effect.deadline,
                               .server_time = effect.server_time},
                      .irreversible = effect.irreversible,
                      .inherited = true,
                      .was_unknown = in_doubt});
  }
}

bool Attempt::has_open() const {
  return std::ranges::any_of(calls_, [](const TrackedCall& call) { return !call.outcome; });
}

bool Attempt::has_done() const {
  return std::ranges::any_of(calls_, [](const TrackedCall& call) { return call.outcome == EffectOutcome::done; });
}

void Attempt::judge(const Error& error) {
  for (TrackedCall& call : calls_) {
    if (call.outcome || call.inherited) continue;
    if (call.call.handle.empty() && proves_no_effect(error.code())) {
      close(call, was_not_even_sent(error.code()) ? EffectOutcome::not_sent : EffectOutcome::refused, error.what());
    } else {
      call.inherited = true;  // from here on only `resume` may tell
    }
  }
}

void Attempt::close(TrackedCall& call, EffectOutcome outcome, const std::string& detail) {
  if (call.outcome) throw Error{ErrorCode::internal, "the outcome of {} was recorded already", call.call.call};
  call.outcome = outcome;
  call.detail = detail;
  if (outcome == EffectOutcome::done) history_.did(row_, call.call.call, call.call.target);
}

std::vector<StepResult::Closed> Attempt::closed() const {
  std::vector<StepResult::Closed> closed;
  for (const TrackedCall& call : calls_)
    if (needs_writing(call)) closed.push_back({call.call.effect, *call.outcome, call.detail});
  return closed;
}

void Attempt::write_outcomes() {
  for (TrackedCall& call : calls_) {
    if (!needs_writing(call)) continue;
    insist([&] { room_.store.close_effect(call.call.effect, *call.outcome, call.detail); });
    call.written = true;
  }
}

void Attempt::pass([[maybe_unused]] const char* point) const {
  DECOM_FAILPOINT(std::string("engine.") + point);
  DECOM_FAILPOINT(kind_.name + "." + point);
}

void Attempt::insist(const std::function<void()>& write) { room_.gate.insist(write, shutdown()); }

Directory& Attempt::directory() {
  if (room_.world.directory == nullptr) throw Error{ErrorCode::invalid, "no directory is configured"};
  return *room_.world.directory;
}

std::string Attempt::on_behalf_of() const { return fmt::format("{}, decom {}", claim_.request.requester, number()); }

std::string Attempt::number() const { return fmt::format("{}.{}", claim_.request.id, claim_.decommission.ordinal); }

bool Attempt::did(const std::string& call) const { return history_.has_done(call); }

bool Attempt::did(const std::string& call, const std::string& target) const {
  return history_.has_done(row_, call, target);
}

std::vector<std::string> Attempt::live_bearers(const std::string& name_or_address) {
  return room_.world.live_bearers(name_or_address, machine().identity);
}

std::unique_ptr<Call> Attempt::effect(const CallSpec& spec) {
  pass("before_t1");
  if (stop_.stop_requested()) throw Error{ErrorCode::cancelled, "stopped before {}", spec.call};
  room_.gate.require_open();
  // The store refuses irreversible intents while frozen. A freeze means that something is going wrong right now, so it
  // holds what could be undone as well.
  if (const FreezeState freeze = room_.store.freeze_state(); freeze.frozen)
    throw Error{ErrorCode::frozen, "frozen by {}: {}", freeze.who, freeze.reason};
  room_.may_act(claim_, kind_);
  write_outcomes();

  const Timestamp now = room_.clock.now();
  const EffectIntent intent{.attempt = id_,
                            .call = spec.call,
                            .target = spec.target,
                            .before = spec.before,
                            .irreversible = spec.irreversible,
                            .deadline = now + spec.deadline,
                            .server_time = spec.server_time};
  const std::int64_t effect = room_.store.open_effect(intent);
  TrackedCall& call = calls_.emplace_back(TrackedCall{.call = {.effect = effect,
                                                               .call = spec.call,
                                                               .target = spec.target,
                                                               .before = spec.before,
                                                               .opened = now,
                                                               .deadline = intent.deadline,
                                                               .server_time = spec.server_time},
                                                      .irreversible = spec.irreversible});
  pass("after_t1");
  return std::make_unique<Handle>(*this, call);
}

void Attempt::say(EventLevel level, const std::string& text) {
  insist([&] { room_.store.message(id_, level, text); });
}

void Attempt::progress(int percent, const std::string& text) { room_.store.progress(id_, percent, text); }

}  // namespace decom
