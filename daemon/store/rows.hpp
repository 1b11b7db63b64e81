#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/domain/request.hpp"
#include "daemon/store/store.hpp"
#include "daemon/store/tx.hpp"

/// Rows that several verbs read. All of it works on the writer's connection and on a reader's.
namespace decom::rows {

/// A decommission without its frozen documents: what most verbs need to decide.
struct Machine {
  std::int64_t id = 0;
  std::int64_t request = 0;
  int ordinal = 0;
  std::string name;
  Identity identity;
  DecommissionState state{};
  std::optional<std::int64_t> cancel_number;
  int warnings = 0;
  bool apply_again = false;
  std::string acting_sid;
  std::string acting_sam;
  std::string acting_domain;

  [[nodiscard]] Place place() const { return {.request = request, .machine = ordinal, .step = {}}; }
  [[nodiscard]] Place place(const std::string& step) const {
    return {.request = request, .machine = ordinal, .step = step};
  }
  /// For what the daemon does in somebody's name: its own uid, their rights.
  [[nodiscard]] Actor actor() const;
};

/// Throws `not_found`.
Machine machine(sql::Db& db, std::int64_t decommission);
/// Those of a request, by ordinal; `ordinals` empty: all. Throws `not_found` for the request or one of them.
std::vector<Machine> machines(sql::Db& db, std::int64_t request, const std::vector<int>& ordinals);

std::vector<Step> steps(sql::Db& db, std::int64_t decommission);

/// A step with what it belongs to.
struct StepOf {
  Step step;
  Machine machine;
};
StepOf step(sql::Db& db, std::int64_t step);
/// An attempt that has not ended. Throws `not_found`, or `conflict` when it has.
struct AttemptOf {
  std::int64_t id = 0;
  Timestamp started{};
  Step step;
  Machine machine;
};
AttemptOf open_attempt(sql::Db& db, std::int64_t attempt);

/// All of a decommission, oldest first; of one step where `step` is not 0.
std::vector<Effect> effects(sql::Db& db, std::int64_t decommission, std::int64_t step = 0);

/// Something was sent whose outcome nobody knows, and nothing later proved it. `reversible_too`: a power-off whose
/// answer was lost counts as well.
bool in_doubt(sql::Db& db, std::int64_t decommission, bool reversible_too);

Plan plan(sql::Db& db, std::int64_t decommission);

/// Moves it by `trigger`, where the table has that edge; writes state and reason, clears not_before.
DecommissionState move(Tx& tx, const Machine& machine, Trigger trigger, const std::string& reason,
                       std::optional<Timestamp> not_before = std::nullopt);
/// After a machine has settled: `request.finished` when it was the last one alive.
void finish_request_if_over(Tx& tx, std::int64_t request);
/// Event decommission.finished, audit, what falls due from now on, and the request's end if that was it.
void announce_settled(Tx& tx, const Machine& machine, DecommissionState state, const std::string& reason);
/// Steps that have not begun, or were put off, become cancelled.
void cancel_steps(Tx& tx, std::int64_t decommission);
void set_step(Tx& tx, std::int64_t step, StepState state, const std::string& message);

/// The live decommission of a machine, as "17.3".
std::optional<std::string> live(sql::Db& db, const Identity& identity);

}  // namespace decom::rows
