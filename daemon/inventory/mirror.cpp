#include "daemon/inventory/mirror.hpp"

#include <algorithm>
#include <random>

#include <pthread.h>

#include "common/base/error.hpp"
#include "common/base/log.hpp"

namespace decom::inventory {
namespace {

constexpr std::string_view kModule = "inventory";
/// A series of pieces is published in parts when it takes longer than this.
constexpr std::chrono::milliseconds kLongestPending{200};

std::chrono::milliseconds random_between(std::chrono::milliseconds least, std::chrono::milliseconds most) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{least.count(), most.count()}(random)};
}

}  // namespace

Mirror::Mirror(std::unique_ptr<MirrorFeed> feed, Clock& clock, MirrorPace pace)
    : feed_(std::move(feed)), clock_(clock), pace_(pace), name_(feed_->name()) {
  state_.vcenter = name_;
}

void Mirror::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), ("mirror-" + name_).substr(0, 15).c_str());
    run(stop);
  });
}

void Mirror::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Mirror::View Mirror::view() const {
  const std::lock_guard guard(mutex_);
  return {state_, snapshot_};
}

bool Mirror::wait_until_settled(Clock::Steady until) const {
  return wait_for([this](const MirrorState&) { return settled_; }, until);
}

bool Mirror::wait_for(const std::function<bool(const MirrorState&)>& wanted, Clock::Steady until) const {
  const std::stop_token never;
  std::unique_lock lock(mutex_);
  while (!wanted(state_)) {
    if (clock_.steady() >= until) return false;
    clock_.wait_until(changed_, lock, never, until);
  }
  return true;
}

void Mirror::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto failure = follow_once(stop);
    if (!failure) break;
    failed(*failure);
    sleep_for(clock_, delay_after(*failure), stop);
  }
  const std::lock_guard guard(mutex_);
  state_.connected = false;
  settled_ = true;
  changed_.notify_all();
}

std::optional<Mirror::Failure> Mirror::follow_once(const std::stop_token& stop) {
  load_.reset();
  following_ = false;
  pending_.clear();
  pending_since_.reset();
  const auto began = clock_.steady();
  try {
    std::string uuid = feed_->vcenter_uuid();
    {
      const std::lock_guard guard(mutex_);
      state_.uuid = std::move(uuid);
    }
    feed_->follow(
        stop, [&](InventoryChange change) { apply(std::move(change), began, stop); }, [this] { alive(); });
    if (stop.stop_requested()) return std::nullopt;
    return Failure{"vCenter ended the stream of changes"};
  } catch (const Error& error) {
    if (stop.stop_requested()) return std::nullopt;
    // A session that worked and then ended is no wrong password; if there is one, the next login will tell.
    const bool worked = view().state.connected;
    const bool refused = error.code() == ErrorCode::unauthenticated || error.code() == ErrorCode::untrusted;
    return Failure{error.what(), refused && !worked};
  } catch (const std::exception& error) {
    // The mirror outlives whatever one connection did, lack of memory during a load too.
    return Failure{error.what()};
  }
}

void Mirror::apply(InventoryChange change, Clock::Steady began, const std::stop_token& stop) {
  if (change.first) following_ = false;
  alive();
  if (change.first) {
    load_.emplace();
    pending_.clear();
    pending_since_.reset();
  }
  if (load_) {
    if (!change.left.empty()) load_->remove(change.left);
    load_->add(std::move(change.entered));
    if (!change.complete) return;
    publish(load_->finish());
    load_.reset();
    following_ = true;
    failures_ = 0;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - began);
    log::info(kModule, "vCenter {}: read {} machines in {} ms", name_, view().state.machines, took.count());
    return;
  }
  for (std::string& moref : change.left) pending_.insert_or_assign(std::move(moref), std::nullopt);
  for (Machine& machine : change.entered) {
    std::string moref = machine.identity.moref;
    pending_.insert_or_assign(std::move(moref), std::move(machine));
  }
  if (pending_.empty()) return;
  if (!pending_since_) pending_since_ = clock_.steady();
  if (change.complete || clock_.steady() - *pending_since_ >= kLongestPending) flush(stop);
}

void Mirror::flush(const std::stop_token& stop) {
  if (published_at_) {
    const auto due = *published_at_ + pace_.publish_every;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - clock_.steady());
    if (left.count() > 0 && !sleep_for(clock_, left, stop)) return;
  }
  std::vector<Machine> entered;
  std::vector<std::string> gone;
  for (auto& [moref, machine] : pending_) {
    if (machine) {
      entered.push_back(std::move(*machine));
    } else {
      gone.push_back(moref);
    }
  }
  pending_.clear();
  pending_since_.reset();
  // Only this thread replaces the snapshot, so that it cannot have changed meanwhile.
  publish(view().snapshot->changed(std::move(entered), gone));
  published_at_ = clock_.steady();
}

void Mirror::publish(Snapshot snapshot) {
  auto fresh = std::make_shared<const Snapshot>(std::move(snapshot));
  {
    const std::lock_guard guard(mutex_);
    snapshot_.swap(fresh);
    state_.machines = snapshot_->machines();
    state_.loaded = true;
    state_.as_of = clock_.now();
    state_.whole_at = clock_.steady();
    ++state_.generation;
    settled_ = true;
  }
  changed_.notify_all();
  // The old snapshot dies here, outside the lock, if no search holds it.
}

void Mirror::alive() {
  {
    const std::lock_guard guard(mutex_);
    state_.as_of = clock_.now();
    if (following_) state_.whole_at = clock_.steady();
    if (state_.connected) return;
    state_.connected = true;
    state_.trouble.clear();
  }
  changed_.notify_all();
  logged_.clear();
  log::info(kModule, "vCenter {} is connected", name_);
}

void Mirror::failed(const Failure& failure) {
  {
    const std::lock_guard guard(mutex_);
    state_.connected = false;
    state_.trouble = failure.text;
    settled_ = true;
  }
  changed_.notify_all();
  ++failures_;
  if (logged_ == failure.text) return;  // once, not every 30 seconds for a weekend
  logged_ = failure.text;
  log::warning(kModule, "vCenter {} is not followed: {}", name_, failure.text);
}

std::chrono::milliseconds Mirror::delay_after(const Failure& failure) {
  if (failure.credentials) return random_between(pace_.retry_credentials, pace_.retry_credentials * 11 / 10);
  const auto most = std::min(pace_.retry_most, pace_.retry_least * (1 << std::min(failures_ - 1, 10)));
  return random_between(most / 2, most);
}

}  // namespace decom::inventory
