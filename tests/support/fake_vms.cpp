#include "tests/support/fake_vms.hpp"

#include <algorithm>

#include "daemon/steps/vm_task.hpp"

namespace decom {

void FakeVms::add(Machine machine) {
  const std::lock_guard guard(mutex_);
  const std::string moref = machine.identity.moref;
  vms_[moref] = Vm{.machine = std::move(machine)};
}

void FakeVms::edit(const std::string& moref, const std::function<void(Machine&)>& change) {
  const std::lock_guard guard(mutex_);
  change(vms_.at(moref).machine);
}

void FakeVms::remove(const std::string& moref) {
  const std::lock_guard guard(mutex_);
  vms_.erase(moref);
}

void FakeVms::hide(const std::string& moref, bool hidden) {
  const std::lock_guard guard(mutex_);
  vms_.at(moref).hidden = hidden;
}

void FakeVms::destroy_by_other(const std::string& moref) {
  const std::lock_guard guard(mutex_);
  Task& task = start_task(moref, "destroy");
  vms_.erase(moref);
  end_task(task, "");
}

void FakeVms::guest_ignores_shutdown(const std::string& moref) {
  const std::lock_guard guard(mutex_);
  vms_.at(moref).ignores_shutdown = true;
}

void FakeVms::next(const std::string& call, Fate fate, std::string fault) {
  const std::lock_guard guard(mutex_);
  fates_[call].push_back({fate, std::move(fault)});
}

void FakeVms::before(const std::string& call, std::function<void()> hook) {
  const std::lock_guard guard(mutex_);
  hooks_[call] = std::move(hook);
}

void FakeVms::finish(const std::string& task, const std::string& fault) {
  const std::lock_guard guard(mutex_);
  Task& one = tasks_.at(task);
  if (fault.empty()) {
    const std::string& id = one.info.description_id;
    execute(one.info.entity, id.substr(id.rfind('.') + 1));
  }
  end_task(one, fault);
}

void FakeVms::forget_tasks() {
  const std::lock_guard guard(mutex_);
  tasks_.clear();
  task_order_.clear();
}

void FakeVms::forget_recent_tasks() {
  const std::lock_guard guard(mutex_);
  for (auto& [id, task] : tasks_) task.listed = false;
}

void FakeVms::set_unreachable(bool unreachable) {
  const std::lock_guard guard(mutex_);
  unreachable_ = unreachable;
}
void FakeVms::set_root_readable(bool readable) {
  const std::lock_guard guard(mutex_);
  root_readable_ = readable;
}
void FakeVms::set_elsewhere(std::vector<std::string> places) {
  const std::lock_guard guard(mutex_);
  elsewhere_ = std::move(places);
}
void FakeVms::set_sharers(std::vector<std::string> sharers) {
  const std::lock_guard guard(mutex_);
  sharers_ = std::move(sharers);
}
void FakeVms::set_tasks_cancelable(bool cancelable) {
  const std::lock_guard guard(mutex_);
  cancelable_ = cancelable;
}
void FakeVms::set_server_offset(std::chrono::milliseconds offset) {
  const std::lock_guard guard(mutex_);
  offset_ = offset;
}

std::string FakeVms::add_task(const std::string& moref, const std::string& kind, TaskState state, Timestamp queued_at) {
  const std::lock_guard guard(mutex_);
  Task& task = start_task(moref, kind);
  task.info.state = state;
  task.info.queued_at = queued_at;
  return task.info.moref;
}

std::vector<FakeVms::Entry> FakeVms::ledger() const {
  const std::lock_guard guard(mutex_);
  return ledger_;
}

int FakeVms::received(const std::string& call) const {
  const std::lock_guard guard(mutex_);
  return static_cast<int>(std::ranges::count(ledger_, call, &Entry::call));
}

int FakeVms::executed(const std::string& call) const {
  const std::lock_guard guard(mutex_);
  return static_cast<int>(std::ranges::count_if(ledger_, [&](const Entry& e) { return e.call == call && e.executed; }));
}

bool FakeVms::exists(const std::string& moref) const {
  const std::lock_guard guard(mutex_);
  return vms_.contains(moref);
}

PowerState FakeVms::power(const std::string& moref) const {
  const std::lock_guard guard(mutex_);
  return vms_.at(moref).machine.power;
}

std::vector<std::string> FakeVms::running_tasks() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> running;
  for (const auto& [id, task] : tasks_)
    if (task.info.state == TaskState::running) running.push_back(id);
  return running;
}

int FakeVms::most_at_once() const {
  const std::lock_guard guard(mutex_);
  return most_at_once_;
}

bool FakeVms::wait_until(const std::function<bool()>& holds) const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  for (;;) {
    if (holds()) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    Lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds{5});
  }
}

void FakeVms::run_hook(const std::string& call) {
  std::function<void()> hook;
  {
    const std::lock_guard guard(mutex_);
    if (const auto found = hooks_.find(call); found != hooks_.end()) hook = found->second;
  }
  if (hook) hook();
}

void FakeVms::require_reachable() const {
  if (unreachable_) throw Error{ErrorCode::unreachable, "cannot reach lab: connection refused"};
}

FakeVms::Vm& FakeVms::visible(const std::string& moref) {
  const auto found = vms_.find(moref);
  if (found == vms_.end() || found->second.hidden)
    throw Error{ErrorCode::gone, "{} has been deleted or has not been completely created", moref};
  return found->second;
}

std::optional<FakeVms::Planned> FakeVms::take_fate(const std::string& call) {
  auto& fates = fates_[call];
  if (fates.empty()) return std::nullopt;
  const Planned planned = fates.front();
  fates.pop_front();
  return planned;
}

std::string FakeVms::fault_of(const Vm& vm, const std::string& kind) const {
  const bool off = vm.machine.power == PowerState::off;
  return (kind == "powerOff") == off ? "InvalidPowerState" : "";
}

void FakeVms::execute(const std::string& moref, const std::string& kind) {
  if (kind == "powerOff") {
    vms_.at(moref).machine.power = PowerState::off;
    vms_.at(moref).machine.tools = "not_running";
  } else {
    vms_.erase(moref);
  }
}

FakeVms::Task& FakeVms::start_task(const std::string& moref, const std::string& kind) {
  const std::string id = "task-" + std::to_string(next_task_++);
  Task& task = tasks_[id];
  task.info = {.moref = id,
               .entity = moref,
               .description_id = "VirtualMachine." + kind,
               .state = TaskState::running,
               .cancelable = cancelable_,
               .queued_at = server_now()};
  task_order_.push_back(id);
  const auto running =
      std::ranges::count_if(tasks_, [](const auto& t) { return t.second.info.state == TaskState::running; });
  most_at_once_ = std::max(most_at_once_, static_cast<int>(running));
  return task;
}

void FakeVms::end_task(Task& task, const std::string& fault) {
  task.info.state = fault.empty() ? TaskState::success : TaskState::error;
  task.info.fault = fault;
  task.info.completed_at = server_now();
  changed_.notify_all();
}

std::string FakeVms::change(const Identity& machine, const std::string& call, const std::string& kind) {
  run_hook(call);
  const std::lock_guard guard(mutex_);
  require_reachable();
  const auto planned = take_fate(call);
  const Fate fate = planned ? planned->fate : Fate::task_runs;
  if (fate == Fate::unreachable) throw Error{ErrorCode::unreachable, "cannot reach lab: connection refused"};
  Entry& entry = ledger_.emplace_back(Entry{.call = call, .moref = machine.moref});
  changed_.notify_all();
  if (fate == Fate::busy) throw Error{ErrorCode::busy, "another task is already in progress"};
  if (fate == Fate::refused) throw Error{ErrorCode::refused, "the operation is not supported"};
  if (fate == Fate::denied) throw Error{ErrorCode::denied, "permission to perform this operation was denied"};
  if (fate == Fate::lost) throw Error{ErrorCode::lost, "no answer within 60s"};
  Vm& vm = visible(machine.moref);
  Task& task = start_task(machine.moref, kind);
  const std::string id = task.info.moref;
  if (fate == Fate::task_fails) {
    end_task(task, planned->fault);
    return id;
  }
  if (const std::string fault = fault_of(vm, kind); !fault.empty()) {
    end_task(task, fault);
    return id;
  }
  entry.executed = true;
  if (planned && fate == Fate::task_runs) return id;
  execute(machine.moref, kind);
  end_task(task, "");
  if (fate == Fate::lost_executed) throw Error{ErrorCode::lost, "the connection was reset before an answer"};
  return id;
}

Machine FakeVms::read_machine(const Identity& machine) {
  run_hook("read");
  const std::lock_guard guard(mutex_);
  require_reachable();
  changed_.notify_all();
  return visible(machine.moref).machine;
}

bool FakeVms::can_read_root(const Identity&) {
  const std::lock_guard guard(mutex_);
  require_reachable();
  return root_readable_;
}

std::vector<std::string> FakeVms::known_elsewhere(const Identity&) {
  const std::lock_guard guard(mutex_);
  require_reachable();
  return elsewhere_;
}

std::vector<std::string> FakeVms::sharing_disks(const Machine&) {
  const std::lock_guard guard(mutex_);
  require_reachable();
  return sharers_;
}

Timestamp FakeVms::server_time(const Identity&) {
  const std::lock_guard guard(mutex_);
  require_reachable();
  return server_now();
}

void FakeVms::shutdown_guest(const Identity& machine) {
  run_hook(kShutdownGuestCall);
  const std::lock_guard guard(mutex_);
  require_reachable();
  const auto planned = take_fate(kShutdownGuestCall);
  if (planned && planned->fate == Fate::unreachable) throw Error{ErrorCode::unreachable, "cannot reach lab"};
  Entry& entry = ledger_.emplace_back(Entry{.call = kShutdownGuestCall, .moref = machine.moref});
  changed_.notify_all();
  if (planned && planned->fate == Fate::refused) throw Error{ErrorCode::refused, "VMware Tools are not running"};
  if (planned && planned->fate == Fate::lost) throw Error{ErrorCode::lost, "no answer within 60s"};
  Vm& vm = visible(machine.moref);
  entry.executed = true;
  if (!vm.ignores_shutdown) execute(machine.moref, "powerOff");
  if (planned && planned->fate == Fate::lost_executed) throw Error{ErrorCode::lost, "no answer within 60s"};
}

std::string FakeVms::power_off(const Identity& machine) { return change(machine, kPowerOffCall, "powerOff"); }
std::string FakeVms::destroy(const Identity& machine) { return change(machine, kDestroyCall, "destroy"); }

void FakeVms::cancel_task(const Identity&, const std::string& task) {
  const std::lock_guard guard(mutex_);
  require_reachable();
  Task& one = tasks_.at(task);
  ledger_.push_back({.call = "CancelTask", .moref = task});
  changed_.notify_all();
  if (!one.info.cancelable) throw Error{ErrorCode::refused, "it is not cancelable"};
  const auto cancelled = std::find_if(ledger_.rbegin(), ledger_.rend(),
                                      [&](const Entry& entry) { return entry.moref == one.info.entity; });
  if (cancelled != ledger_.rend()) cancelled->executed = false;
  one.info.cancelled = true;
  end_task(one, "RequestCanceled");
}

TaskInfo FakeVms::read_task(const Identity&, const std::string& task) {
  const std::lock_guard guard(mutex_);
  require_reachable();
  const auto found = tasks_.find(task);
  if (found == tasks_.end() || !found->second.listed) throw Error{ErrorCode::gone, "{} is not there", task};
  return found->second.info;
}

TaskInfo FakeVms::wait_for_task(const Identity& machine, const std::string& task, std::chrono::milliseconds most,
                                const std::stop_token& stop, const std::function<void(int)>& on_progress) {
  run_hook("wait");
  const auto until = clock_.steady() + most;
  if (on_progress) on_progress(10);
  Lock lock(mutex_);
  for (;;) {
    require_reachable();
    const auto found = tasks_.find(task);
    if (found == tasks_.end() || !found->second.listed) throw Error{ErrorCode::gone, "{} is not there", task};
    const TaskInfo& info = found->second.info;
    if (info.state != TaskState::running) return info;
    if (stop.stop_requested()) throw Error{ErrorCode::cancelled, "stopped while {} runs on {}", task, machine.moref};
    if (clock_.steady() >= until) throw Error{ErrorCode::timed_out, "{} still runs", task};
    clock_.wait_until(changed_, lock, stop, until);
  }
}

std::vector<TaskInfo> FakeVms::task_history(const Identity& machine, Timestamp since) {
  const std::lock_guard guard(mutex_);
  require_reachable();
  std::vector<TaskInfo> tasks;
  for (const std::string& id : task_order_)
    if (const TaskInfo& info = tasks_.at(id).info; info.entity == machine.moref && info.queued_at >= since)
      tasks.push_back(info);
  return tasks;
}

}  // namespace decom
