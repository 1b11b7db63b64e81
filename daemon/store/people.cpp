#include <algorithm>

#include <fmt/core.h>

#include "daemon/store/codec.hpp"
#include "daemon/store/rows.hpp"
#include "daemon/store/seal.hpp"
#include "daemon/store/verbs.hpp"

namespace decom::verbs {
namespace {

bool may_retry(DecommissionState state) {
  return state == DecommissionState::failed || state == DecommissionState::holding ||
         state == DecommissionState::needs_attention;
}

void refuse_if_elsewhere(sql::Db& db, const rows::Machine& machine) {
  if (machine.state != DecommissionState::failed) return;  // the others hold the machine themselves
  if (const auto other = rows::live(db, machine.identity))
    throw Error{ErrorCode::conflict, "cannot retry {}: it is in request {} by now", machine.name, *other};
}

std::string counted(std::size_t count) { return fmt::format("{} machine{}", count, count == 1 ? "" : "s"); }

/// Cancels one machine as far as this transaction can.
CancelledMachine cancel_one(Tx& tx, const rows::Machine& machine, const std::string& who) {
  CancelledMachine result{.ordinal = machine.ordinal, .name = machine.name, .state = machine.state, .in_flight = false};
  if (is_closed(machine.state)) return result;
  if (machine.state == DecommissionState::running) {
    result.in_flight = true;
    if (machine.cancel_number) return result;
    const std::int64_t number = tx.event(EventKind::decommission_cancelling, machine.place(), EventLevel::warning,
                                         fmt::format("{}: being cancelled by {}", machine.name, who),
                                         {{"name", machine.name}, {"state", "running"}, {"by", who}});
    tx.db.run("UPDATE decommission SET cancel_number = :number WHERE id = :id", number, machine.id);
    return result;
  }
  const bool doubt = rows::in_doubt(tx.db, machine.id, true);
  if (doubt && machine.state == DecommissionState::needs_attention) return result;
  rows::cancel_steps(tx, machine.id);
  const std::string reason = doubt ? "cancelled, but it is not known what became of a call that was sent"
                                   : fmt::format("cancelled by {}", who);
  result.state = rows::move(tx, machine, doubt ? Trigger::doubt : Trigger::cancel, reason);
  rows::announce_settled(tx, machine, result.state, reason);
  return result;
}

void queue_again(Tx& tx, const rows::Machine& machine, EventKind kind, const std::string& text) {
  const bool was_over = is_settled(machine.state);
  rows::move(tx, machine, Trigger::retry, "");
  withdraw_aftercare(tx, machine.id);
  tx.db.run("UPDATE decommission SET cancel_number = NULL WHERE id = :id", machine.id);
  if (was_over) tx.db.run("UPDATE request SET finished = NULL WHERE id = :id", machine.request);
  tx.event(kind, machine.place(), EventLevel::info, text, {{"name", machine.name}, {"state", "queued"}});
}

}  // namespace

std::vector<CancelledMachine> cancel(Tx& tx, std::int64_t request, const std::vector<int>& machines,
                                     const Principal& who) {
  const Actor actor = actor_of(who);
  const auto found = rows::machines(tx.db, request, machines);
  tx.audit(actor, "cancel", std::to_string(request), machines.empty() ? "all machines" : counted(found.size()));
  std::vector<CancelledMachine> results;
  results.reserve(found.size());
  for (const rows::Machine& machine : found) results.push_back(cancel_one(tx, machine, actor.who));
  return results;
}

std::vector<int> retry(Tx& tx, std::int64_t request, const std::vector<int>& machines, bool apply,
                       const Principal& who) {
  const Actor actor = actor_of(who);
  const seal::Person person = seal::person_of(who);
  std::vector<int> queued;
  for (const rows::Machine& machine : rows::machines(tx.db, request, machines)) {
    if (!may_retry(machine.state)) {
      if (machines.empty()) continue;
      throw Error{ErrorCode::conflict, "cannot retry {}: it is {}", machine.name, to_string(machine.state)};
    }
    refuse_if_elsewhere(tx.db, machine);
    tx.db.run(
        "UPDATE step SET state = 'pending', not_before = NULL, finished = NULL, crashes = 0 WHERE decommission = :id"
        " AND state IN ('failed', 'deferred', 'blocked', 'unknown', 'cancelled')",
        machine.id);
    tx.db.run(
        "UPDATE decommission SET apply_again = :apply, acting_sid = :sid, acting_sam = :sam, acting_upn = :upn,"
        " acting_domain = :domain, acting_seal = :seal WHERE id = :id",
        apply, person.sid, person.sam, person.upn, person.domain,
        seal::of_acting(tx.key, machine.request, machine.ordinal, person), machine.id);
    queue_again(tx, machine, EventKind::decommission_retried,
                fmt::format("{}: queued again by {}{}", machine.name, actor.who,
                            apply ? ", who allows one more call where the outcome is unknown" : ""));
    queued.push_back(machine.ordinal);
  }
  if (queued.empty()) throw Error{ErrorCode::conflict, "there is nothing to retry in request {}", request};
  tx.audit(actor, "retry", std::to_string(request), counted(queued.size()) + (apply ? ", with --apply" : ""));
  return queued;
}

void resolve(Tx& tx, std::int64_t request, int ordinal, const std::string& step_name, bool done,
             const std::string& reason, const Principal& who) {
  const Actor actor = actor_of(who);
  const rows::Machine machine = rows::machines(tx.db, request, {ordinal}).front();
  auto steps = rows::steps(tx.db, machine.id);
  const auto step = std::ranges::find(steps, step_name, &Step::name);
  if (step == steps.end())
    throw Error{ErrorCode::not_found, "{} has no step '{}'", machine.place().to_text(), step_name};
  if (!may_retry(machine.state) || (step->state != StepState::unknown && step->state != StepState::blocked))
    throw Error{ErrorCode::conflict,
                "cannot resolve {} of {}: the step is {}, the machine {}",
                step_name,
                machine.name,
                to_string(step->state),
                to_string(machine.state)};
  refuse_if_elsewhere(tx.db, machine);

  step->state = done ? StepState::succeeded : StepState::failed;
  const std::string text = fmt::format("resolved as {} by {}: {}", done ? "done" : "not done", actor.who, reason);
  rows::set_step(tx, step->id, step->state, text);
  tx.db.run(
      "UPDATE effect SET outcome = :outcome, detail = :detail, closed = :now WHERE outcome IN ('open', 'unknown')"
      " AND attempt IN (SELECT id FROM attempt WHERE step = :step)",
      done ? EffectOutcome::done : EffectOutcome::refused, storable(text), tx.now, step->id);
  const Place place = machine.place(step_name);
  tx.event(EventKind::decommission_resolved, place, EventLevel::warning,
           fmt::format("{}: {} {}", machine.name, step_name, text),
           {{"name", machine.name},
            {"state", to_string(step->state)},
            {"attempts", step->attempts},
            {"by", actor.who},
            {"reason", storable(reason)}});
  tx.audit(actor, "resolve", place.to_text(), text);

  if (rows::in_doubt(tx.db, machine.id, false)) return;  // another step is still unknown
  const Plan plan = rows::plan(tx.db, machine.id);
  const auto can_run = [&](const Step& s) {
    if (s.state != StepState::pending) return false;
    return std::ranges::all_of(predecessors(plan, static_cast<std::size_t>(s.ordinal)),
                               [&](std::size_t before) { return is_passed(steps.at(before).state); });
  };
  const bool passed = std::ranges::all_of(steps, [](const Step& s) { return is_passed(s.state); });
  if (machine.state != DecommissionState::needs_attention) {
    // Held or failed for another reason too: a worker looks at all of it again, and settles it.
    queue_again(tx, machine, EventKind::decommission_queued, fmt::format("{}: queued again", machine.name));
    return;
  }
  if (!passed && !machine.cancel_number && std::ranges::any_of(steps, can_run)) {
    queue_again(tx, machine, EventKind::decommission_queued, fmt::format("{}: queued again", machine.name));
    return;
  }
  const bool was_cancelled = machine.cancel_number ||
                             std::ranges::any_of(steps, [](const Step& s) { return s.state == StepState::cancelled; });
  const Trigger trigger = passed ? Trigger::finish : was_cancelled ? Trigger::cancel : Trigger::fail;
  const auto state = rows::move(tx, machine, trigger, text);
  rows::announce_settled(tx, machine, state, text);
}

void set_freeze(Tx& tx, bool frozen, const std::string& reason, const Principal& who) {
  const Actor actor = actor_of(who);
  tx.db.run("DELETE FROM meta WHERE name = 'freeze'");
  tx.db.run(
      "INSERT INTO meta (name, value) VALUES ('freeze', :value)",
      canonical({{"frozen", frozen}, {"who", actor.who}, {"reason", storable(reason)}, {"at", to_millis(tx.now)}}));
  if (!frozen)  // what waits for nothing but this is due now
    tx.db.run(
        "UPDATE decommission SET not_before = :now WHERE state = 'holding' AND not_before IS NULL AND EXISTS"
        " (SELECT 1 FROM step s WHERE s.decommission = decommission.id AND s.state = 'deferred')",
        tx.now);
  const std::string text = fmt::format("{} by {}{}{}", frozen ? "frozen: no irreversible call is sent" : "thawed",
                                       actor.who, reason.empty() ? "" : ": ", reason);
  tx.event(EventKind::freeze_changed, {}, frozen ? EventLevel::warning : EventLevel::info, text,
           {{"frozen", frozen}, {"by", actor.who}, {"reason", storable(reason)}});
  tx.audit(actor, frozen ? "freeze" : "thaw", "", reason);
}

FreezeState freeze_state(sql::Db& db) {
  const auto row = db.maybe<std::string>("SELECT value FROM meta WHERE name = 'freeze'");
  if (!row) return {};
  try {
    const Json json = codec::parse(std::get<0>(*row));
    return {.frozen = json.at("frozen").get<bool>(),
            .who = json.at("who").get<std::string>(),
            .reason = json.at("reason").get<std::string>(),
            .at = from_millis(json.at("at").get<std::int64_t>())};
  } catch (const Json::exception&) {
    throw Error{ErrorCode::storage, "the stored freeze is not as decomd writes it"};
  }
}

}  // namespace decom::verbs
