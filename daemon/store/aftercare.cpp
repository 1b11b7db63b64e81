#include <algorithm>

#include <fmt/core.h>

#include "common/base/text.hpp"
#include "daemon/store/codec.hpp"
#include "daemon/store/rows.hpp"
#include "daemon/store/verbs.hpp"

namespace decom::verbs {
namespace {

// Their order is that of the columns in `read`.
constexpr const char* kColumns =
    "a.id, a.decommission, a.step, s.name, a.kind, a.after_ms, a.due, a.state, a.attempts, a.said, a.found"
    " FROM aftercare a JOIN step s ON s.id = a.step WHERE ";

template <typename... Values>
std::vector<Aftercare> read(sql::Db& db, const std::string& where, const Values&... values) {
  std::vector<Aftercare> all;
  for (auto& row : db.all<std::int64_t, std::int64_t, std::int64_t, std::string, std::string, std::int64_t, Timestamp,
                          std::string, int, std::string, std::string>("SELECT " + (kColumns + where), values...)) {
    auto& [id, decommission, step, name, kind, after, due, state, attempts, said, found] = row;
    all.push_back({.id = id,
                   .decommission = decommission,
                   .step = step,
                   .step_name = std::move(name),
                   .kind = aftercare_kind_from(kind),
                   .after = std::chrono::milliseconds{after},
                   .due = due,
                   .state = aftercare_state_from(state),
                   .attempts = attempts,
                   .said = std::move(said)});
    for (const Json& one : codec::parse(found)) all.back().found.push_back(one.get<std::string>());
  }
  return all;
}

void add(Tx& tx, std::int64_t decommission, const Step& step, AftercareKind kind, std::chrono::milliseconds after) {
  tx.db.run(
      "INSERT INTO aftercare (id, decommission, step, kind, after_ms, due, state, attempts, said, found)"
      " VALUES (:id, :decommission, :step, :kind, :after, :due, :state, 0, '', '[]')",
      tx.reserve("aftercare"), decommission, step.id, kind, after.count(), tx.now + after, AftercareState::waiting);
}

/// Those of `ids` that still wait; a person may have sent the machine back to work meanwhile.
std::vector<Aftercare> waiting(sql::Db& db, const std::vector<std::int64_t>& ids) {
  std::vector<Aftercare> found;
  for (const std::int64_t id : ids)
    for (Aftercare& one : read(db, "a.id = :id AND a.state = 'waiting'", id)) found.push_back(std::move(one));
  return found;
}

/// What no look at this step has told of yet.
std::vector<SeenRecord> news(sql::Db& db, const Aftercare& last, const std::vector<SeenRecord>& seen) {
  const auto earlier = aftercare_of(db, last.decommission, last.step);
  std::vector<SeenRecord> fresh;
  for (const SeenRecord& one : seen)
    if (std::ranges::none_of(earlier, [&](const Aftercare& look) {
          return std::ranges::find(look.found, storable(one.record.id)) != look.found.end();
        }))
      fresh.push_back(one);
  return fresh;
}

Json as_json(const std::vector<SeenRecord>& records) {
  Json list = Json::array();
  for (const SeenRecord& one : records) {
    Json facts = Json::array();
    for (const std::string& fact : one.facts) facts.push_back(storable(fact));
    list.push_back({{"id", storable(one.record.id)}, {"what", storable(one.record.what)}, {"facts", facts}});
  }
  return list;
}

struct Told {
  EventKind kind{};
  EventLevel level = EventLevel::info;
};

Told told_as(AftercareKind kind, AftercareState state, bool has_news) {
  if (has_news) return {EventKind::record_returned, EventLevel::warning};
  return {kind == AftercareKind::look ? EventKind::record_looked : EventKind::step_lifted,
          state == AftercareState::done ? EventLevel::info : EventLevel::warning};
}

}  // namespace

std::vector<Aftercare> aftercare_of(sql::Db& db, std::int64_t decommission, std::int64_t step) {
  return read(db, "a.decommission = :decommission AND (:any = 0 OR a.step = :step) ORDER BY a.after_ms, a.id",
              decommission, step, step);
}

void plan_aftercare(Tx& tx, std::int64_t decommission, DecommissionState state) {
  if (!is_closed(state)) return;
  const AftercareRules& rules = tx.aftercare;
  const auto steps = rows::steps(tx.db, decommission);
  const bool is_gone = std::ranges::any_of(
      steps, [&](const Step& s) { return s.state == StepState::succeeded && rules.destroying.contains(s.kind); });
  const bool succeeded = state == DecommissionState::succeeded;
  for (const Step& step : steps) {
    if (step.state == StepState::skipped) continue;
    if ((succeeded || !is_gone) && step.attempts > 0 && rules.lifted.contains(step.kind))
      add(tx, decommission, step, AftercareKind::lift, std::chrono::milliseconds{0});
    if (succeeded && is_passed(step.state) && rules.looked.contains(step.kind))
      for (const auto after : rules.look_again) add(tx, decommission, step, AftercareKind::look, after);
  }
}

void withdraw_aftercare(Tx& tx, std::int64_t decommission) {
  // It may be lifted already, or at this very moment: the step looks, and does again what is not there any more.
  tx.db.run(
      "UPDATE step SET state = 'pending', not_before = NULL, finished = NULL WHERE decommission = :id AND id IN"
      " (SELECT step FROM aftercare WHERE decommission = :same AND kind = 'lift')",
      decommission, decommission);
  tx.db.run("DELETE FROM aftercare WHERE decommission = :id", decommission);
}

std::vector<Aftercare> due_aftercare(sql::Db& db, Timestamp now) {
  // A monitoring that stays silent is worse than a look that comes late.
  auto first = db.maybe<std::int64_t>(
      "SELECT decommission FROM aftercare WHERE state = 'waiting' AND due <= :now AND kind = 'lift' ORDER BY due, id"
      " LIMIT 1",
      now);
  if (!first)
    first = db.maybe<std::int64_t>(
        "SELECT decommission FROM aftercare WHERE state = 'waiting' AND due <= :now ORDER BY due, id LIMIT 1", now);
  if (!first) return {};
  return read(db, "a.decommission = :decommission AND a.state = 'waiting' AND a.due <= :now ORDER BY a.after_ms, a.id",
              std::get<0>(*first), now);
}

std::optional<Timestamp> next_aftercare(sql::Db& db) {
  return std::get<0>(*db.maybe<std::optional<Timestamp>>("SELECT min(due) FROM aftercare WHERE state = 'waiting'"));
}

bool begin_lift(Tx& tx, std::int64_t aftercare) {
  const auto found = waiting(tx.db, {aftercare});
  if (found.empty()) return false;
  const rows::Machine machine = rows::machine(tx.db, found.front().decommission);
  tx.audit(machine.actor(), "lift", machine.place(found.front().step_name).to_text(), "begins");
  return true;
}

void finish_aftercare(Tx& tx, const AftercareResult& result) {
  const std::vector<Aftercare> of = waiting(tx.db, result.ids);
  if (of.empty()) return;
  const Aftercare& last = of.back();
  const std::vector<SeenRecord> fresh = news(tx.db, last, result.found);
  const bool again = result.state == AftercareState::waiting;
  Json ids = Json::array();
  for (const SeenRecord& one : result.found) ids.push_back(storable(one.record.id));
  std::optional<Timestamp> finished;
  if (!again) finished = tx.now;
  for (const Aftercare& one : of)
    tx.db.run(
        "UPDATE aftercare SET state = :state, attempts = :attempts, said = :said, found = :found, due = :due,"
        " finished = :finished WHERE id = :id",
        result.state, one.attempts + 1, storable(result.text), canonical(ids), again ? result.due.value() : one.due,
        finished, one.id);
  if (again && last.attempts > 0) return;  // it was said that it is tried again

  const rows::Machine machine = rows::machine(tx.db, last.decommission);
  const Place place = machine.place(last.step_name);
  const auto [kind, level] = told_as(last.kind, result.state, !fresh.empty());
  const std::string when =
      last.kind == AftercareKind::look ? fmt::format("{} after the end: ", to_text(last.after)) : std::string{};
  const std::string line = when + result.text;
  Json data{{"name", machine.name}, {"text", storable(result.text)}, {"result", to_string(result.state)}};
  if (last.kind == AftercareKind::look) data["after_ms"] = last.after.count();
  if (!fresh.empty()) data["records"] = as_json(fresh);
  if (again) data["not_before"] = to_rfc3339(*result.due);
  tx.event(kind, place, level, fmt::format("{}: {}: {}", machine.name, last.step_name, line), data);
  if (again) return;
  tx.audit(machine.actor(), std::string(to_string(last.kind)), place.to_text(), line);
  if (level == EventLevel::warning)
    tx.db.run("UPDATE decommission SET warnings = warnings + 1 WHERE id = :id", machine.id);
}

}  // namespace decom::verbs
