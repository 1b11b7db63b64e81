#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/records/record_system.hpp"
#include "daemon/steps/step.hpp"

namespace decom {

/// How long a removal may be on its way where its definition says nothing else.
inline constexpr std::chrono::milliseconds kRemovalTakes = std::chrono::seconds{60};

struct RecordStepOptions {
  std::string system;  ///< as it is configured: "dns-corp"
  std::string call;    ///< of its effects, "remove from dns-corp"
  std::chrono::milliseconds removal = kRemovalTakes;
  std::optional<std::chrono::milliseconds> look;  ///< of one look; none: until the step's deadline
};

/// Removes a machine's records from one other system, whatever its kind; or does to them what that does in place of it.
///
/// A rehearsal finds what may be removed: what two facts prove to be this machine's, what is not forbidden, and what no
/// live machine bears. The plan freezes exactly these. At execution no others are removed, and these only while they
/// say what they said then. All that is found and left alone is said, and so is what was frozen and is not visible any
/// more though we did not remove it: rights on single rows hide it just as well. Records of one whole are left alone
/// together.
class RecordStep final : public StepKind {
 public:
  using Of = std::function<std::shared_ptr<RecordSystem>(StepContext&)>;

  RecordStep(Of of, RecordStepOptions options) : of_(std::move(of)), options_(std::move(options)) {}

  Observation observe(StepContext& ctx) override;
  void apply(StepContext& ctx, const Needed& needed) override;
  Observation resume(StepContext& ctx, const OpenCall& call) override;

 private:
  struct Judged;

  static void keep_wholes(std::vector<Judged>& judged);
  std::vector<Judged> judge(StepContext& ctx, const std::vector<Record>& found) const;
  /// As an effect on a record is called in the evidence.
  [[nodiscard]] std::string call_of(const std::string& effect) const;
  [[nodiscard]] std::string why_not(StepContext& ctx, const Record& record) const;
  void remove(StepContext& ctx, RecordSystem& system, const Record& record);

  Of of_;
  RecordStepOptions options_;
  std::vector<Record> removable_;               ///< of the last `observe`: exactly these may be removed
  std::map<std::string, std::string> refused_;  ///< by id: why its system did not remove it, in this attempt
};

/// A duration of a step's definition ("10s"); nullopt where it has none of that name.
std::optional<std::chrono::milliseconds> duration_in(const PlanStep& step, std::string_view key);

}  // namespace decom
