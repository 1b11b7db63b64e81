#include "daemon/vsphere/vcenter.hpp"
namespace decom {
std::string explain_fault(const std::string& f, const std::string& m) { return f.empty() ? m : f == "InvalidPowerState" ? "it is powered on" : f; }
const VcenterOptions& Vcenter::options() const { static VcenterOptions o; return o; }
AboutInfo Vcenter::about() { return {}; }
Timestamp Vcenter::server_time() { return {}; }
Machine Vcenter::read_machine(const std::string&) { return {}; }
bool Vcenter::can_read_root() { return true; }
std::vector<std::string> Vcenter::find_by_instance_uuid(const std::string&) { return {}; }
std::vector<std::string> Vcenter::machines_sharing_disks(const Machine&) { return {}; }
void Vcenter::shutdown_guest(const std::string&) {}
std::string Vcenter::power_off(const std::string&) { return {}; }
std::string Vcenter::destroy(const std::string&) { return {}; }
void Vcenter::cancel_task(const std::string&) {}
TaskInfo Vcenter::read_task(const std::string&) { return {}; }
TaskInfo Vcenter::wait_for_task(const std::string&, std::chrono::milliseconds, const std::stop_token&, const std::function<void(int)>&) { return {}; }
std::vector<TaskInfo> Vcenter::task_history(const std::string&, Timestamp) { return {}; }
Vcenter& VcenterPool::by_uuid(const std::string&) { throw Error{ErrorCode::not_found, "stub"}; }
std::vector<std::string> VcenterPool::others_knowing(const Identity&) { return {}; }
}
