#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/steps/world.hpp"

namespace decom {

/// A vCenter with state, behind the view that steps have of it. It keeps a ledger of the changing calls with what was
/// received and what was executed apart, so that a test can prove that nothing destructive came twice. Any thread.
class FakeVms final : public VmOps {
 public:
  explicit FakeVms(Clock& clock) : clock_(clock) {}

  /// What becomes of the next changing call of a name, once.
  enum class Fate {
    unreachable,    ///< not received
    busy,           ///< received, refused: TaskInProgress as a SOAP fault
    refused,        ///< received, refused for good
    denied,         ///< NoPermission
    lost,           ///< received, not executed, no answer
    lost_executed,  ///< received, executed, no answer
    task_runs,      ///< its task runs until `finish`
    task_fails      ///< its task ends in the fault given
  };
  struct Entry {
    std::string call;
    std::string moref;
    bool executed = false;
    bool operator==(const Entry&) const = default;
  };

  // ---- arranging
  void add(Machine machine);
  /// Changes it as its owner would. Throws not_found.
  void edit(const std::string& moref, const std::function<void(Machine&)>& change);
  void remove(const std::string& moref);  ///< unregistered: gone without a task
  void hide(const std::string& moref, bool hidden = true);
  /// Somebody else's destroy, with its task.
  void destroy_by_other(const std::string& moref);
  void guest_ignores_shutdown(const std::string& moref);
  void next(const std::string& call, Fate fate, std::string fault = "");
  /// Runs when a call of that name arrives ("Destroy_Task", "read"), before it does anything; each time.
  void before(const std::string& call, std::function<void()> hook);
  void finish(const std::string& task, const std::string& fault = "");  ///< ends a running task; a fault: in error
  void forget_tasks();                                                  ///< vCenter's list and its history are lost
  void forget_recent_tasks();                                           ///< only the list: history keeps them
  void set_unreachable(bool unreachable);                               ///< every call, reading or not
  void set_root_readable(bool readable);
  void set_elsewhere(std::vector<std::string> places);
  void set_sharers(std::vector<std::string> sharers);
  void set_tasks_cancelable(bool cancelable);
  void set_server_offset(std::chrono::milliseconds offset);  ///< of vCenter's clock to ours
  std::string add_task(const std::string& moref, const std::string& kind, TaskState state, Timestamp queued_at);

  // ---- looking
  [[nodiscard]] std::vector<Entry> ledger() const;
  [[nodiscard]] int received(const std::string& call) const;
  [[nodiscard]] int executed(const std::string& call) const;
  [[nodiscard]] bool exists(const std::string& moref) const;
  [[nodiscard]] PowerState power(const std::string& moref) const;
  [[nodiscard]] std::vector<std::string> running_tasks() const;
  [[nodiscard]] int most_at_once() const;  ///< tasks that ran at the same moment, at most
  /// Blocks until the predicate holds after some call; for tests that meet a worker halfway. False after 10 s.
  bool wait_until(const std::function<bool()>& holds) const;

  // ---- VmOps
  Machine read_machine(const Identity& machine) override;
  bool can_read_root(const Identity& machine) override;
  std::vector<std::string> known_elsewhere(const Identity& machine) override;
  std::vector<std::string> sharing_disks(const Machine& machine) override;
  Timestamp server_time(const Identity& machine) override;
  std::chrono::milliseconds call_timeout(const Identity&) override { return std::chrono::seconds{60}; }
  void shutdown_guest(const Identity& machine) override;
  std::string power_off(const Identity& machine) override;
  std::string destroy(const Identity& machine) override;
  void cancel_task(const Identity& machine, const std::string& task) override;
  TaskInfo read_task(const Identity& machine, const std::string& task) override;
  TaskInfo wait_for_task(const Identity& machine, const std::string& task, std::chrono::milliseconds most,
                         const std::stop_token& stop, const std::function<void(int)>& on_progress) override;
  std::vector<TaskInfo> task_history(const Identity& machine, Timestamp since) override;

 private:
  struct Vm {
    Machine machine;
    bool hidden = false;
    bool ignores_shutdown = false;
  };
  struct Task {
    TaskInfo info;
    bool listed = true;
  };
  struct Planned {
    Fate fate;
    std::string fault;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run_hook(const std::string& call);
  void require_reachable() const;
  Vm& visible(const std::string& moref);
  std::optional<Planned> take_fate(const std::string& call);
  std::string change(const Identity& machine, const std::string& call, const std::string& kind);
  std::string fault_of(const Vm& vm, const std::string& kind) const;
  void execute(const std::string& moref, const std::string& kind);
  Task& start_task(const std::string& moref, const std::string& kind);
  void end_task(Task& task, const std::string& fault);
  Timestamp server_now() const { return clock_.now() + offset_; }

  Clock& clock_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, Vm> vms_;
  std::map<std::string, Task> tasks_;
  std::vector<std::string> task_order_;
  std::map<std::string, std::deque<Planned>> fates_;
  std::map<std::string, std::function<void()>> hooks_;
  std::vector<Entry> ledger_;
  std::vector<std::string> elsewhere_;
  std::vector<std::string> sharers_;
  std::chrono::milliseconds offset_{0};
  bool unreachable_ = false;
  bool root_readable_ = true;
  bool cancelable_ = true;
  int next_task_ = 100;
  int most_at_once_ = 0;
};

}  // namespace decom
