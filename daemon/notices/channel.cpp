#include "daemon/notices/channel.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

#include "common/base/log.hpp"

namespace decom::notices {
namespace {

using namespace std::chrono_literals;

/// More than that are summed up in one: who was away for a day wants one message.
constexpr std::size_t kMostWaiting = 32;
constexpr std::chrono::milliseconds kFirstPause = 2s;
constexpr std::chrono::milliseconds kLongestPause = 2min;

}  // namespace

Channel::Channel(ChannelOptions options, Clock& clock, Settled settled)
    : clock_(clock),
      name_(options.name),
      settled_(std::move(settled)),
      options_(std::move(options)),
      courier_(make_courier(options_, clock)) {}

Channel::~Channel() { stop(); }

void Channel::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  pthread_setname_np(thread_.native_handle(), ("notice-" + name_).substr(0, 15).c_str());
}

void Channel::close() {
  {
    const std::lock_guard guard(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
}

void Channel::stop(std::chrono::steady_clock::time_point patience) {
  if (!thread_.joinable()) return;
  close();
  {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, patience, [this] { return is_over_; });
  }
  thread_.request_stop();
  thread_.join();
}

void Channel::post(Notice notice) {
  {
    const std::lock_guard guard(mutex_);
    // The front may be on its way: it does not change any more.
    const bool can_join = queue_.size() > (busy_ ? 1U : 0U);
    if (queue_.size() < kMostWaiting || !can_join) {
      queue_.push_back({std::move(notice), clock_.steady()});
    } else {
      Notice& last = queue_.back().notice;
      if (last.kind != Notice::Kind::summary) {
        Summary summary;
        summary.add(last.draft, last.facts);
        last.summary = std::move(summary);
        last.kind = Notice::Kind::summary;
        last.draft = {.request = 0, .at = last.draft.at, .items = {}};
        last.facts = {};
      }
      last.summary.add(notice.draft, notice.facts);
      last.draft.at = notice.draft.at;
      last.owed.insert(last.owed.end(), notice.owed.begin(), notice.owed.end());
    }
  }
  changed_.notify_all();
}

void Channel::replace(ChannelOptions options) {
  {
    const std::lock_guard guard(mutex_);
    options_ = std::move(options);
    courier_ = make_courier(options_, clock_);
    not_before_ = {};
    pause_ = 0ms;
    refused_mark_.clear();
    refused_text_.clear();
  }
  changed_.notify_all();
}

bool Channel::wait_for_turn(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  for (;;) {
    if (!changed_.wait(lock, stop, [&] { return closing_ || !queue_.empty(); }) || closing_) return false;
    if (clock_.steady() >= not_before_) return true;
    clock_.wait_until(changed_, lock, stop, not_before_);
    if (stop.stop_requested()) return false;
  }
}

void Channel::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wait_for_turn(lock, stop)) {
    busy_ = true;
    const Notice notice = queue_.front().notice;
    const auto since = queue_.front().since;
    const auto courier = courier_;
    lock.unlock();
    const Verdict verdict = attempt(notice, *courier, stop);
    lock.lock();
    busy_ = false;
    if (stop.stop_requested() && verdict.what != Verdict::What::delivered) break;  // told after the next start
    if (!weigh(verdict, since)) continue;
    queue_.pop_front();
    lock.unlock();
    settled_(notice, verdict.text);
    lock.lock();
  }
  is_over_ = true;
  changed_.notify_all();
}

Verdict Channel::attempt(const Notice& notice, const Courier& courier, const std::stop_token& stop) {
  const std::string mark = courier.credential_mark();
  {
    const std::lock_guard guard(mutex_);
    if (!refused_mark_.empty() && refused_mark_ == mark)
      return {.what = Verdict::What::never,
              .text = refused_text_ + " (not tried again before its password file is written anew)",
              .after = {}};
  }
  Verdict verdict = courier.carry(notice, stop);
  const std::lock_guard guard(mutex_);
  refused_mark_ = verdict.what == Verdict::What::denied ? mark : std::string{};
  refused_text_ = verdict.what == Verdict::What::denied ? verdict.text : std::string{};
  return verdict;
}

bool Channel::weigh(const Verdict& verdict, Clock::Steady since) {
  note(verdict);
  if (verdict.what == Verdict::What::delivered) ++status_.told;
  if (verdict.what == Verdict::What::never || verdict.what == Verdict::What::denied) ++status_.failed;
  if (verdict.what != Verdict::What::later) {
    pause_ = 0ms;
    not_before_ = {};
    return true;
  }
  pause_ = std::clamp<std::chrono::milliseconds>(pause_ * 2, kFirstPause, kLongestPause);
  const auto pause = std::max<std::chrono::milliseconds>(pause_, verdict.after.value_or(0s));
  not_before_ = clock_.steady() + pause;
  if (clock_.steady() - since < options_.give_up) return false;
  ++status_.failed;
  return true;
}

void Channel::note(const Verdict& verdict) {
  const bool told = verdict.what == Verdict::What::delivered;
  if (told) status_.last_told = clock_.now();
  status_.trouble = verdict.text;
  if (!verdict.text.empty()) {
    status_.last_trouble_at = clock_.now();
    log::warning("notices", "{}: {}", name_, verdict.text);
  }
}

Verdict Channel::test(const Notice& notice, const std::stop_token& stop) {
  std::shared_ptr<const Courier> courier;
  {
    const std::lock_guard guard(mutex_);
    courier = courier_;
  }
  const std::string mark = courier->credential_mark();
  Verdict verdict = courier->carry(notice, stop);
  {
    const std::lock_guard guard(mutex_);
    note(verdict);
    refused_mark_ = verdict.what == Verdict::What::denied ? mark : std::string{};
    refused_text_ = verdict.what == Verdict::What::denied ? verdict.text : std::string{};
    if (verdict.what == Verdict::What::delivered) not_before_ = {};  // what waits may go
  }
  changed_.notify_all();
  return verdict;
}

ChannelStatus Channel::status() const {
  std::shared_ptr<const Courier> courier;
  ChannelStatus status;
  {
    const std::lock_guard guard(mutex_);
    status = status_;
    status.options = options_;
    status.waiting = queue_.size();
    courier = courier_;
  }
  status.where = courier->where_to();
  return status;
}

ChannelOptions Channel::options() const {
  const std::lock_guard guard(mutex_);
  return options_;
}

}  // namespace decom::notices
