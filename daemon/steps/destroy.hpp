#pragma once

#include "daemon/steps/step.hpp"

namespace decom {

inline constexpr const char* kDestroyKind = "vsphere.destroy";

/// vsphere.destroy: deletes the machine and its disks. It never powers off by itself: on again means that somebody
/// needs it.
class Destroy final : public StepKind {
 public:
  Observation observe(StepContext& ctx) override;
  void apply(StepContext& ctx, const Needed& needed) override;
  Observation resume(StepContext& ctx, const OpenCall& call) override;
};

}  // namespace decom
