#include "daemon/store/rows.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <unistd.h>

#include "daemon/store/codec.hpp"
#include "daemon/store/verbs.hpp"

namespace decom::rows {
namespace {

using MachineRow =
    std::tuple<std::int64_t, std::int64_t, int, std::string, std::string, std::string, std::string, std::string,
               std::optional<std::int64_t>, int, bool, std::string, std::string, std::string>;

template <typename... Values>
std::vector<Machine> read_machines(sql::Db& db, const std::string& where, const Values&... values) {
  std::vector<Machine> found;
  for (auto& row : db.all<std::int64_t, std::int64_t, int, std::string, std::string, std::string, std::string,
                          std::string, std::optional<std::int64_t>, int, bool, std::string, std::string, std::string>(
           "SELECT id, request, ordinal, name, vcenter_uuid, moref, instance_uuid, state, cancel_number, warnings,"
           " apply_again, acting_sid, acting_sam, acting_domain FROM decommission WHERE " +
               where,
           values...)) {
    auto& [id, request, ordinal, name, vcenter, moref, uuid, state, cancel, warnings, again, sid, sam, domain] = row;
    found.push_back({.id = id,
                     .request = request,
                     .ordinal = ordinal,
                     .name = std::move(name),
                     .identity = {std::move(vcenter), std::move(moref), std::move(uuid)},
                     .state = decommission_state_from(state),
                     .cancel_number = cancel,
                     .warnings = warnings,
                     .apply_again = again,
                     .acting_sid = std::move(sid),
                     .acting_sam = std::move(sam),
                     .acting_domain = std::move(domain)});
  }
  return found;
}

template <typename... Values>
std::vector<std::pair<std::int64_t, Step>> read_steps(sql::Db& db, const std::string& where, const Values&... values) {
  std::vector<std::pair<std::int64_t, Step>> found;
  for (auto& row : db.all<std::int64_t, std::int64_t, int, std::string, std::string, bool, std::string, std::string,
                          int, std::optional<Timestamp>, std::optional<Timestamp>, std::optional<Timestamp>>(
           "SELECT id, decommission, ordinal, name, kind, irreversible, state, message, attempts, not_before, started,"
           " finished FROM step WHERE " +
               where,
           values...)) {
    auto& [id, decommission, ordinal, name, kind, irreversible, state, message, attempts, not_before, started,
           finished] = row;
    found.emplace_back(decommission, Step{.id = id,
                                          .ordinal = ordinal,
                                          .name = std::move(name),
                                          .kind = std::move(kind),
                                          .irreversible = irreversible,
                                          .state = step_state_from(state),
                                          .message = std::move(message),
                                          .attempts = attempts,
                                          .not_before = not_before,
                                          .started = started,
                                          .finished = finished});
  }
  return found;
}

}  // namespace

Actor Machine::actor() const {
  return {.sid = acting_sid, .who = display_name(acting_domain, acting_sam), .uid = ::geteuid()};
}

Machine machine(sql::Db& db, std::int64_t decommission) {
  auto found = read_machines(db, "id = :id", decommission);
  if (found.empty()) throw Error{ErrorCode::not_found, "there is no decommission {}", decommission};
  return std::move(found.front());
}

std::vector<Machine> machines(sql::Db& db, std::int64_t request, const std::vector<int>& ordinals) {
  auto all = read_machines(db, "request = :request ORDER BY ordinal", request);
  if (all.empty()) throw Error{ErrorCode::not_found, "there is no request {}", request};
  if (ordinals.empty()) return all;
  for (const int ordinal : ordinals)
    if (std::ranges::find(all, ordinal, &Machine::ordinal) == all.end())
      throw Error{ErrorCode::not_found, "request {} has no machine {}: it has {}", request, ordinal, all.size()};
  std::erase_if(all, [&](const Machine& m) { return std::ranges::find(ordinals, m.ordinal) == ordinals.end(); });
  return all;
}

std::vector<Step> steps(sql::Db& db, std::int64_t decommission) {
  std::vector<Step> found;
  for (auto& [owner, step] : read_steps(db, "decommission = :id ORDER BY ordinal", decommission))
    found.push_back(std::move(step));
  return found;
}

StepOf step(sql::Db& db, std::int64_t step) {
  auto found = read_steps(db, "id = :id", step);
  if (found.empty()) throw Error{ErrorCode::not_found, "there is no step {}", step};
  return {.step = std::move(found.front().second), .machine = machine(db, found.front().first)};
}

AttemptOf open_attempt(sql::Db& db, std::int64_t attempt) {
  const auto row = db.maybe<std::int64_t, Timestamp, std::optional<Timestamp>>(
      "SELECT step, started, finished FROM attempt WHERE id = :id", attempt);
  if (!row) throw Error{ErrorCode::not_found, "there is no attempt {}", attempt};
  const auto& [id, started, finished] = *row;
  if (finished) throw Error{ErrorCode::conflict, "the attempt {} has ended already", attempt};
  StepOf of = step(db, id);
  return {.id = attempt, .started = started, .step = std::move(of.step), .machine = std::move(of.machine)};
}

std::vector<Effect> effects(sql::Db& db, std::int64_t decommission, std::int64_t step) {
  std::vector<Effect> found;
  for (auto& row : db.all<std::int64_t, std::int64_t, std::int64_t, int, std::string, std::string, std::string, bool,
                          Timestamp, Timestamp, std::optional<Timestamp>, std::string, std::string, std::string>(
           "SELECT e.id, e.attempt, a.step, e.ordinal, e.call, e.target, e.before_image, e.irreversible, e.opened,"
           " e.deadline, e.server_time, e.handle, e.outcome, e.detail FROM step s JOIN attempt a ON a.step = s.id"
           " JOIN effect e ON e.attempt = a.id WHERE s.decommission = :decommission AND (:any = 0 OR s.id = :step)"
           " ORDER BY e.id",
           decommission, step, step)) {
    auto& [id, attempt, of, ordinal, call, target, before, irreversible, opened, deadline, server_time, handle, outcome,
           detail] = row;
    found.push_back({.id = id,
                     .attempt = attempt,
                     .step = of,
                     .ordinal = ordinal,
                     .call = std::move(call),
                     .target = std::move(target),
                     .before = std::move(before),
                     .irreversible = irreversible,
                     .opened = opened,
                     .deadline = deadline,
                     .server_time = server_time,
                     .handle = std::move(handle),
                     .outcome = effect_outcome_from(outcome),
                     .detail = std::move(detail)});
  }
  return found;
}

bool in_doubt(sql::Db& db, std::int64_t decommission, bool reversible_too) {
  // A step that a later look proved to be done has answered for its earlier calls.
  return db.one<std::int64_t>(
             "SELECT count(*) FROM step s JOIN attempt a ON a.step = s.id JOIN effect e ON e.attempt = a.id"
             " WHERE s.decommission = :decommission AND s.state NOT IN ('succeeded', 'already')"
             " AND e.outcome IN ('open', 'unknown') AND (e.irreversible = 1 OR :reversible = 1)",
             decommission, reversible_too) > 0 ||
         db.one<std::int64_t>("SELECT count(*) FROM step WHERE decommission = :id AND state = 'unknown'",
                              decommission) > 0;
}

Plan plan(sql::Db& db, std::int64_t decommission) {
  return codec::plan_from(
      codec::parse(db.one<std::string>("SELECT plan FROM decommission WHERE id = :id", decommission)));
}

DecommissionState move(Tx& tx, const Machine& machine, Trigger trigger, const std::string& reason,
                       std::optional<Timestamp> not_before) {
  const DecommissionState to = next_state(machine.state, trigger);
  std::optional<Timestamp> finished;
  if (is_settled(to)) finished = tx.now;
  tx.db.run(
      "UPDATE decommission SET state = :state, reason = :reason, not_before = :not_before, finished = :finished"
      " WHERE id = :id",
      to, storable(reason), not_before, finished, machine.id);
  if (to == DecommissionState::running)
    tx.db.run("UPDATE decommission SET started = :now WHERE id = :id AND started IS NULL", tx.now, machine.id);
  return to;
}

void finish_request_if_over(Tx& tx, std::int64_t request) {
  std::vector<DecommissionState> states;
  int warnings = 0;
  for (const auto& [state, count] :
       tx.db.all<std::string, int>("SELECT state, warnings FROM decommission WHERE request = :request", request)) {
    states.push_back(decommission_state_from(state));
    warnings += count;
  }
  if (!std::ranges::all_of(states, is_settled)) return;
  tx.db.run("UPDATE request SET finished = :now WHERE id = :id", tx.now, request);
  const DecommissionState all = state_of_request(states);
  Json counts = Json::object();
  for (const DecommissionState state : states) {
    const std::string name(to_string(state));
    counts[name] = counts.value(name, 0) + 1;
  }
  const EventLevel level = all == DecommissionState::succeeded   ? EventLevel::info
                           : all == DecommissionState::cancelled ? EventLevel::warning
                                                                 : EventLevel::error;
  tx.event(EventKind::request_finished, {.request = request, .machine = {}, .step = {}}, level,
           fmt::format("request {}: {}{}", request, to_string(all),
                       warnings == 0 ? "" : fmt::format(", {} warning{}", warnings, warnings == 1 ? "" : "s")),
           {{"state", to_string(all)}, {"machines", states.size()}, {"counts", counts}, {"warnings", warnings}});
}

void announce_settled(Tx& tx, const Machine& machine, DecommissionState state, const std::string& reason) {
  const EventLevel level = state == DecommissionState::succeeded   ? EventLevel::info
                           : state == DecommissionState::cancelled ? EventLevel::warning
                                                                   : EventLevel::error;
  const std::string text =
      fmt::format("{}: {}{}{}", machine.name, to_string(state), reason.empty() ? "" : ": ", reason);
  tx.event(EventKind::decommission_finished, machine.place(), level, text,
           {{"name", machine.name},
            {"state", to_string(state)},
            {"reason", storable(reason)},
            {"warnings", machine.warnings}});
  tx.audit(machine.actor(), "finish", machine.place().to_text(), text);
  verbs::plan_aftercare(tx, machine.id, state);
  finish_request_if_over(tx, machine.request);
}

void cancel_steps(Tx& tx, std::int64_t decommission) {
  tx.db.run(
      "UPDATE step SET state = 'cancelled', not_before = NULL, finished = :now WHERE decommission = :id"
      " AND state IN ('pending', 'running', 'deferred')",
      tx.now, decommission);
}

void set_step(Tx& tx, std::int64_t step, StepState state, const std::string& message) {
  const bool over = state != StepState::pending && state != StepState::running && state != StepState::deferred;
  std::optional<Timestamp> finished;
  if (over) finished = tx.now;
  tx.db.run(
      "UPDATE step SET state = :state, message = :message, not_before = NULL, finished = :finished WHERE id = :id",
      state, storable(message), finished, step);
}

std::optional<std::string> live(sql::Db& db, const Identity& identity) {
  const auto row = db.maybe<std::int64_t, int>(
      "SELECT request, ordinal FROM decommission WHERE vcenter_uuid = :vcenter AND moref = :moref"
      " AND instance_uuid = :uuid AND state NOT IN ('succeeded', 'failed', 'cancelled')",
      identity.vcenter_uuid, identity.moref, identity.instance_uuid);
  if (!row) return std::nullopt;
  return fmt::format("{}.{}", std::get<0>(*row), std::get<1>(*row));
}

}  // namespace decom::rows
