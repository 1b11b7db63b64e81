#include "daemon/engine/storage_gate.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/log.hpp"

namespace decom {

void StorageGate::insist(const std::function<void()>& write, const std::stop_token& shutdown) {
  using std::chrono::milliseconds;
  bool waits = false;
  const auto leave = [&] {
    const std::lock_guard guard(mutex_);
    if (waits && --waiting_ > 0) return;
    if (waiting_ == 0) trouble_.clear();  // a write went through: there is room again
  };
  for (milliseconds pause{200};; pause = std::min(pause * 2, milliseconds{5'000})) {
    try {
      write();
      leave();
      return;
    } catch (const Error& e) {
      if (e.code() != ErrorCode::storage_full) {
        leave();
        throw;
      }
      const std::lock_guard guard(mutex_);
      if (!waits) ++waiting_;
      if (!waits) log::error("engine", "a result cannot be written, nothing new is begun: {}", e.what());
      waits = true;
      trouble_ = e.what();
    }
    if (!sleep_for(clock_, pause, shutdown)) {
      leave();
      throw Error{ErrorCode::storage_full, "stopped before a result could be written; it is found out again at start"};
    }
  }
}

void StorageGate::require_open() const {
  const std::lock_guard guard(mutex_);
  if (waiting_ > 0)
    throw Error{ErrorCode::storage_full, "nothing is sent while results cannot be written: {}", trouble_};
}

void StorageGate::wait_until_open(const std::stop_token& stop) const {
  const auto is_open = [&] {
    const std::lock_guard guard(mutex_);
    return waiting_ == 0;
  };
  while (!is_open() && sleep_for(clock_, std::chrono::milliseconds{200}, stop)) continue;
}

void StorageGate::note(const std::string& what) {
  const std::lock_guard guard(mutex_);
  trouble_ = what;
}

std::string StorageGate::trouble() const {
  const std::lock_guard guard(mutex_);
  return trouble_;
}

}  // namespace decom
