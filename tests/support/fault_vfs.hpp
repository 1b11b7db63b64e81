#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace decom::test {

/// SQLite's file system with a hand on it: counts syncs of the log, fails writes as a full or broken disk does, and can
/// hold a sync until the test lets it go. Named in StoreOptions::vfs. One a process; `reset` before each test.
class FaultVfs {
 public:
  static constexpr const char* kName = "decom-fault";

  /// Registers it at the first call.
  static FaultVfs& instance();

  void reset();

  enum class Fault { none, full, io };
  std::atomic<Fault> writes{Fault::none};
  std::atomic<Fault> syncs{Fault::none};

  std::atomic<int> log_syncs{0};
  /// Writes to the log since its last sync: 0 where all is on disk.
  std::atomic<int> log_writes_not_synced{0};

  /// The next sync of the log waits for `open_gate`.
  void close_gate();
  void open_gate();
  /// Blocks until a sync waits at the gate.
  void wait_at_gate();

  void pass_gate();  ///< for the file system itself

 private:
  FaultVfs();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  bool somebody_waits_ = false;
};

}  // namespace decom::test
