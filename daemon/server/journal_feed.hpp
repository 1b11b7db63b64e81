#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/server/event_ring.hpp"
#include "daemon/server/journal_reader.hpp"

namespace decom {

/// Reads the journal for the io thread, which must not wait for a disk: `journal-tail` follows its growth, encodes once
/// and hands over; `journal-replay` serves streams that begin before the ring. Two threads, so that a crowd that comes
/// back after a restart and replays does not delay what happens now.
class JournalFeed {
 public:
  struct Hooks {
    /// On the tail's thread, in order: the tail begins behind `end`.
    std::function<void(std::int64_t end)> restarted;
    std::function<void(std::vector<EncodedEvent>)> arrived;
  };
  /// One page of the past. `next` is the position behind it.
  struct Page {
    std::vector<EncodedEvent> events;
    std::int64_t next = 0;
    std::optional<Error> error;
  };

  JournalFeed(const JournalReader& reader, std::size_t keep, Hooks hooks);
  ~JournalFeed();  ///< joins; pages that were not read yet are dropped

  void start();
  /// Any thread: there may be events up to `last`.
  void grown(std::int64_t last);
  /// Any thread; `done` runs on the replay's thread. `gone` where `filter.since` was pruned or never existed.
  void replay(EventFilter filter, std::function<void(Page)> done);

 private:
  void follow(const std::stop_token& stop);
  void serve_replays(const std::stop_token& stop);
  [[nodiscard]] Page read_page(const EventFilter& filter) const;

  const JournalReader& reader_;
  std::size_t keep_;
  Hooks hooks_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t known_last_ = 0;
  struct Job {
    EventFilter filter;
    std::function<void(Page)> done;
  };
  std::deque<Job> jobs_;
  std::jthread tail_;
  std::jthread replay_;
};

}  // namespace decom
