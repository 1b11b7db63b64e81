#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "daemon/vsphere/properties.hpp"
#include "daemon/vsphere/session.hpp"

namespace decom::vsphere {

TaskInfo task_info_of(const pugi::xml_node& info);
TaskInfo read_task(Session& session, const std::string& task);
std::vector<TaskInfo> task_history(Session& session, const std::string& moref, Timestamp since);

/// Watches all running tasks of one vCenter with one property filter over a list view, on one thread, and wakes whoever
/// waits. It only says "look now": the waiter reads the task itself, so that a push that was lost, merged or doubled
/// changes nothing. Any thread; the watcher's own is started at the first wait.
class TaskWatcher {
 public:
  TaskWatcher(Session& session, Clock& clock);
  ~TaskWatcher();

  /// As Vcenter::wait_for_task.
  TaskInfo wait(const std::string& task, std::chrono::milliseconds deadline, const std::stop_token& stop,
                const std::function<void(int)>& on_progress);

 private:
  struct Watch {  ///< the server's objects of one session
    std::uint64_t generation = 0;
    MoRef collector, view, filter;
  };
  struct Waiting {
    int waiters = 0;
    std::uint64_t signals = 0;  ///< how often there was something to look at
    int progress = 0;
  };
  class Entry;

  void run(const std::stop_token& stop);
  Watch set_up(const std::vector<std::string>& tasks, const std::stop_token& stop);
  void follow(const Watch& watch, const std::stop_token& stop);
  void add_to_view(const std::string& task);
  void signal(const std::string& task, std::optional<int> progress);
  void signal_all();

  Session& session_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Waiting> waiting_;
  std::optional<Watch> watch_;          ///< while there is one that works
  std::vector<std::string> done_with_;  ///< to be taken off the view with the next addition
  std::jthread thread_;                 ///< last: it ends before the rest does
};

}  // namespace decom::vsphere
