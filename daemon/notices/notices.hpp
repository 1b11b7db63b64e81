#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.hpp"
#include "daemon/notices/channel.hpp"
#include "daemon/notices/channel_options.hpp"

namespace decom {

class Store;
struct Event;

namespace notices {
class Bookmarks;
class Digest;
struct Draft;
}  // namespace notices

struct NoticesOptions {
  /// What fails or waits for a person is gathered for so long, from the first of it.
  std::chrono::milliseconds window = std::chrono::seconds{10};
  /// What is older when it is read, after a long stop, is summed up in one message.
  std::chrono::milliseconds old = std::chrono::hours{1};
};

/// Tells people: follows the journal by its numbers on a thread of its own, and hands what it comes to, to a thread a
/// channel. Nothing else waits for it; what is told and what is not is known after a restart.
class Notices {
 public:
  Notices(Store& store, Clock& clock, std::vector<notices::ChannelOptions> channels, NoticesOptions options = {});
  ~Notices();

  void start();
  void stop();
  /// Any thread; returns at once: there may be events up to `last`.
  void grown(std::int64_t last);
  /// A new configuration; what waits for a channel that keeps its name is sent as the new one says. Returns at once.
  void replace(std::vector<notices::ChannelOptions> channels);

  [[nodiscard]] std::vector<notices::ChannelStatus> status() const;

  struct Test {
    std::string channel;
    bool ok = false;
    std::string text;  ///< where it went, or what went wrong
    std::chrono::milliseconds elapsed{0};
  };
  /// Sends a test notice by these channels, all side by side; none: by every one. Throws `not_found` for a name that no
  /// channel has.
  std::vector<Test> test(const std::vector<std::string>& channels, std::optional<std::chrono::milliseconds> within);

 private:
  using Channels = std::map<std::string, std::shared_ptr<notices::Channel>>;

  void run(const std::stop_token& stop);
  void follow(const std::stop_token& stop);
  bool wait(const std::stop_token& stop, const notices::Digest& digest, std::int64_t position);
  void take_changes();
  void pause(const std::stop_token& stop);
  void save();
  [[nodiscard]] bool is_first(const Event& event) const;
  void tell(const notices::Draft& draft);
  void tell_backlog();
  void settled(const std::string& channel, const notices::Notice& notice, const std::string& failure);
  std::shared_ptr<notices::Channel> make_channel(notices::ChannelOptions options);
  [[nodiscard]] Channels channels() const;

  Store& store_;
  Clock& clock_;
  NoticesOptions options_;
  std::string host_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t known_last_ = 0;
  bool changes_ = false;
  Channels channels_;
  std::vector<std::shared_ptr<notices::Channel>> retired_;  ///< ended by the thread, since that may take a while

  std::unique_ptr<notices::Bookmarks> bookmarks_;   ///< made by the thread before any channel runs
  std::map<std::string, notices::Notice> backlog_;  ///< of the thread
  std::jthread thread_;                             ///< last
};

}  // namespace decom
