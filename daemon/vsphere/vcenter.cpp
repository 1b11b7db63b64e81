#include "daemon/vsphere/vcenter.hpp"

#include "common/base/text.hpp"
#include "daemon/vsphere/disk_sharing.hpp"
#include "daemon/vsphere/inventory_feed.hpp"
#include "daemon/vsphere/machine_reader.hpp"
#include "daemon/vsphere/privileges.hpp"
#include "daemon/vsphere/session.hpp"
#include "daemon/vsphere/tasks.hpp"

namespace decom {

using vsphere::CallKind;
using vsphere::machine_ref;
using vsphere::MoRef;
using vsphere::SoapCall;
using vsphere::text_of;

class Vcenter::Impl {
 public:
  Impl(VcenterOptions given, Clock& the_clock)
      : options(std::move(given)),
        clock(the_clock),
        session(options, clock),
        tags(session, clock),
        tasks(session, clock),
        feed(session, tags) {}

  /// A change of one object, sent once. Answers its returnval, which is a task's MoRef.
  std::string change(std::string_view method, const MoRef& object, const std::string& what, bool has_task) {
    const auto reply = session.call(SoapCall(method, object), {.what = what, .kind = CallKind::change});
    std::string task = text_of(reply.returnval());
    if (has_task && task.empty())
      throw Error{ErrorCode::lost, "cannot {}: the call was sent, and the answer names no task", what};
    return task;
  }

  VcenterOptions options;
  Clock& clock;
  vsphere::Session session;
  vsphere::Tags tags;
  vsphere::TaskWatcher tasks;
  vsphere::InventoryFeed feed;
};

Vcenter::Vcenter(VcenterOptions options, Clock& clock) : impl_(std::make_unique<Impl>(std::move(options), clock)) {}

Vcenter::~Vcenter() = default;

const VcenterOptions& Vcenter::options() const { return impl_->options; }

AboutInfo Vcenter::about() { return impl_->session.service()->about; }

Timestamp Vcenter::server_time() {
  const auto reply = impl_->session.call(SoapCall("CurrentTime", {"ServiceInstance", "ServiceInstance"}),
                                         {.what = "ask vCenter for the time"});
  const auto time = vsphere::time_of(reply.returnval());
  if (!time) throw Error{ErrorCode::protocol, "cannot read vCenter's time"};
  return *time;
}

Machine Vcenter::read_machine(const std::string& moref) {
  return vsphere::read_machine(impl_->session, impl_->tags, moref);
}

bool Vcenter::can_read_root() {
  const auto root = impl_->session.service()->root_folder;
  try {
    const vsphere::OneObject folder(impl_->session, root, {"name"}, "read the root folder");
    return !text_of(folder["name"]).empty();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::denied || error.code() == ErrorCode::gone) return false;
    throw;
  }
}

std::vector<std::string> Vcenter::find_by_instance_uuid(const std::string& uuid) {
  SoapCall call("FindAllByUuid", impl_->session.service()->search_index);
  call.element("uuid", folded(uuid)).element("vmSearch", true).element("instanceUuid", true);
  const auto reply = impl_->session.call(call, {.what = "find a machine by its instance UUID"});
  std::vector<std::string> found;
  for (auto ref = reply.returnval(); ref; ref = vsphere::next_named(ref, "returnval")) found.push_back(text_of(ref));
  return found;
}

std::vector<std::string> Vcenter::machines_sharing_disks(const Machine& machine) {
  return vsphere::machines_sharing_disks(impl_->session, machine);
}

std::map<std::string, std::vector<std::string>> Vcenter::missing_privileges(
    const std::string& user, const std::vector<std::string>& morefs, const std::vector<std::string>& privileges) {
  std::vector<MoRef> entities;
  entities.reserve(morefs.size());
  for (const auto& moref : morefs) entities.push_back(machine_ref(moref));
  return vsphere::missing_privileges(impl_->session, user, entities, privileges);
}

std::vector<std::string> Vcenter::own_missing_privileges(const std::vector<std::string>& privileges) {
  const auto service = impl_->session.service();
  const auto& user = service->account.empty() ? impl_->options.username : service->account;
  return vsphere::missing_privileges(impl_->session, user, {service->root_folder},
                                     privileges)[service->root_folder.value];
}

void Vcenter::shutdown_guest(const std::string& moref) {
  impl_->change("ShutdownGuest", machine_ref(moref), "shut down the guest of " + moref, false);
}

std::string Vcenter::power_off(const std::string& moref) {
  return impl_->change("PowerOffVM_Task", machine_ref(moref), "power off " + moref, true);
}

std::string Vcenter::destroy(const std::string& moref) {
  return impl_->change("Destroy_Task", machine_ref(moref), "destroy " + moref, true);
}

void Vcenter::cancel_task(const std::string& task) {
  impl_->change("CancelTask", vsphere::task_ref(task), "cancel task " + task, false);
}

TaskInfo Vcenter::read_task(const std::string& task) { return vsphere::read_task(impl_->session, task); }

TaskInfo Vcenter::wait_for_task(const std::string& task, std::chrono::milliseconds deadline,
                                const std::stop_token& stop, const std::function<void(int)>& on_progress) {
  return impl_->tasks.wait(task, deadline, stop, on_progress);
}

std::vector<TaskInfo> Vcenter::task_history(const std::string& moref, Timestamp since) {
  return vsphere::task_history(impl_->session, moref, since);
}

void Vcenter::follow_inventory(const std::stop_token& stop, const std::function<void(InventoryChange)>& apply,
                               const std::function<void()>& alive) {
  impl_->feed.follow(stop, apply, alive);
}

}  // namespace decom
