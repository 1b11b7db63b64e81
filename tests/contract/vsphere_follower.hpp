#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/vsphere/vcenter.hpp"

namespace decom {

/// Follows an inventory on a thread of its own, as the mirror does, and waits for what a test expects to come.
class Follower {
 public:
  using Machines = std::map<std::string, Machine>;  ///< by MoRef

  explicit Follower(Vcenter& vcenter)
      : vcenter_(vcenter), thread_([this](const std::stop_token& stop) { run(stop); }) {}

  /// True once `expected` holds; false after `most`, or when the following ended by an error.
  bool wait_until(const std::function<bool(const Machines&)>& expected,
                  std::chrono::milliseconds most = std::chrono::seconds{10}) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, most, [&] { return loaded_ && expected(machines_); });
  }
  bool wait_loaded() {
    return wait_until([](const Machines&) { return true; }, std::chrono::seconds{60});
  }
  bool wait_for_loads(int loads) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return loaded_ && loads_ >= loads; });
  }
  /// The code of the error that ended it.
  ErrorCode wait_for_end() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds{30}, [&] { return ended_; })) return ErrorCode::internal;
    return code_;
  }
  Machines machines() const {
    const std::lock_guard lock(mutex_);
    return machines_;
  }
  const Machine* find(const Machines& machines, const std::string& name) const {
    for (const auto& [moref, machine] : machines)
      if (machine.name == name) return &machine;
    return nullptr;
  }
  int pieces() const {
    const std::lock_guard lock(mutex_);
    return pieces_;
  }

 private:
  void run(const std::stop_token& stop) {
    try {
      vcenter_.follow_inventory(stop, [this](const InventoryChange& change) { apply(change); }, {});
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      code_ = error.code();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  void apply(const InventoryChange& change) {
    const std::lock_guard lock(mutex_);
    ++pieces_;
    if (change.first) {
      machines_.clear();
      loaded_ = false;
      ++loads_;
    }
    for (const auto& machine : change.entered) machines_[machine.identity.moref] = machine;
    for (const auto& moref : change.left) machines_.erase(moref);
    if (change.complete) loaded_ = true;
    changed_.notify_all();
  }

  Vcenter& vcenter_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Machines machines_;
  bool loaded_ = false;
  bool ended_ = false;
  int loads_ = 0;
  int pieces_ = 0;
  ErrorCode code_ = ErrorCode::internal;
  std::jthread thread_;
};

}  // namespace decom
