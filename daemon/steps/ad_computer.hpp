#pragma once

#include <optional>

#include "daemon/directory/directory.hpp"
#include "daemon/steps/step.hpp"

namespace decom {

inline constexpr const char* kAdComputerKind = "ad.computer";

/// ad.computer: removes the machine's computer account, where two facts of different authorities agree that it is this
/// machine's: the guest says so (its host name), and vSphere says so (the VM's name). Either alone can be borrowed: a
/// guest may call itself SQL01, and a VM may be named after what it replaces. A machine that was off when it was
/// submitted has one fact only. What is not proven is shown and left alone.
class AdComputer final : public StepKind {
 public:
  Observation observe(StepContext& ctx) override;
  void apply(StepContext& ctx, const Needed& needed) override;
  Observation resume(StepContext& ctx, const OpenCall& call) override;

 private:
  std::optional<Computer> proven_;  ///< of the last `observe`: exactly this one may be removed, unchanged
};

}  // namespace decom
