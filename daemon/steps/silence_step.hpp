#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/records/record.hpp"
#include "daemon/records/silencer.hpp"
#include "daemon/steps/step.hpp"

namespace decom {

class RecordSystems;

inline constexpr const char* kSilenceKind = "silence";
/// Of the systems that can be silenced.
inline constexpr const char* kSilencedKind = "http";

/// As its step is called where nobody says otherwise: "silence_icinga".
std::string silence_step_name(const std::string& system);

/// Makes a monitoring quiet about a machine while it is retired.
///
/// Only what two facts prove to be this machine's is silenced, and only while no live machine bears its name or
/// address. Every silence has an end of its own, so that a daemon that never comes back leaves nothing quiet for good;
/// it is lifted once the decommission has ended. One that is there already, by its mark, is not set again.
///
/// A monitoring that cannot be asked keeps no machine waiting: whatever goes wrong with it fails the step at once,
/// which is a warning unless the plan says otherwise.
class SilenceStep final : public StepKind {
 public:
  /// The system and, within it, what silences.
  using Of = std::function<std::shared_ptr<RecordSystem>(const PlanStep& step)>;

  explicit SilenceStep(Of of) : of_(std::move(of)) {}

  Observation observe(StepContext& ctx) override;
  void apply(StepContext& ctx, const Needed& needed) override;
  Observation resume(StepContext& ctx, const OpenCall& call) override;

 private:
  [[nodiscard]] std::string why_not(StepContext& ctx, const Record& record) const;
  void set(StepContext& ctx, Silencer& silencer, const Record& record);

  Of of_;
  std::optional<std::vector<Record>> known_;  ///< what the system has of the machine, as the first look found it
  std::vector<Record> wanted_;                ///< of the last `observe`: what is to be silenced
  bool sent_ = false;                         ///< by this attempt
};

/// Lifts what the step has set, in whatever attempt; `lifted_after` of its kind.
std::string lift_silences(const SilenceStep::Of& of, const Lift& lift);

}  // namespace decom
