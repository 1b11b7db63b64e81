#include "daemon/vsphere/tasks.hpp"

#include <algorithm>

#include <pthread.h>

#include "common/base/log.hpp"

namespace decom::vsphere {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 30s;          // how long vCenter holds an answer back when nothing happens
constexpr auto kLookAnyway = 30s;    // a push can be lost; nobody waits for ever because of it
constexpr auto kLookUnwatched = 1s;  // while there is no watch
constexpr auto kFirstPause = 250ms;  // between attempts to make the watch again
constexpr auto kLongestPause = 5s;

bool has_ended(const TaskInfo& info) { return info.state == TaskState::success || info.state == TaskState::error; }

TaskState state_of(std::string_view text) {
  if (text == "running") return TaskState::running;
  if (text == "success") return TaskState::success;
  if (text == "error") return TaskState::error;
  return TaskState::queued;
}

/// While one of these lasts, the task goes on in vCenter all the same.
bool will_pass(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::timed_out || code == ErrorCode::protocol;
}

}  // namespace

TaskInfo task_info_of(const pugi::xml_node& info) {
  TaskInfo task;
  task.moref = text_of(info, "task");
  if (task.moref.empty()) task.moref = text_of(info, "key");
  task.entity = text_of(info, "entity");
  task.description_id = text_of(info, "descriptionId");
  task.state = state_of(text_of(info, "state"));
  task.cancelled = is_true(child_named(info, "cancelled"));
  task.cancelable = is_true(child_named(info, "cancelable"));
  task.progress = task.state == TaskState::success ? 100 : static_cast<int>(integer_of(child_named(info, "progress")));
  if (const auto error = child_named(info, "error")) {
    const SoapFault fault = read_fault(child_named(error, "fault"), text_of(error, "localizedMessage"));
    task.fault = fault.name.empty() || fault.name == "fault" ? "MethodFault" : fault.name;
    task.message = fault.message;
  }
  task.queued_at = time_of(child_named(info, "queueTime"));
  task.completed_at = time_of(child_named(info, "completeTime"));
  return task;
}

TaskInfo read_task(Session& session, const std::string& task) {
  const OneObject found(session, task_ref(task), {"info"}, "read task " + task);
  const auto info = found["info"];
  if (!info) throw Error{ErrorCode::gone, "cannot read task {}: vCenter does not show it", task};
  TaskInfo read = task_info_of(info);
  read.moref = task;
  return read;
}

/// One waiter's entry; the task leaves the view with its last one.
class TaskWatcher::Entry {
 public:
  Entry(TaskWatcher& watcher, const std::string& task) : watcher_(watcher), task_(task) {
    const std::lock_guard lock(watcher_.mutex_);
    ++watcher_.waiting_[task_].waiters;
    if (!watcher_.thread_.joinable())
      watcher_.thread_ = std::jthread([&watcher](const std::stop_token& stop) { watcher.run(stop); });
    watcher_.changed_.notify_all();
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() {
    const std::lock_guard lock(watcher_.mutex_);
    const auto found = watcher_.waiting_.find(task_);
    if (--found->second.waiters > 0) return;
    watcher_.waiting_.erase(found);
    watcher_.done_with_.push_back(task_);
  }

 private:
  TaskWatcher& watcher_;
  std::string task_;
};

TaskWatcher::TaskWatcher(Session& session, Clock& clock) : session_(session), clock_(clock) {}

TaskWatcher::~TaskWatcher() = default;

TaskInfo TaskWatcher::wait(const std::string& task, std::chrono::milliseconds deadline, const std::stop_token& stop,
                           const std::function<void(int)>& on_progress) {
  const auto end = clock_.steady() + deadline;
  const Entry entry(*this, task);
  add_to_view(task);  // and only then read: a task that ended before it was watched is never pushed
  int shown = -1;
  const auto show = [&](int progress) {
    if (on_progress && progress != shown) on_progress(progress);
    shown = progress;
  };
  while (true) {
    std::uint64_t seen = 0;
    bool watched = false;
    {
      const std::lock_guard lock(mutex_);
      seen = waiting_[task].signals;
      watched = watch_.has_value();
    }
    try {
      TaskInfo info = read_task(session_, task);
      if (has_ended(info)) return info;
      show(info.progress);
    } catch (const Error& error) {
      if (!will_pass(error.code())) throw;
      watched = false;
    }
    const auto look = clock_.steady() + (watched ? std::chrono::milliseconds{kLookAnyway} : kLookUnwatched);
    std::unique_lock lock(mutex_);
    while (waiting_[task].signals == seen && clock_.steady() < look) {
      if (stop.stop_requested()) throw Error{ErrorCode::cancelled, "cannot wait for task {}: stopped", task};
      if (clock_.steady() >= end) throw Error{ErrorCode::timed_out, "task {} has not ended in time", task};
      const int progress = waiting_[task].progress;
      if (progress > shown) {
        lock.unlock();
        show(progress);
        lock.lock();
        continue;
      }
      clock_.wait_until(changed_, lock, stop, std::min(look, end));
    }
    if (stop.stop_requested()) throw Error{ErrorCode::cancelled, "cannot wait for task {}: stopped", task};
  }
}

void TaskWatcher::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), ("tasks-" + session_.options().name).substr(0, 15).c_str());
  std::chrono::milliseconds pause = kFirstPause;
  while (!stop.stop_requested()) {
    std::vector<std::string> tasks;
    {
      std::unique_lock lock(mutex_);
      while (waiting_.empty() && !stop.stop_requested())
        clock_.wait_until(changed_, lock, stop, clock_.steady() + std::chrono::hours{1});
      for (const auto& [task, waiting] : waiting_) tasks.push_back(task);
      done_with_.clear();
    }
    if (stop.stop_requested()) return;
    Watch watch;
    try {
      watch = set_up(tasks, stop);
      pause = kFirstPause;
      follow(watch, stop);
    } catch (const Error& error) {
      log::debug("vsphere", "{}: the watch over tasks ended: {}", session_.options().name, error.what());
      try {
        if (error.code() == ErrorCode::gone) session_.check(watch.generation);
      } catch (const Error&) {  // the next attempt will say
      }
    }
    {
      const std::lock_guard lock(mutex_);
      watch_.reset();
    }
    signal_all();
    if (stop.stop_requested()) return;
    sleep_for(clock_, pause, stop);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
  }
}

TaskWatcher::Watch TaskWatcher::set_up(const std::vector<std::string>& tasks, const std::stop_token& stop) {
  const auto service = session_.service();
  const CallOptions options{.what = "watch tasks", .repeat = false, .stop = stop};
  Watch watch;
  watch.generation = service->generation;
  // A collector of its own: WaitForUpdatesEx of the mirror and of the tasks would cancel each other on a shared one.
  watch.collector =
      moref_of(session_.call(SoapCall("CreatePropertyCollector", service->property_collector), options).returnval());
  watch.view = moref_of(session_.call(SoapCall("CreateListView", service->view_manager), options).returnval());
  const FilterSpec filter{
      .properties = {{"Task", {"info.state", "info.progress"}}},
      .objects = {
          {.object = watch.view, .skip = true, .steps = {{.name = "view", .type = "ListView", .path = "view"}}}}};
  SoapCall create("CreateFilter", watch.collector);
  write_filter(create, "spec", filter);
  create.element("partialUpdates", false);
  watch.filter = moref_of(session_.call(create, options).returnval());

  std::vector<std::string> late;
  {
    const std::lock_guard lock(mutex_);
    watch_ = watch;
    for (const auto& [task, waiting] : waiting_) late.push_back(task);
  }
  for (const auto& task : tasks) std::erase(late, task);
  late.insert(late.end(), tasks.begin(), tasks.end());
  for (const auto& task : late) add_to_view(task);
  signal_all();
  return watch;
}

void TaskWatcher::add_to_view(const std::string& task) {
  std::optional<Watch> watch;
  std::vector<std::string> remove;
  {
    const std::lock_guard lock(mutex_);
    watch = watch_;
    if (!watch) return;  // set_up will add it
    std::erase_if(done_with_, [&](const std::string& done) { return waiting_.contains(done); });
    remove.swap(done_with_);
  }
  SoapCall modify("ModifyListView", watch->view);
  modify.ref("add", task_ref(task));
  for (const auto& done : remove) modify.ref("remove", task_ref(done));
  try {
    // A task that is not there any more is told by the read that follows; so is a session that has ended.
    session_.ask(modify, {.what = "watch task " + task, .repeat = false});
  } catch (const Error& error) {
    log::debug("vsphere", "{}: task {} is not watched: {}", session_.options().name, task, error.what());
  }
}

void TaskWatcher::follow(const Watch& watch, const std::stop_token& stop) {
  std::string version;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      while (waiting_.empty() && !stop.stop_requested())
        clock_.wait_until(changed_, lock, stop, clock_.steady() + std::chrono::hours{1});
    }
    SoapCall call("WaitForUpdatesEx", watch.collector);
    call.element("version", version).open("options");
    call.number("maxWaitSeconds", std::chrono::seconds{kPoll}.count()).close();
    const SoapReply reply =
        session_.call(call, {.what = "wait for tasks", .repeat = false, .stop = stop, .wait = kPoll});
    const auto set = reply.returnval();
    if (!set) continue;  // nothing happened
    version = text_of(set, "version");
    for (auto part = child_named(set, "filterSet"); part; part = next_named(part, "filterSet"))
      for (auto update = child_named(part, "objectSet"); update; update = next_named(update, "objectSet")) {
        const ObjectFacts facts = facts_of(update);
        if (facts.ref.type != "Task") continue;
        std::optional<int> progress;
        if (const auto value = facts["info.progress"]) progress = static_cast<int>(integer_of(value));
        const auto state = facts["info.state"];
        const bool ended = state && has_ended({.state = state_of(text_of(state))});
        signal(facts.ref.value, ended || facts.kind == "leave" || !progress ? std::nullopt : progress);
      }
  }
}

void TaskWatcher::signal(const std::string& task, std::optional<int> progress) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(task);
  if (found == waiting_.end()) return;
  if (progress)
    found->second.progress = *progress;
  else
    ++found->second.signals;
  changed_.notify_all();
}

void TaskWatcher::signal_all() {
  const std::lock_guard lock(mutex_);
  for (auto& [task, waiting] : waiting_) ++waiting.signals;
  changed_.notify_all();
}

}  // namespace decom::vsphere
