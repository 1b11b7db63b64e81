#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/base/clock.hpp"
#include "daemon/notices/channel_options.hpp"
#include "daemon/notices/courier.hpp"
#include "daemon/notices/notice.hpp"

namespace decom::notices {

struct ChannelStatus {
  ChannelOptions options;
  std::string where;  ///< host and port, or addresses
  std::int64_t told = 0;
  std::int64_t failed = 0;
  std::size_t waiting = 0;
  std::optional<Timestamp> last_told;
  std::optional<Timestamp> last_trouble_at;
  std::string trouble;  ///< of the last attempt; empty where that went well
};

/// One way to tell people: a queue, and a thread that takes one notice after another to the other side. Whatever that
/// does, nobody but this thread waits for it, and the queue has a bound: what comes when it is full is summed up.
class Channel {
 public:
  /// On the channel's thread, for each notice that was told or given up; `failure` says why it was given up, or which
  /// of several addresses did not take it. The next notice waits until it returns.
  using Settled = std::function<void(const Notice& notice, const std::string& failure)>;

  Channel(ChannelOptions options, Clock& clock, Settled settled);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();  ///< stops an attempt that is under way; what waits is dropped, and the bookmark knows

  void start();  ///< does nothing where it runs already
  /// No further attempt is begun.
  void close();
  /// Ends the thread, and an attempt that is under way at `patience`. Before `settled` becomes invalid.
  void stop(std::chrono::steady_clock::time_point patience = {});
  /// Any thread; returns at once.
  void post(Notice notice);
  /// For notices to come, and those that wait. A changed configuration is tried at once.
  void replace(ChannelOptions options);

  /// One test notice, on the caller's thread, beside the queue. A login that was refused before is tried again.
  Verdict test(const Notice& notice, const std::stop_token& stop);

  [[nodiscard]] ChannelStatus status() const;
  [[nodiscard]] ChannelOptions options() const;

 private:
  struct Waiting {
    Notice notice;
    Clock::Steady since{};
  };
  void run(const std::stop_token& stop);
  bool wait_for_turn(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  Verdict attempt(const Notice& notice, const Courier& courier, const std::stop_token& stop);
  /// True where the notice is through, one way or the other.
  bool weigh(const Verdict& verdict, Clock::Steady since);
  void note(const Verdict& verdict);

  Clock& clock_;
  const std::string name_;
  Settled settled_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  ChannelOptions options_;
  std::shared_ptr<const Courier> courier_;
  std::deque<Waiting> queue_;
  bool busy_ = false;  ///< with the front of the queue
  bool closing_ = false;
  bool is_over_ = false;  ///< the thread has nothing more to do
  Clock::Steady not_before_{};
  std::chrono::milliseconds pause_{0};
  std::string refused_mark_;  ///< of the password that was refused
  std::string refused_text_;
  ChannelStatus status_;
  std::jthread thread_;  ///< last
};

}  // namespace decom::notices
