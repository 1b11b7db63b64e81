#pragma once

#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

#include "common/base/clock.hpp"

namespace decom {

/// While the disk is full, results are kept in memory and written again and again, and no new intent is opened
/// anywhere: what cannot be recorded must not be done. Any thread.
class StorageGate {
 public:
  explicit StorageGate(Clock& clock) : clock_(clock) {}

  /// Runs `write` until it does not throw `storage_full` any more. Gives up, throwing that, only on `shutdown`.
  void insist(const std::function<void()>& write, const std::stop_token& shutdown);
  /// Throws `storage_full` while anybody insists.
  void require_open() const;
  /// Returns when nobody insists any more, or on `stop`.
  void wait_until_open(const std::stop_token& stop) const;
  /// Somebody met a full disk and can go on without that write.
  void note(const std::string& what);
  [[nodiscard]] std::string trouble() const;  ///< empty while open

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  int waiting_ = 0;
  std::string trouble_;
};

}  // namespace decom
