#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/store/codec.hpp"
#include "daemon/store/rows.hpp"
#include "daemon/store/verbs.hpp"

namespace decom::verbs {
namespace {

struct EffectOf {
  std::string call;
  std::string target;
  EffectOutcome outcome{};
  rows::StepOf of;
};

EffectOf find_effect(sql::Db& db, std::int64_t effect) {
  auto row = db.maybe<std::string, std::string, std::string, std::int64_t>(
      "SELECT e.call, e.target, e.outcome, a.step FROM effect e JOIN attempt a ON a.id = e.attempt WHERE e.id = :id",
      effect);
  if (!row) throw Error{ErrorCode::not_found, "there is no effect {}", effect};
  auto& [call, target, outcome, step] = *row;
  return {.call = std::move(call),
          .target = std::move(target),
          .outcome = effect_outcome_from(outcome),
          .of = rows::step(db, step)};
}

/// Recorded once. What was unknown may become known by a later look; what is known stays.
void write_outcome(Tx& tx, std::int64_t effect, const EffectOf& found, EffectOutcome outcome,
                   const std::string& detail) {
  if (outcome == EffectOutcome::open) throw Error{ErrorCode::internal, "'open' is not an outcome"};
  if (found.outcome != EffectOutcome::open && found.outcome != EffectOutcome::unknown)
    throw Error{ErrorCode::conflict, "the outcome of {} {} was recorded already: {}", found.call, found.target,
                to_string(found.outcome)};
  tx.db.run("UPDATE effect SET outcome = :outcome, detail = :detail, closed = :now WHERE id = :id", outcome,
            storable(detail), tx.now, effect);
}

bool has_open_effect(sql::Db& db, std::int64_t step) {
  return db.one<std::int64_t>(
             "SELECT count(*) FROM attempt a JOIN effect e ON e.attempt = a.id WHERE a.step = :step"
             " AND e.outcome IN ('open', 'unknown')",
             step) > 0;
}

/// Steps that wait for `index` alone now that it is passed, by name.
std::vector<std::string> runnable_behind(const Plan& plan, const std::vector<Step>& steps, std::size_t index) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto before = predecessors(plan, i);
    if (steps[i].state != StepState::pending || std::ranges::find(before, index) == before.end()) continue;
    if (std::ranges::all_of(before, [&](std::size_t b) { return is_passed(steps[b].state); }))
      names.push_back(steps[i].name);
  }
  return names;
}

EventLevel level_of(StepState state, EventLevel least) {
  EventLevel level = EventLevel::info;
  if (state == StepState::failed || state == StepState::unknown) level = EventLevel::error;
  if (state == StepState::warned || state == StepState::blocked || state == StepState::deferred ||
      state == StepState::cancelled)
    level = EventLevel::warning;
  return std::max(level, least);
}

void add_warning(Tx& tx, std::int64_t decommission) {
  tx.db.run("UPDATE decommission SET warnings = warnings + 1 WHERE id = :id", decommission);
}

}  // namespace

std::int64_t begin_attempt(Tx& tx, std::int64_t step_id) {
  const auto [step, machine] = rows::step(tx.db, step_id);
  if (machine.state != DecommissionState::running)
    throw Error{ErrorCode::conflict, "cannot begin {} of {}: it is {}", step.name, machine.name,
                to_string(machine.state)};
  // Behind a cancel, what was sent before may still be looked at; a new call is refused by open_effect.
  if (machine.cancel_number && !has_open_effect(tx.db, step_id))
    throw Error{ErrorCode::cancelled, "{} was cancelled", machine.name};
  if (step.state != StepState::pending && step.state != StepState::deferred && step.state != StepState::blocked)
    throw Error{ErrorCode::conflict, "cannot begin {} of {}: the step is {}", step.name, machine.name,
                to_string(step.state)};
  const auto steps = rows::steps(tx.db, machine.id);
  for (const std::size_t before : predecessors(rows::plan(tx.db, machine.id), static_cast<std::size_t>(step.ordinal)))
    if (!is_passed(steps.at(before).state))
      throw Error{ErrorCode::conflict, "cannot begin {} of {}: {} is {}", step.name, machine.name,
                  steps[before].name,  to_string(steps[before].state)};
  const int number = step.attempts + 1;
  const std::int64_t id = tx.reserve("attempt");
  tx.db.run("INSERT INTO attempt (id, step, number, started, message) VALUES (:id, :step, :number, :now, '')", id,
            step_id, number, tx.now);
  tx.db.run("UPDATE step SET state = 'running', attempts = :number, not_before = NULL, finished = NULL WHERE id = :id",
            number, step_id);
  tx.db.run("UPDATE step SET started = :now WHERE id = :id AND started IS NULL", tx.now, step_id);
  tx.event(EventKind::step_started, machine.place(step.name), EventLevel::info,
           number == 1 ? fmt::format("{}: {} started", machine.name, step.name)
                       : fmt::format("{}: {} started, attempt {}", machine.name, step.name, number),
           {{"name", machine.name}, {"state", "running"}, {"attempts", number}, {"kind", step.kind}});
  return id;
}

void observed(Tx& tx, std::int64_t attempt, const Observation& observation) {
  const rows::AttemptOf of = rows::open_attempt(tx.db, attempt);
  const auto* needed = std::get_if<Needed>(&observation);
  Json data{{"observation", kind_of(observation)}, {"text", storable(text_of(observation))}};
  if (needed != nullptr) {
    data["records"] = Json::array();
    for (const FrozenRecord& record : needed->records) data["records"].push_back(storable(record.id));
    data["before"] = storable(needed->before);
  }
  tx.db.run("UPDATE attempt SET observed = :observed WHERE id = :id", canonical(data), attempt);
  data["name"] = of.machine.name;
  data["state"] = "running";
  data["attempts"] = of.step.attempts;
  const bool fine = std::holds_alternative<Satisfied>(observation) || needed != nullptr;
  tx.event(EventKind::step_observed, of.machine.place(of.step.name), fine ? EventLevel::info : EventLevel::warning,
           fmt::format("{}: {} sees: {}", of.machine.name, of.step.name, text_of(observation)), data);
}

std::int64_t open_effect(Tx& tx, const EffectIntent& intent) {
  const rows::AttemptOf of = rows::open_attempt(tx.db, intent.attempt);
  const rows::Machine& machine = of.machine;
  if (machine.state != DecommissionState::running)
    throw Error{ErrorCode::conflict, "cannot act on {}: it is {}", machine.name, to_string(machine.state)};
  if (machine.cancel_number) throw Error{ErrorCode::cancelled, "{} was cancelled: nothing was sent", machine.name};
  if (intent.irreversible) {
    if (const FreezeState freeze = freeze_state(tx.db); freeze.frozen)
      throw Error{ErrorCode::frozen, "{} froze every irreversible call: {}", freeze.who, freeze.reason};
    // An irreversible call is sent at most once without proof that it had no effect.
    const auto earlier = tx.db.all<std::string>(
        "SELECT e.outcome FROM step s JOIN attempt a ON a.step = s.id JOIN effect e ON e.attempt = a.id"
        " WHERE s.decommission = :decommission AND e.irreversible = 1 AND e.call = :call AND e.target = :target"
        " AND e.outcome IN ('open', 'unknown')",
        machine.id, intent.call, intent.target);
    const bool open = std::ranges::any_of(earlier, [](const auto& row) { return std::get<0>(row) == "open"; });
    if (open || (!earlier.empty() && !machine.apply_again))
      throw Error{ErrorCode::conflict, "{} {} was sent before, and it is not known what became of it", intent.call,
                  intent.target};
    if (!earlier.empty()) tx.db.run("UPDATE decommission SET apply_again = 0 WHERE id = :id", machine.id);
  }
  const std::int64_t id = tx.reserve("effect");
  const auto ordinal =
      tx.db.one<std::int64_t>("SELECT count(*) FROM effect WHERE attempt = :attempt", intent.attempt) + 1;
  tx.db.run(
      "INSERT INTO effect (id, attempt, ordinal, call, target, before_image, irreversible, opened, deadline,"
      " server_time, handle, outcome, detail) VALUES (:id, :attempt, :ordinal, :call, :target, :before, :irreversible,"
      " :opened, :deadline, :server_time, '', 'open', '')",
      id, intent.attempt, ordinal, storable(intent.call), storable(intent.target), storable(intent.before),
      intent.irreversible, tx.now, intent.deadline, intent.server_time);
  const Place place = machine.place(of.step.name);
  tx.event(EventKind::step_effect, place, EventLevel::info,
           fmt::format("{}: {} calls {} on {}", machine.name, of.step.name, intent.call, intent.target),
           {{"name", machine.name},
            {"state", "running"},
            {"attempts", of.step.attempts},
            {"call", storable(intent.call)},
            {"target", storable(intent.target)},
            {"irreversible", intent.irreversible},
            {"effect", id}});
  tx.audit(machine.actor(), "effect", place.to_text(), fmt::format("{} {}", intent.call, intent.target));
  return id;
}

void set_handle(Tx& tx, std::int64_t effect, const std::string& handle) {
  const EffectOf found = find_effect(tx.db, effect);
  if (found.outcome != EffectOutcome::open)
    throw Error{ErrorCode::conflict, "{} {} has its outcome already: {}", found.call, found.target,
                to_string(found.outcome)};
  tx.db.run("UPDATE effect SET handle = :handle, handled = :now WHERE id = :id", storable(handle), tx.now, effect);
  const auto& [step, machine] = found.of;
  tx.event(EventKind::step_handle, machine.place(step.name), EventLevel::info,
           fmt::format("{}: {} runs as {}", machine.name, step.name, handle),
           {{"name", machine.name},
            {"state", "running"},
            {"attempts", step.attempts},
            {"call", found.call},
            {"handle", storable(handle)},
            {"effect", effect}});
}

void close_effect(Tx& tx, std::int64_t effect, EffectOutcome outcome, const std::string& detail) {
  const EffectOf found = find_effect(tx.db, effect);
  write_outcome(tx, effect, found, outcome, detail);
  const auto& [step, machine] = found.of;
  tx.audit(
      machine.actor(), "outcome", machine.place(step.name).to_text(),
      fmt::format("{} {}: {}{}{}", found.call, found.target, to_string(outcome), detail.empty() ? "" : ": ", detail));
}

void finish_attempt(Tx& tx, std::int64_t attempt, const StepResult& result) {
  const rows::AttemptOf of = rows::open_attempt(tx.db, attempt);
  const auto& [id, began, step, machine] = of;
  if (result.state == StepState::running) throw Error{ErrorCode::internal, "'running' is not the end of an attempt"};
  std::string calls;
  for (const StepResult::Closed& closed : result.effects) {
    const EffectOf found = find_effect(tx.db, closed.effect);
    if (found.of.step.id != step.id) throw Error{ErrorCode::internal, "an effect belongs to another step"};
    write_outcome(tx, closed.effect, found, closed.outcome, closed.detail);
    calls += fmt::format("; {} {}: {}", found.call, found.target, to_string(closed.outcome));
  }
  const Plan plan = rows::plan(tx.db, machine.id);
  const auto index = static_cast<std::size_t>(step.ordinal);
  StepState state = result.state;
  std::string text = result.text;
  // A right that was lost is never taken for a warning.
  if (state == StepState::failed && result.code != ErrorCode::denied &&
      plan.steps.at(index).on_failure == OnFailure::warn) {
    state = StepState::warned;  // it stays visible, and what comes behind goes on
    text = "failed, which this plan takes for a warning: " + text;
  }
  if (state == StepState::warned) add_warning(tx, machine.id);
  rows::set_step(tx, step.id, state, text);
  std::optional<Timestamp> not_before;  // none with `deferred`: until a thaw
  if (state == StepState::deferred) not_before = result.not_before;
  tx.db.run("UPDATE step SET not_before = :not_before, crashes = 0 WHERE id = :id", not_before, step.id);
  tx.db.run("UPDATE attempt SET finished = :now, outcome = :outcome, message = :message WHERE id = :id", tx.now, state,
            storable(text), attempt);
  tx.ended(attempt);

  Json data{{"name", machine.name},
            {"state", to_string(state)},
            {"attempts", step.attempts},
            {"took_ms", (tx.now - began).count()},
            {"text", storable(text)}};
  if (result.code) data["code"] = to_string(*result.code);
  if (not_before) data["not_before"] = to_rfc3339(*not_before);
  if (is_passed(state)) data["next"] = runnable_behind(plan, rows::steps(tx.db, machine.id), index);
  const Place place = machine.place(step.name);
  const std::string line = fmt::format("{}{}{}", to_string(state), text.empty() ? "" : ": ", text);
  tx.event(EventKind::step_finished, place, level_of(state, result.level),
           fmt::format("{}: {} {}", machine.name, step.name, line), data);
  tx.audit(machine.actor(), "outcome", place.to_text(), line + calls);
}

void message(Tx& tx, std::int64_t attempt, EventLevel level, const std::string& text, const std::string& data) {
  const rows::AttemptOf of = rows::open_attempt(tx.db, attempt);
  Json all = codec::parse(data);
  if (!all.is_object()) throw Error{ErrorCode::internal, "the data of a message is not an object"};
  all["name"] = of.machine.name;
  all["state"] = "running";
  all["attempts"] = of.step.attempts;
  if (level == EventLevel::warning) add_warning(tx, of.machine.id);
  tx.event(EventKind::step_message, of.machine.place(of.step.name), level,
           fmt::format("{}: {}: {}", of.machine.name, of.step.name, text), all);
}

}  // namespace decom::verbs
