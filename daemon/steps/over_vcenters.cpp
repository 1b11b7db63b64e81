#include <fmt/core.h>

#include "daemon/steps/world.hpp"

namespace decom {
namespace {

class OverVcenters final : public VmOps {
 public:
  explicit OverVcenters(VcenterPool& vcenters) : vcenters_(vcenters) {}

  Machine read_machine(const Identity& machine) override { return at(machine).read_machine(machine.moref); }
  bool can_read_root(const Identity& machine) override { return at(machine).can_read_root(); }

  std::vector<std::string> known_elsewhere(const Identity& machine) override {
    std::vector<std::string> places = vcenters_.others_knowing(machine);
    Vcenter& own = at(machine);
    for (const std::string& moref : own.find_by_instance_uuid(machine.instance_uuid))
      if (moref != machine.moref) places.push_back(fmt::format("{} as {}", own.options().name, moref));
    return places;
  }

  std::vector<std::string> sharing_disks(const Machine& machine) override {
    return at(machine.identity).machines_sharing_disks(machine);
  }
  Timestamp server_time(const Identity& machine) override { return at(machine).server_time(); }
  std::chrono::milliseconds call_timeout(const Identity& machine) override {
    const VcenterOptions& options = at(machine).options();
    return options.connect_timeout + options.call_timeout;
  }

  void shutdown_guest(const Identity& machine) override { at(machine).shutdown_guest(machine.moref); }
  std::string power_off(const Identity& machine) override { return at(machine).power_off(machine.moref); }
  std::string destroy(const Identity& machine) override { return at(machine).destroy(machine.moref); }
  void cancel_task(const Identity& machine, const std::string& task) override { at(machine).cancel_task(task); }

  TaskInfo read_task(const Identity& machine, const std::string& task) override { return at(machine).read_task(task); }
  TaskInfo wait_for_task(const Identity& machine, const std::string& task, std::chrono::milliseconds most,
                         const std::stop_token& stop, const std::function<void(int)>& on_progress) override {
    return at(machine).wait_for_task(task, most, stop, on_progress);
  }
  std::vector<TaskInfo> task_history(const Identity& machine, Timestamp since) override {
    return at(machine).task_history(machine.moref, since);
  }

 private:
  Vcenter& at(const Identity& machine) { return vcenters_.by_uuid(machine.vcenter_uuid); }

  VcenterPool& vcenters_;
};

}  // namespace

std::unique_ptr<VmOps> over_vcenters(VcenterPool& vcenters) { return std::make_unique<OverVcenters>(vcenters); }

}  // namespace decom
