#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/steps/step.hpp"
#include "daemon/steps/world.hpp"
#include "daemon/store/store.hpp"

namespace decom {

struct EngineOptions {
  std::size_t workers = 5;
  std::size_t most_per_vcenter = 8;  ///< machines of one vCenter that run at once
  int attempts = 5;                  ///< of a step whose error is transient, before it is deferred
  std::chrono::milliseconds backoff_first = std::chrono::milliseconds{500};
  std::chrono::milliseconds backoff_most = std::chrono::minutes{5};
  std::chrono::milliseconds preview_within = std::chrono::seconds{30};  ///< of one step's look, while a person waits
};

/// May this person still do this to this machine? Asked before every intent, whether it can be undone or not.
/// Throws `denied`, or `unreachable` when it cannot be known now, or `precondition` when it is another machine by now.
/// For a kind without `vcenter_rights` (ad.computer) the VM may be gone: only the role is asked for.
using MayAct = std::function<void(const Claim& claim, const KindTraits& kind)>;

/// What a dry run says of one step.
struct StepPreview {
  PlanStep step;
  std::string observation;  ///< "satisfied", "needed", "blocked", "left_alone", "unknown", "unread" or "skipped"
  std::string text;
  std::vector<SeenRecord> records;                   ///< of a step that removes records, with what is left alone
  std::optional<std::vector<FrozenRecord>> removes;  ///< of these exactly what it would remove; none: not read
  std::optional<ErrorCode> trouble = {};             ///< of "unread", …
  std::string why = {};                              ///< … and what the other side said
};

/// What the record steps of a plan saw becomes exactly what they may remove. One that could not look may remove
/// nothing.
void freeze_records(Plan& plan, const std::vector<StepPreview>& previews);

/// Runs decommissions: a scheduler thread and N workers, each with one machine at a time.
class Engine {
 public:
  Engine(EngineOptions options, Store& store, World world, const StepRegistry& registry, MayAct may_act, Clock& clock);
  ~Engine();

  /// Recovers what was interrupted, then lets the workers go. Returns at once.
  void start();
  /// Lets each step in flight reach its next safe point, then stops: a call under way is answered and its handle is on
  /// disk, every wait ends at once. What takes longer than `grace` is logged; each call ends by its own timeout. What
  /// is unfinished is queued again on disk, its effects open, and the next start goes on with it.
  void stop(std::chrono::milliseconds grace);

  /// Any thread: something may be due (a submit, a retry, a thaw).
  void wake();
  /// Any thread: a cancel was committed; reaches the step in flight.
  void cancel(std::int64_t decommission);

  /// `observe` over a whole plan; changes nothing. Record steps look side by side. Blocks. What a step cannot read is
  /// in its preview.
  std::vector<StepPreview> preview(const PlannedMachine& planned, const RequestOptions& options);

  struct Status {
    std::size_t workers = 0;
    std::size_t busy = 0;
    std::string trouble;  ///< why nothing runs: storage full, frozen
  };
  [[nodiscard]] Status status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
