#include "common/base/failpoint.hpp"

#ifdef DECOM_FAILPOINTS

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <unistd.h>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace decom::failpoint {
namespace {

enum class Action { kill, error, wait };

struct Point {
  std::string name;
  int count = 1;
  Action action = Action::kill;
  int passed = 0;
};

Point parse_point(const std::string& spec) {
  Point point;
  std::string_view rest = spec;
  if (const auto equals = rest.find('='); equals != std::string_view::npos) {
    const std::string_view action = rest.substr(equals + 1);
    if (action == "error") {
      point.action = Action::error;
    } else if (action == "wait") {
      point.action = Action::wait;
    } else if (action != "kill") {
      throw Error{ErrorCode::invalid, "'{}' is not what a failpoint may do: kill, error or wait", action};
    }
    rest = rest.substr(0, equals);
  }
  if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    const std::string_view count = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), point.count);
    if (error != std::errc{} || end != count.data() + count.size() || point.count < 1)
      throw Error{ErrorCode::invalid, "'{}' is not a count of a failpoint", count};
    rest = rest.substr(0, colon);
  }
  point.name = std::string(rest);
  return point;
}

class Registry {
 public:
  Registry() {
    if (const char* spec = std::getenv("DECOM_FAILPOINT")) set(spec);
  }

  void set(std::string_view spec) {
    std::vector<Point> points;
    for (const std::string& part : split(spec, ','))
      if (!part.empty()) points.push_back(parse_point(part));
    const std::lock_guard guard(mutex_);
    points_ = std::move(points);
    armed_.store(!points_.empty(), std::memory_order_release);
    ++releases_;  // whoever waits at a point of the old set
    changed_.notify_all();
  }

  void pass(std::string_view name) {
    if (!armed_.load(std::memory_order_acquire)) return;
    std::unique_lock lock(mutex_);
    for (Point& point : points_) {
      if (point.name != name || ++point.passed != point.count) continue;
      switch (point.action) {
        case Action::kill:
          ::kill(::getpid(), SIGKILL);
          for (;;) ::pause();  // the signal is on its way
        case Action::error: throw Error{ErrorCode::internal, "failpoint {}", name};
        case Action::wait: {
          const int before = releases_;
          changed_.wait(lock, [&] { return releases_ != before; });
          return;  // `points_` may be another one by now
        }
      }
    }
  }

  void release() {
    const std::lock_guard guard(mutex_);
    ++releases_;
    changed_.notify_all();
  }

  int passed(std::string_view name) {
    const std::lock_guard guard(mutex_);
    for (const Point& point : points_)
      if (point.name == name) return point.passed;
    return 0;
  }

 private:
  std::atomic<bool> armed_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Point> points_;
  int releases_ = 0;
};

Registry& registry() {
  static Registry* one = new Registry;  // never destroyed: threads may pass points while statics die
  return *one;
}

}  // namespace

void pass(std::string_view name) { registry().pass(name); }
void arm(std::string_view spec) { registry().set(spec); }
void disarm() { registry().set(""); }
void release() { registry().release(); }
int passed(std::string_view name) { return registry().passed(name); }

}  // namespace decom::failpoint

#endif
