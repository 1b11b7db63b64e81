#pragma once

#include <optional>
#include <string>

#include "daemon/engine/attempt.hpp"

namespace decom {

/// One step of one machine, from its first look to its outcome: the wall where errors become states. It retries only
/// what provably was not sent or was refused without effect; what is in doubt it finds out through the kind's `resume`.
class StepRun {
 public:
  /// `row` as the store has it, `effects` all that earlier attempts at this step opened.
  StepRun(EngineRoom& room, const Claim& claim, const PlanStep& step, const Step& row,
          const std::vector<Effect>& effects, std::int64_t attempt, std::stop_token stop, MachineHistory& history);

  /// The outcome, to be committed by the caller; nullopt when shutdown came in between: everything stays open on disk.
  /// Throws only for what is wrong with us (`storage`, `internal`).
  std::optional<StepResult> run();
  [[nodiscard]] const Attempt& attempt() const { return attempt_; }

 private:
  enum class Phase { recovering, observing, applying, verifying };

  std::optional<StepResult> recover();
  std::optional<StepResult> recover(TrackedCall& call);
  StepResult act();
  StepResult verify();
  /// All that is needed took effect already, with proof.
  [[nodiscard]] bool was_done(const Needed& needed) const;
  [[nodiscard]] std::string what_was_done() const;
  Observation look();
  std::optional<StepResult> judge(const Error& error);
  std::optional<StepResult> judge_open(const Error& error);
  std::optional<StepResult> try_again(const Error& error);
  StepResult give_up(const Error& error);
  void interrupted();

  StepResult outcome(StepState state, const std::string& text, std::optional<ErrorCode> code = std::nullopt);
  StepResult deferred(const std::string& text, std::optional<ErrorCode> code, std::optional<Timestamp> not_before);
  StepResult in_doubt(const std::string& text);
  [[nodiscard]] std::chrono::milliseconds later() const;  ///< until a deferred step is tried again
  [[nodiscard]] bool is_shut_down() const { return room_.shutdown.stop_requested(); }

  EngineRoom& room_;
  const Claim& claim_;
  const PlanStep& step_;
  const KindTraits& kind_;
  const Step& row_;
  std::stop_token stop_;
  MachineHistory& history_;
  std::unique_ptr<StepKind> does_;
  Attempt attempt_;
  Phase phase_ = Phase::observing;
  bool done_before_ = false;  ///< an earlier attempt took effect
  int tries_ = 0;
};

}  // namespace decom
