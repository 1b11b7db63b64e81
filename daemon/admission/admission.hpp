#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/auth/auth.hpp"
#include "daemon/domain/policy.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/inventory/inventory.hpp"
#include "daemon/plans/planner.hpp"
#include "daemon/steps/step.hpp"
#include "daemon/store/store.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom {

struct AdmissionOptions {
  Policy policy;
  std::string vcenter_user = "{domain}\\{sam}";  ///< how vCenter spells a person: {sam} {upn} {domain}
  std::vector<std::string> protected_uuids;      ///< of the VMs that the vCenters and this daemon run on
  std::chrono::milliseconds offer_life = std::chrono::minutes{15};
};

/// Who may do what to which machine: when a plan is made, when it is accepted, and before each irreversible call.
/// The daemon's own power is never lent to someone who lacks the right. Blocks on vCenter and directory: call it on an
/// *outside* thread or on a worker.
class Admission {
 public:
  using CurrentPlanner = std::function<std::shared_ptr<const Planner>()>;  ///< replaced on reload

  Admission(AdmissionOptions options, Store& store, VcenterPool& vcenters, const Inventory& inventory, Auth& auth,
            CurrentPlanner planner, const StepRegistry& registry, Clock& clock);
  ~Admission();

  /// From what a person typed ("lab:vm-123", or a name that is unique) to fresh facts and frozen plans. All or nothing;
  /// throws one Error whose findings say what is wrong with each: `not_found` (nearest names), `ambiguous` (the hits
  /// with their ids), `too_large` (cap), `denied` (missing rights on the VM), `conflict` (lives in request 17.3),
  /// `invalid` (template, managed, shared disk …). It is nobody's to accept until it is saved.
  PlanOffer offer(const std::vector<std::string>& machines, const RequestOptions& options, const Principal& who);

  /// With what its steps saw frozen in it: gives it its hash and its life, and stores it.
  void save(PlanOffer& offer);

  /// Right before the accept: the same machines are still there, unchanged in what was shown as identity and name, and
  /// `who` still may. Throws as `offer` does, or `precondition`.
  void recheck(const PlanOffer& offer, const Principal& who);

  /// Accepts a request of its own for records of a machine that has ended, which came back at that step: exactly these,
  /// by that step alone, as whoever wanted the decommission, if they still may. The same `key` is the same request.
  Accepted remove_again(const Claim& ended, PlanStep step, const std::vector<SeenRecord>& found,
                        const std::string& key);

  /// The engine's question before every irreversible intent: role, right on the very VM, identity.
  void may_act(const Claim& claim, const KindTraits& kind);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
