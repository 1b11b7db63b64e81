#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "common/base/error.hpp"
#include "daemon/inventory/mirror_feed.hpp"

namespace decom {

/// A vCenter's inventory with a state, as a mirror sees it: loads in pieces, changes in order, connections that break.
/// Keep it alive longer than its feeds.
class MemoryVcenter {
 public:
  explicit MemoryVcenter(std::string name, std::string uuid = "11111111-0000-4000-8000-000000000001")
      : name_(std::move(name)), uuid_(std::move(uuid)) {}

  /// Creates or replaces; the feed hears of it.
  void put(Machine machine) {
    const std::lock_guard guard(mutex_);
    machine.vcenter = name_;
    machine.identity.vcenter_uuid = uuid_;
    InventoryChange change;
    change.entered.push_back(machine);
    machines_.insert_or_assign(machine.identity.moref, std::move(machine));
    tell(std::move(change));
  }
  void remove(const std::string& moref) {
    const std::lock_guard guard(mutex_);
    machines_.erase(moref);
    InventoryChange change;
    change.left.push_back(moref);
    tell(std::move(change));
  }
  /// As it is, without a change of what a later load shows.
  void send(InventoryChange change) {
    const std::lock_guard guard(mutex_);
    tell(std::move(change));
  }
  /// The connection breaks, and none can be made, until `recover`.
  void fail(ErrorCode code, std::string text) {
    const std::lock_guard guard(mutex_);
    failure_.emplace(code, std::move(text));
    changed_.notify_all();
  }
  /// The connection breaks once; the next one works.
  void drop(ErrorCode code, std::string text) {
    const std::lock_guard guard(mutex_);
    drop_.emplace(code, std::move(text));
    changed_.notify_all();
  }
  void recover() {
    const std::lock_guard guard(mutex_);
    failure_.reset();
  }
  /// Loads stop before their last piece while this is set.
  void hold_loads(bool hold) {
    const std::lock_guard guard(mutex_);
    hold_ = hold;
    changed_.notify_all();
  }
  [[nodiscard]] int connections() const {
    const std::lock_guard guard(mutex_);
    return connections_;
  }
  /// Blocks until a load waits before its last piece.
  void wait_until_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_; });
  }
  /// Blocks until somebody tried to connect that often.
  void wait_for_connections(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return connections_ >= count; });
  }
  void set_piece(std::size_t machines) { piece_ = machines; }

  std::unique_ptr<MirrorFeed> feed() { return std::make_unique<Feed>(*this); }

 private:
  class Feed final : public MirrorFeed {
   public:
    explicit Feed(MemoryVcenter& vcenter) : vcenter_(vcenter) {}
    std::string name() const override { return vcenter_.name_; }
    std::string vcenter_uuid() override { return vcenter_.connect(); }
    void follow(const std::stop_token& stop, const std::function<void(InventoryChange)>& apply,
                const std::function<void()>& alive) override {
      vcenter_.follow(stop, apply, alive);
    }

   private:
    MemoryVcenter& vcenter_;
  };

  void tell(InventoryChange change) {
    changes_.push_back(std::move(change));
    changed_.notify_all();
  }

  std::string connect() {
    const std::lock_guard guard(mutex_);
    ++connections_;
    changed_.notify_all();
    if (failure_) throw *failure_;
    return uuid_;
  }

  void follow(const std::stop_token& stop, const std::function<void(InventoryChange)>& apply,
              const std::function<void()>& alive) {
    std::vector<Machine> all;
    std::unique_lock lock(mutex_);
    changes_.clear();
    for (const auto& [moref, machine] : machines_) all.push_back(machine);
    const auto wait_for = [&](auto ready) {
      return changed_.wait(lock, stop, [&] { return failure_ || drop_ || ready(); });
    };
    bool first = true;
    for (std::size_t from = 0; first || from < all.size(); from += piece_) {
      InventoryChange change{.first = std::exchange(first, false)};
      for (std::size_t i = from; i < std::min(from + piece_, all.size()); ++i) change.entered.push_back(all[i]);
      change.complete = from + piece_ >= all.size();
      if (change.complete && hold_) {
        held_ = true;
        changed_.notify_all();
        if (!wait_for([&] { return !hold_; })) return;
        held_ = false;
        if (failure_) throw *failure_;
      }
      lock.unlock();
      apply(std::move(change));
      lock.lock();
    }
    while (wait_for([&] { return !changes_.empty(); })) {
      if (drop_) throw *std::exchange(drop_, std::nullopt);
      if (failure_) throw *failure_;
      InventoryChange change = std::move(changes_.front());
      changes_.pop_front();
      lock.unlock();
      alive();
      apply(std::move(change));
      lock.lock();
    }
  }

  const std::string name_;
  const std::string uuid_;
  std::size_t piece_ = 100;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Machine> machines_;
  std::deque<InventoryChange> changes_;
  std::optional<Error> failure_;
  std::optional<Error> drop_;
  bool hold_ = false;
  bool held_ = false;
  int connections_ = 0;
};

}  // namespace decom
