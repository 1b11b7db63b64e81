#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/domain/machine.hpp"
#include "daemon/vsphere/vcenter.hpp"

namespace decom {

class Directory;

/// What steps need of the vCenters, and no more. `over_vcenters` is the real one; tests have one with state.
///
/// Every call goes to the vCenter of `machine.vcenter_uuid` and acts on its MoRef. Errors are those of Vcenter;
/// besides, `unreachable` while no vCenter with that uuid has been reached and `not_found` when none has it.
class VmOps {
 public:
  virtual ~VmOps() = default;

  // ---- reading
  /// Fresh facts. Throws `gone` when the object is not visible. Does not compare the instance UUID: the caller does.
  virtual Machine read_machine(const Identity& machine) = 0;
  virtual bool can_read_root(const Identity& machine) = 0;
  /// Where else its instance UUID is known: "lab2", or "lab as vm-9". Throws when a vCenter could not be asked.
  virtual std::vector<std::string> known_elsewhere(const Identity& machine) = 0;
  virtual std::vector<std::string> sharing_disks(const Machine& machine) = 0;
  virtual Timestamp server_time(const Identity& machine) = 0;
  /// Longest time that a changing call may take to be sent and answered.
  [[nodiscard]] virtual std::chrono::milliseconds call_timeout(const Identity& machine) = 0;

  // ---- changing; never repeated by this or anything below it
  virtual void shutdown_guest(const Identity& machine) = 0;
  virtual std::string power_off(const Identity& machine) = 0;
  virtual std::string destroy(const Identity& machine) = 0;
  virtual void cancel_task(const Identity& machine, const std::string& task) = 0;

  // ---- tasks
  virtual TaskInfo read_task(const Identity& machine, const std::string& task) = 0;
  virtual TaskInfo wait_for_task(const Identity& machine, const std::string& task, std::chrono::milliseconds most,
                                 const std::stop_token& stop, const std::function<void(int)>& on_progress) = 0;
  virtual std::vector<TaskInfo> task_history(const Identity& machine, Timestamp since) = 0;
};

std::unique_ptr<VmOps> over_vcenters(VcenterPool& vcenters);

/// Names of live machines other than `except` that bear this name (VM or guest host name) or address, from the mirrors.
/// Throws `unreachable` when some mirror was never loaded: unknown is not absent.
using LiveBearers = std::function<std::vector<std::string>(const std::string& name_or_address, const Identity& except)>;

/// The outside world, as steps see it. All of it outlives the engine.
struct World {
  VmOps* vms = nullptr;
  Directory* directory = nullptr;  ///< null where none is configured
  LiveBearers live_bearers;
  std::vector<std::string> protected_uuids;  ///< of the VMs that the vCenters and this daemon run on
};

}  // namespace decom
