#include <algorithm>

#include "daemon/vsphere/tasks.hpp"

namespace decom::vsphere {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kPage = 500;

/// A history collector lives on the server; a session may have 32 of them.
class Collector {
 public:
  Collector(Session& session, const std::string& moref, Timestamp since, bool by_entity) : session_(session) {
    SoapCall create("CreateCollectorForTasks", session.service()->task_manager);
    create.open("filter");
    if (by_entity) create.open("entity").ref("entity", machine_ref(moref)).element("recursion", "self").close();
    create.open("time").element("timeType", "queuedTime").element("beginTime", to_rfc3339(since)).close().close();
    self_ = moref_of(session.call(create, {.what = "read vCenter's tasks on " + moref}).returnval());
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector() {
    try {
      session_.ask(SoapCall("DestroyCollector", self_), {.what = "forget a task collector", .repeat = false});
    } catch (const std::exception&) {  // it goes with the session
    }
  }

  SoapReply next() {
    SoapCall read("ReadNextTasks", self_);
    read.number("maxCount", kPage);
    return session_.call(read, {.what = "read vCenter's tasks", .repeat = false});
  }

 private:
  Session& session_;
  MoRef self_;
};

std::vector<TaskInfo> collect(Session& session, const std::string& moref, Timestamp since, bool by_entity) {
  std::vector<TaskInfo> found;
  Collector collector(session, moref, since, by_entity);
  while (true) {
    const SoapReply reply = collector.next();
    if (!reply.returnval()) return found;
    for (auto info = reply.returnval(); info; info = next_named(info, "returnval")) {
      TaskInfo task = task_info_of(info);
      if (task.entity == moref && task.queued_at.value_or(since) >= since) found.push_back(std::move(task));
    }
  }
}

}  // namespace

std::vector<TaskInfo> task_history(Session& session, const std::string& moref, Timestamp since) {
  const Timestamp from = since - 1s;  // servers may round
  std::vector<TaskInfo> found;
  try {
    found = collect(session, moref, from, true);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::gone && error.code() != ErrorCode::refused) throw;
  }
  // A filter may not take an object that is gone, or find nothing for it; then all tasks since then are read.
  if (found.empty()) found = collect(session, moref, from, false);
  std::erase_if(found, [&](const TaskInfo& task) { return task.queued_at.value_or(since) < since; });
  std::ranges::stable_sort(found, {}, [&](const TaskInfo& task) { return task.queued_at.value_or(since); });
  return found;
}

}  // namespace decom::vsphere
