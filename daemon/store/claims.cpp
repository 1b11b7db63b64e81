#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "common/base/log.hpp"
#include "daemon/store/rows.hpp"
#include "daemon/store/seal.hpp"
#include "daemon/store/verbs.hpp"

namespace decom::verbs {
namespace {

constexpr std::int64_t kMostCrashes = 3;

/// What was put off, and whose time has come, may run again.
void wake_due(Tx& tx) {
  for (const auto& [id] : tx.db.all<std::int64_t>(
           "SELECT id FROM decommission WHERE state IN ('scheduled', 'holding') AND not_before <= :now"
           " ORDER BY not_before, id LIMIT 1000",
           tx.now)) {
    const rows::Machine machine = rows::machine(tx.db, id);
    rows::move(tx, machine, Trigger::due, "");
    tx.db.run(
        "UPDATE step SET state = 'pending' WHERE decommission = :id AND state = 'deferred'"
        " AND (not_before IS NULL OR not_before <= :now)",
        id, tx.now);
    tx.event(EventKind::decommission_queued, machine.place(), EventLevel::info,
             fmt::format("{}: queued, its time has come", machine.name), {{"name", machine.name}, {"state", "queued"}});
  }
}

std::map<std::string, std::size_t> running_by_vcenter(sql::Db& db) {
  std::map<std::string, std::size_t> running;
  for (auto& [uuid, count] : db.all<std::string, std::size_t>(
           "SELECT vcenter_uuid, count(*) FROM decommission WHERE state = 'running' GROUP BY vcenter_uuid"))
    running[uuid] = count;
  return running;
}

/// The oldest queued machine of `request` (0: of any request that has none running), but of no full vCenter.
std::optional<std::int64_t> oldest_queued(sql::Db& db, std::int64_t request, const std::vector<std::int64_t>& busy,
                                          const std::vector<std::string>& full) {
  std::string where = "state = 'queued'";
  std::vector<sql::Value> values;
  const auto exclude = [&](const char* column, const auto& list) {
    if (list.empty()) return;
    std::string names;
    for (const auto& value : list) {
      names += fmt::format("{}:not{}", names.empty() ? "" : ", ", values.size());
      values.push_back(sql::to_value(value));
    }
    where += fmt::format(" AND {} NOT IN ({})", column, names);
  };
  if (request > 0) {
    where += " AND request = :request";
    values.push_back(sql::to_value(request));
  } else {
    exclude("request", busy);
  }
  exclude("vcenter_uuid", full);
  const auto rows = db.collect<std::int64_t>(
      "SELECT id FROM decommission WHERE " + where + " ORDER BY request, ordinal LIMIT 1", values);
  if (rows.empty()) return std::nullopt;
  return std::get<0>(rows.front());
}

std::optional<std::int64_t> choose(sql::Db& db, std::size_t most_per_vcenter) {
  std::vector<std::string> full;
  for (const auto& [uuid, count] : running_by_vcenter(db))
    if (count >= most_per_vcenter) full.push_back(uuid);
  // Few requests have machines running, many may be queued: the common case is one look at an index.
  const auto busy = db.all<std::int64_t, std::int64_t>(
      "SELECT request, count(*) FROM decommission WHERE state = 'running' GROUP BY request ORDER BY count(*), request");
  std::vector<std::int64_t> requests;
  requests.reserve(busy.size());
  for (const auto& [request, count] : busy) requests.push_back(request);
  if (const auto found = oldest_queued(db, 0, requests, full)) return found;
  for (const std::int64_t request : requests)
    if (const auto found = oldest_queued(db, request, {}, full)) return found;
  return std::nullopt;
}

/// A row that is not what was accepted ends here, and the queue goes on.
void refuse_changed(Tx& tx, const rows::Machine& machine, const std::string& why) {
  const DecommissionState state =
      rows::move(tx, machine, rows::in_doubt(tx.db, machine.id, false) ? Trigger::doubt : Trigger::fail, why);
  log::error("store", "{}: {}", machine.place().to_text(), why);
  tx.audit(machine.actor(), "refuse", machine.place().to_text(), why);
  rows::announce_settled(tx, machine, state, why);
}

void requeue(Tx& tx, const rows::Machine& machine, const std::string& reason) {
  rows::move(tx, machine, Trigger::requeue, reason);
  tx.event(EventKind::decommission_queued, machine.place(), EventLevel::warning,
           fmt::format("{}: queued again: {}", machine.name, reason),
           {{"name", machine.name}, {"state", "queued"}, {"reason", reason}});
}

void settle_cancelled(Tx& tx, const rows::Machine& machine, const std::string& reason) {
  rows::cancel_steps(tx, machine.id);
  if (rows::in_doubt(tx.db, machine.id, true)) {
    const std::string why = "cancelled, but it is not known what became of a call that was sent";
    const auto state = rows::move(tx, machine, Trigger::doubt, why);
    rows::announce_settled(tx, machine, state, why);
    return;
  }
  const auto state = rows::move(tx, machine, Trigger::cancel, reason);
  rows::announce_settled(tx, machine, state, reason);
}

}  // namespace

Claim load_claim(sql::Db& db, const Secret& key, std::int64_t id) {
  Loaded loaded = load_sealed(db, key, id);
  auto row = db.maybe<bool, std::string, std::string, std::string, std::string, std::string>(
      "SELECT apply_again, acting_sid, acting_sam, acting_upn, acting_domain, acting_seal FROM decommission"
      " WHERE id = :id",
      id);
  auto& [apply_again, sid, sam, upn, domain, seal] = *row;
  const seal::Person acting{.sid = sid, .sam = sam, .upn = upn, .domain = domain};
  const Decommission& d = loaded.decommission;
  if (!equal_in_constant_time(seal, seal::of_acting(key, d.request, d.ordinal, acting)))
    throw Error{ErrorCode::precondition, "the stored name of who asked for it was changed: nothing is done"};
  return {.request = std::move(loaded.request),
          .decommission = std::move(loaded.decommission),
          .effects = rows::effects(db, id),
          .apply_again = apply_again,
          .acting_sid = sid,
          .acting_name = display_name(domain, sam),
          .acting_sam = sam,
          .acting_upn = upn,
          .acting_domain = domain};
}

std::optional<Claim> claim_next(Tx& tx, std::size_t most_per_vcenter) {
  wake_due(tx);
  for (;;) {
    const auto id = choose(tx.db, most_per_vcenter);
    if (!id) return std::nullopt;
    rows::Machine machine = rows::machine(tx.db, *id);
    machine.state = rows::move(tx, machine, Trigger::start, "");
    tx.event(EventKind::decommission_started, machine.place(), EventLevel::info,
             fmt::format("{}: started", machine.name), {{"name", machine.name}, {"state", "running"}});
    try {
      return load_claim(tx.db, tx.key, *id);
    } catch (const sql::Failure&) {
      throw;
    } catch (const Error& e) {
      refuse_changed(tx, machine, e.what());
    }
  }
}

std::optional<Timestamp> next_due(sql::Db& db) {
  return std::get<0>(*db.maybe<std::optional<Timestamp>>(
      "SELECT min(not_before) FROM decommission WHERE state IN ('scheduled', 'holding')"));
}

std::size_t requeue_interrupted(Tx& tx) {
  std::size_t count = 0;
  for (const auto& [id] :
       tx.db.all<std::int64_t>("SELECT id FROM decommission WHERE state = 'running' ORDER BY request, ordinal")) {
    const rows::Machine machine = rows::machine(tx.db, id);
    std::string during;
    for (const Step& step : rows::steps(tx.db, id)) {
      if (step.state != StepState::running) continue;
      during = " during " + step.name;
      tx.db.run(
          "UPDATE attempt SET finished = :now, outcome = 'interrupted', message = 'decomd died' WHERE step = :step"
          " AND finished IS NULL",
          tx.now, step.id);
      tx.db.run("UPDATE step SET crashes = crashes + 1 WHERE id = :id", step.id);
      const auto crashes = tx.db.one<std::int64_t>("SELECT crashes FROM step WHERE id = :id", step.id);
      if (crashes < kMostCrashes) {
        rows::set_step(tx, step.id, StepState::pending, step.message);
        continue;
      }
      const std::string text = fmt::format("decomd died {} times in this step", crashes);
      rows::set_step(tx, step.id, StepState::blocked, text);
      tx.event(EventKind::step_finished, machine.place(step.name), EventLevel::error,
               fmt::format("{}: {} blocked: {}", machine.name, step.name, text),
               {{"name", machine.name},
                {"state", "blocked"},
                {"attempts", step.attempts},
                {"code", to_string(ErrorCode::internal)}});
      tx.audit(machine.actor(), "outcome", machine.place(step.name).to_text(), "blocked: " + text);
    }
    // A cancel that was committed wins, unless something that was sent has to be looked at first: by a worker.
    if (machine.cancel_number && !rows::in_doubt(tx.db, id, true)) {
      settle_cancelled(tx, machine, "cancelled");
    } else {
      requeue(tx, machine, "decomd died" + during);
    }
    ++count;
  }
  return count;
}

void settle(Tx& tx, std::int64_t decommission, Trigger trigger, const std::string& reason,
            std::optional<Timestamp> not_before) {
  const rows::Machine machine = rows::machine(tx.db, decommission);
  if (machine.state != DecommissionState::running)
    throw Error{ErrorCode::conflict, "cannot {} {}: it is {}", to_string(trigger), machine.name,
                to_string(machine.state)};
  const auto steps = rows::steps(tx.db, decommission);
  // Whoever stops in the middle of a step leaves its effects open; the attempt itself is over.
  tx.db.run(
      "UPDATE attempt SET finished = :now, outcome = 'interrupted' WHERE finished IS NULL"
      " AND step IN (SELECT id FROM step WHERE decommission = :id)",
      tx.now, decommission);
  if (trigger != Trigger::cancel)
    tx.db.run("UPDATE step SET state = 'pending' WHERE decommission = :id AND state = 'running'", decommission);

  const bool cancelled = machine.cancel_number.has_value();
  switch (trigger) {
    case Trigger::cancel: settle_cancelled(tx, machine, reason.empty() ? "cancelled" : reason); break;
    case Trigger::requeue:
      // A look at what was sent is still owed: by the next worker.
      if (cancelled && !rows::in_doubt(tx.db, decommission, true)) {
        settle_cancelled(tx, machine, "cancelled");
      } else {
        requeue(tx, machine, reason.empty() ? "decomd stopped" : reason);
      }
      return;  // the same turn, as far as `apply_again` is concerned
    case Trigger::hold: {
      for (const Step& step : steps)
        if (step.state == StepState::deferred && step.not_before && (!not_before || *step.not_before < *not_before))
          not_before = step.not_before;
      // The freeze that it would wait for may have ended since the step met it.
      if (!not_before && !freeze_state(tx.db).frozen) not_before = tx.now;
      // The truth about a call that was sent is worth waiting for; nothing else keeps a cancel waiting.
      if (cancelled && (!not_before || !rows::in_doubt(tx.db, decommission, true))) {
        settle_cancelled(tx, machine, "cancelled");
        break;
      }
      rows::move(tx, machine, Trigger::hold, reason, not_before);
      tx.event(EventKind::decommission_holding, machine.place(), EventLevel::warning,
               fmt::format("{}: holding: {}", machine.name, reason),
               {{"name", machine.name},
                {"state", "holding"},
                {"reason", storable(reason)},
                {"not_before", not_before ? Json(to_rfc3339(*not_before)) : Json(nullptr)}});
      return;
    }
    case Trigger::finish: {
      const auto open = std::ranges::find_if(steps, [](const Step& s) { return !is_passed(s.state); });
      if (open != steps.end())
        throw Error{ErrorCode::conflict, "cannot finish {}: {} is {}", machine.name, open->name,
                    to_string(open->state)};
      [[fallthrough]];
    }
    case Trigger::fail:
    case Trigger::doubt: {
      const bool doubt = rows::in_doubt(tx.db, decommission, false);
      const std::string why = doubt && reason.empty() ? "it is not known what became of a call that was sent" : reason;
      const auto state = rows::move(tx, machine, doubt ? Trigger::doubt : trigger, why);
      rows::announce_settled(tx, machine, state, why);
      break;
    }
    case Trigger::approve:
    case Trigger::due:
    case Trigger::start:
    case Trigger::retry: throw Error{ErrorCode::internal, "'{}' does not end a worker's turn", to_string(trigger)};
  }
  tx.db.run("UPDATE decommission SET apply_again = 0 WHERE id = :id", decommission);
}

}  // namespace decom::verbs
