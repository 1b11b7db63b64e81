#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/engine/engine.hpp"
#include "daemon/engine/storage_gate.hpp"

namespace decom {

/// Record steps of one machine that run at the same moment, at most.
inline constexpr std::size_t kMostBeside = 8;

/// What all workers share.
struct EngineRoom {
  EngineOptions options;
  Store& store;
  World world;
  const StepRegistry& registry;
  MayAct may_act;
  Clock& clock;
  StorageGate gate;
  std::stop_source shutdown;
};

/// What is known of one machine beyond its rows, growing while a worker has it. Any thread of its steps.
class MachineHistory {
 public:
  /// There is proof that the call took effect.
  void did(std::int64_t step, const std::string& call, const std::string& target);
  [[nodiscard]] bool has_done(const std::string& call) const;
  [[nodiscard]] bool has_done(std::int64_t step, const std::string& call, const std::string& target) const;
  /// The same, by whatever call of that step.
  [[nodiscard]] bool has_done_to(std::int64_t step, const std::string& target) const;
  void saw(const LastSeen& seen);
  [[nodiscard]] LastSeen seen() const;

 private:
  struct Done {
    std::int64_t step = 0;
    std::string target;
    std::string call;
    bool operator<(const Done& other) const {
      return std::tie(step, target, call) < std::tie(other.step, other.target, other.call);
    }
    bool operator==(const Done&) const = default;
  };

  mutable std::mutex mutex_;  // of all that follows
  std::set<Done> done_;
  LastSeen seen_;
};

/// One call of a step, of this attempt or an earlier one, until T3.
struct TrackedCall {
  OpenCall call;
  bool irreversible = false;
  bool inherited = false;                ///< of an earlier attempt, or of one that a crash interrupted
  bool was_unknown = false;              ///< a person was told so already: its row is closed
  std::optional<EffectOutcome> outcome;  ///< none: nobody knows yet
  std::string detail;
  bool written = false;  ///< the outcome is on disk already
};

/// The step's view of the world for one attempt. On the thread that runs the step only.
class Attempt final : public StepContext {
 public:
  /// `row` is the step's, `id` the attempt's.
  Attempt(EngineRoom& room, const Claim& claim, const PlanStep& step, const KindTraits& kind, std::int64_t row,
          std::int64_t id, std::stop_token stop, MachineHistory& history);

  /// Takes over what earlier attempts left open or in doubt.
  void inherit(const std::vector<Effect>& effects);
  std::deque<TrackedCall>& calls() { return calls_; }
  [[nodiscard]] const std::deque<TrackedCall>& calls() const { return calls_; }
  [[nodiscard]] bool has_open() const;
  [[nodiscard]] bool has_done() const;  ///< some call took effect
  /// A call ended by this error: closes those of which it proves that nothing happened.
  void judge(const Error& error);
  void close(TrackedCall& call, EffectOutcome outcome, const std::string& detail);
  /// Writes the outcomes that are known, where T3 would be too late: a new intent needs proof on disk of what became of
  /// the one before.
  void write_outcomes();
  /// The others, for T3.
  [[nodiscard]] std::vector<StepResult::Closed> closed() const;
  /// Passes the failpoints "engine.<point>" and "<kind>.<point>".
  void pass(const char* point) const;
  [[nodiscard]] std::int64_t id() const { return id_; }
  /// Writes that are worth waiting for room on the disk.
  void insist(const std::function<void()>& write);

  // ---- StepContext
  [[nodiscard]] const Machine& machine() const override { return claim_.decommission.machine; }
  [[nodiscard]] const PlanStep& step() const override { return step_; }
  [[nodiscard]] const RequestOptions& options() const override { return claim_.request.options; }
  [[nodiscard]] const Plan& plan() const override { return claim_.decommission.plan; }
  [[nodiscard]] std::string on_behalf_of() const override;
  [[nodiscard]] std::string number() const override;
  [[nodiscard]] Clock& clock() override { return room_.clock; }
  [[nodiscard]] std::stop_token stop() const override { return stop_; }
  [[nodiscard]] std::stop_token shutdown() const override { return room_.shutdown.get_token(); }
  [[nodiscard]] Clock::Steady deadline() const override { return deadline_; }
  [[nodiscard]] bool rehearsal() const override { return false; }
  [[nodiscard]] VmOps& vms() override { return *room_.world.vms; }
  [[nodiscard]] Directory& directory() override;
  std::vector<std::string> live_bearers(const std::string& name_or_address) override;
  [[nodiscard]] const std::vector<std::string>& protected_uuids() const override { return room_.world.protected_uuids; }
  [[nodiscard]] bool did(const std::string& call) const override;
  [[nodiscard]] bool did(const std::string& call, const std::string& target) const override;
  [[nodiscard]] LastSeen last_seen() const override { return history_.seen(); }
  std::unique_ptr<Call> effect(const CallSpec& spec) override;
  void saw(const std::vector<SeenRecord>&) override {}  // what it comes to is in the observation
  void say(EventLevel level, const std::string& text) override;
  void progress(int percent, const std::string& text) override;

 private:
  class Handle;

  EngineRoom& room_;
  const Claim& claim_;
  const PlanStep& step_;
  const KindTraits& kind_;
  std::int64_t row_;
  std::int64_t id_;
  std::stop_token stop_;
  MachineHistory& history_;
  Clock::Steady deadline_;
  std::deque<TrackedCall> calls_;  // a deque: handles point into it
};

}  // namespace decom
