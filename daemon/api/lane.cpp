#include "daemon/api/lane.hpp"

#include <fmt/format.h>
#include <pthread.h>

namespace decom {

Lane::Lane(const std::string& name, std::size_t threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
  for (std::size_t i = 1; i <= threads; ++i) {
    threads_.emplace_back([this] { run(); });
    pthread_setname_np(threads_.back().native_handle(), fmt::format("{}-{}", name, i).c_str());
  }
}

Lane::~Lane() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  dropped.clear();  // outside the lock, as it may answer somebody, and before the wait for what runs
  threads_.clear();
}

bool Lane::post(std::function<void()> work) {
  {
    const std::lock_guard guard(mutex_);
    if (stopping_ || waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

void Lane::run() {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace decom
