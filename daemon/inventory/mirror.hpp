#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/base/clock.hpp"
#include "daemon/inventory/inventory.hpp"
#include "daemon/inventory/mirror_feed.hpp"
#include "daemon/inventory/snapshot.hpp"

namespace decom::inventory {

struct MirrorPace {
  /// Snapshots are not published more often than this. A change that comes alone is published at once; in a storm
  /// vCenter gathers the changes of this time, and a chunk is rebuilt once for all of them.
  std::chrono::milliseconds publish_every{100};
  std::chrono::milliseconds retry_least{1'000};  ///< doubles with each failure, with jitter
  std::chrono::milliseconds retry_most{30'000};
  /// After a wrong password or certificate: accounts lock, and only a person changes either.
  std::chrono::milliseconds retry_credentials{30'000};
};

/// Follows one vCenter on a thread of its own, and keeps the last snapshot whatever happens to vCenter.
///
/// A resync replaces the whole content at its end; until then the old snapshot is what is searched. The snapshot is
/// swapped under a mutex, as std::atomic<std::shared_ptr> of GCC 12 is a race in the eyes of ThreadSanitizer.
class Mirror {
 public:
  Mirror(std::unique_ptr<MirrorFeed> feed, Clock& clock, MirrorPace pace = {});
  ~Mirror() { stop(); }

  void start();
  void request_stop() { thread_.request_stop(); }
  void stop();

  struct View {
    MirrorState state;
    std::shared_ptr<const Snapshot> snapshot;
  };
  /// State and snapshot of the same moment. Any thread.
  [[nodiscard]] View view() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  /// False when it was neither loaded nor failed once by then.
  bool wait_until_settled(Clock::Steady until) const;
  /// Blocks until `wanted` holds of the state; false when it did not by then. It is called under the mirror's lock.
  bool wait_for(const std::function<bool(const MirrorState&)>& wanted, Clock::Steady until) const;

 private:
  struct Failure {
    std::string text;
    bool credentials = false;
  };

  void run(const std::stop_token& stop);
  /// One connection, from its beginning to its end; nullopt when it ended because of `stop`.
  std::optional<Failure> follow_once(const std::stop_token& stop);
  /// `began` is when this reading of the inventory began.
  void apply(InventoryChange change, Clock::Steady began, const std::stop_token& stop);
  void flush(const std::stop_token& stop);
  void publish(Snapshot snapshot);
  void alive();
  void failed(const Failure& failure);
  std::chrono::milliseconds delay_after(const Failure& failure);

  const std::unique_ptr<MirrorFeed> feed_;
  Clock& clock_;
  const MirrorPace pace_;
  const std::string name_;

  // Of the mirror's thread alone.
  std::optional<Load> load_;
  std::map<std::string, std::optional<Machine>> pending_;  ///< by reference; nullopt: it left
  std::optional<Clock::Steady> pending_since_;
  std::optional<Clock::Steady> published_at_;
  bool following_ = false;  ///< the snapshot holds all that vCenter has
  int failures_ = 0;
  std::string logged_;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  MirrorState state_;
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<const Snapshot>();
  bool settled_ = false;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace decom::inventory
