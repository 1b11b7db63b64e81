#pragma once

#include "daemon/steps/step.hpp"

namespace decom {

inline constexpr const char* kPowerOffKind = "vsphere.power_off";

/// vsphere.power_off: asks the guest to shut down where its tools run and the request wants that, waits for it, and
/// takes the power away where that did not help. The same call twice does no harm, so nothing here is ever `unknown`
/// but a machine that cannot be seen any more. Once its power was taken it is not taken again: on again means that
/// somebody needs it.
class PowerOff final : public StepKind {
 public:
  Observation observe(StepContext& ctx) override;
  void apply(StepContext& ctx, const Needed& needed) override;
  Observation resume(StepContext& ctx, const OpenCall& call) override;
};

}  // namespace decom
