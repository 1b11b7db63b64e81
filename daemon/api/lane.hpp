#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace decom {

/// A few named threads and the work that waits for them.
class Lane {
 public:
  /// `name` gets the thread's number behind it: "api-1".
  Lane(const std::string& name, std::size_t threads, std::size_t most_waiting);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane();  ///< what runs is finished, what waits is dropped

  /// Any thread; never blocks. False when as many wait already as may. `work` does not throw.
  [[nodiscard]] bool post(std::function<void()> work);

 private:
  void run();

  std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace decom
