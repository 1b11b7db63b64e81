#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "daemon/domain/machine.hpp"

namespace decom {

struct VcenterOptions {
  std::string name;  ///< label: "lab"
  std::string url;   ///< https://vcenter.example.com/sdk
  std::string username;
  std::filesystem::path password_file;  ///< read again at each login
  std::filesystem::path ca_file;        ///< or
  std::string thumbprint;               ///< "SHA256:…" of the certificate, colons optional
  std::chrono::milliseconds connect_timeout = std::chrono::seconds{5};
  std::chrono::milliseconds read_timeout = std::chrono::seconds{30};
  std::chrono::milliseconds call_timeout = std::chrono::seconds{60};  ///< of a mutating call
  /// How this vCenter spells a person: {sam} {upn} {domain}.
  std::string user_format = "{domain}\\{sam}";
};

struct AboutInfo {
  std::string full_name;
  std::string version;
  std::string instance_uuid;
};

enum class TaskState { queued, running, success, error };

struct TaskInfo {
  std::string moref;
  std::string entity;          ///< MoRef that it acts on
  std::string description_id;  ///< "VirtualMachine.destroy"
  TaskState state = TaskState::queued;
  bool cancelled = false;
  bool cancelable = false;
  int progress = 0;                    ///< per cent
  std::string fault;                   ///< type name of info.error.fault: "InvalidPowerState"; empty without one
  std::string message;                 ///< localizedMessage
  std::optional<Timestamp> queued_at;  ///< by vCenter's clock
  std::optional<Timestamp> completed_at;
};

/// Words for a fault that a person understands: "it is powered on" for InvalidPowerState.
std::string explain_fault(const std::string& fault, const std::string& message);

/// One batch of what changed, from a property filter over all VMs of a vCenter.
struct InventoryChange {
  bool first = false;             ///< start from nothing: a full load follows in these pieces
  std::vector<Machine> entered;   ///< new or replaced, with all properties but `disks`, which `read_machine` gives
  std::vector<std::string> left;  ///< MoRefs that are not visible any more
  bool complete = true;           ///< false: more pieces of this load follow
};

/// One vCenter: one shared, kept-alive session. Safe from any thread; calls block the caller, never each other for
/// long.
///
/// Errors: `unreachable` (not sent), `timed_out` (a read without an answer), `lost` (a change sent, no answer seen:
/// timeouts, resets, 502/503/504), `untrusted` (certificate), `unauthenticated` (wrong password of ours: tried once
/// per change of the password file, never hammered), `denied` (NoPermission), `gone` (ManagedObjectNotFound), `busy`
/// (TaskInProgress, ResourceInUse …), `refused` (any other fault), `protocol` (not XML, truncated, beyond a limit; for
/// a change it is `lost`), `cancelled` (stop requested).
/// A session that ended is opened again and a *read* repeated once; a change is repeated only after NotAuthenticated.
class Vcenter {
 public:
  Vcenter(VcenterOptions options, Clock& clock);
  ~Vcenter();  ///< logs out

  [[nodiscard]] const VcenterOptions& options() const;
  /// Connects and logs in if that was not done yet.
  AboutInfo about();
  Timestamp server_time();

  // ---- reading
  /// Fresh facts of one VM, every property. Throws `gone` when the object is not visible.
  Machine read_machine(const std::string& moref);
  /// The canary: the root folder can be read, so that "not visible" is not a dead session or lost rights everywhere.
  bool can_read_root();
  /// MoRefs of VMs with this instance UUID (FindAllByUuid).
  std::vector<std::string> find_by_instance_uuid(const std::string& uuid);
  /// Names of other VMs that use any of this machine's disks as a parent or as their own.
  std::vector<std::string> machines_sharing_disks(const Machine& machine);

  // ---- rights
  /// Which of `privileges` `user` lacks on each of `morefs`; an empty list of lists means that all are there.
  /// HasUserPrivilegeOnEntities, or, before 6.5, permissions + roles + groups.
  std::map<std::string, std::vector<std::string>> missing_privileges(const std::string& user,
                                                                     const std::vector<std::string>& morefs,
                                                                     const std::vector<std::string>& privileges);
  /// What our own account lacks on the root folder, for doctor.
  std::vector<std::string> own_missing_privileges(const std::vector<std::string>& privileges);

  // ---- changing; never repeated by us
  void shutdown_guest(const std::string& moref);    ///< returns once asked for
  std::string power_off(const std::string& moref);  ///< task
  std::string destroy(const std::string& moref);    ///< task
  void cancel_task(const std::string& task);        ///< `refused` where it is not cancelable

  // ---- tasks
  TaskInfo read_task(const std::string& task);  ///< throws `gone`
  /// Waits until the task has ended; `on_progress` gets percentages. Completions are pushed: one property-collector
  /// filter watches all running tasks. Throws `cancelled` when `stop` is requested, `timed_out` at `deadline`.
  TaskInfo wait_for_task(const std::string& task, std::chrono::milliseconds deadline, const std::stop_token& stop,
                         const std::function<void(int)>& on_progress = {});
  /// vCenter's history of tasks on that entity since then, oldest first (CreateCollectorForTasks).
  std::vector<TaskInfo> task_history(const std::string& moref, Timestamp since);

  // ---- the mirror's feed; one caller, its own thread
  /// Calls `apply` for the first load in pages and then for each change, until `stop`. Throws when the connection or
  /// session is lost; call it again for a resync. Between changes it waits in WaitForUpdatesEx.
  void follow_inventory(const std::stop_token& stop, const std::function<void(InventoryChange)>& apply,
                        const std::function<void()>& alive);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// All configured vCenters, by label and by instance UUID.
class VcenterPool {
 public:
  VcenterPool(std::vector<VcenterOptions> options, Clock& clock);
  ~VcenterPool();

  [[nodiscard]] std::vector<std::string> names() const;
  Vcenter& by_name(const std::string& name);  ///< throws `not_found`
  /// Learned from `about`; throws `unreachable` while no vCenter with that uuid has been reached yet, `not_found` when
  /// all were and none has it.
  Vcenter& by_uuid(const std::string& instance_uuid);
  /// Reaches each once; two with one instance UUID throw `invalid` and name both entries.
  void check_distinct();
  /// Labels of the other vCenters that know this instance UUID. Throws when one could not be asked: unknown is not
  /// absent.
  std::vector<std::string> others_knowing(const Identity& identity);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
