#include "daemon/server/journal_feed.hpp"

#include <algorithm>

#include <pthread.h>

#include "common/base/log.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTailPage = 1000;
constexpr std::size_t kReplayPage = 200;  // a stalled stream that replays holds one page
constexpr auto kAfterTrouble = 1s;

std::vector<EncodedEvent> encode(const std::vector<Event>& events) {
  std::vector<EncodedEvent> encoded;
  encoded.reserve(events.size());
  for (const Event& event : events) encoded.emplace_back(event);
  return encoded;
}

}  // namespace

JournalFeed::JournalFeed(const JournalReader& reader, std::size_t keep, Hooks hooks)
    : reader_(reader), keep_(keep), hooks_(std::move(hooks)) {}

JournalFeed::~JournalFeed() = default;  // both threads are joined before anything that they use goes

void JournalFeed::start() {
  tail_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
  pthread_setname_np(tail_.native_handle(), "journal-tail");
  replay_ = std::jthread([this](const std::stop_token& stop) { serve_replays(stop); });
  pthread_setname_np(replay_.native_handle(), "journal-replay");
}

void JournalFeed::grown(std::int64_t last) {
  {
    const std::lock_guard guard(mutex_);
    known_last_ = std::max(known_last_, last);
  }
  changed_.notify_all();
}

void JournalFeed::replay(EventFilter filter, std::function<void(Page)> done) {
  {
    const std::lock_guard guard(mutex_);
    jobs_.push_back({std::move(filter), std::move(done)});
  }
  changed_.notify_all();
}

void JournalFeed::follow(const std::stop_token& stop) {
  std::int64_t position = -1;
  bool has_begun = false;
  while (!stop.stop_requested()) {
    try {
      if (!has_begun) {
        const std::int64_t last = reader_.last_seq();
        if (position < 0) position = std::max<std::int64_t>(0, last - static_cast<std::int64_t>(keep_));
        hooks_.restarted(position);
        grown(last);
        has_begun = true;
      }
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop, [&] { return known_last_ > position; });
        if (stop.stop_requested()) return;
      }
      auto events = reader_.events({.since = position, .request = 0, .machine = std::nullopt, .limit = kTailPage});
      if (events.empty()) {  // announced and not there: a reader's view may lag behind the writer's
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, 5ms, [] { return false; });
        continue;
      }
      position = events.back().seq;
      hooks_.arrived(encode(events));
    } catch (const Error& e) {
      if (e.code() == ErrorCode::gone) {  // pruned under the tail: begin at the end
        position = std::max(position, std::int64_t{0});
        try {
          position = std::max(position, reader_.last_seq());
        } catch (const Error& again) {
          log::error("server", "cannot read the journal: {}", again.what());
        }
        has_begun = false;
      } else {
        log::error("server", "cannot read the journal: {}", e.what());
      }
      std::unique_lock lock(mutex_);
      if (e.code() != ErrorCode::gone) changed_.wait_for(lock, stop, kAfterTrouble, [] { return false; });
    }
  }
}

void JournalFeed::serve_replays(const std::stop_token& stop) {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !jobs_.empty(); })) return;
      if (stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.done(read_page(job.filter));
  }
}

JournalFeed::Page JournalFeed::read_page(const EventFilter& filter) const {
  Page page;
  try {
    EventFilter bounded = filter;
    bounded.limit = kReplayPage;
    // Read before the events: a page that is not full reaches at least as far.
    const std::int64_t last = reader_.last_seq();
    if (filter.since > last)
      throw Error{ErrorCode::gone, "the journal ends at event {}: there is no event {} to go on from", last,
                  filter.since};
    page.events = encode(reader_.events(bounded));
    const std::int64_t reached = page.events.empty() ? filter.since : page.events.back().seq;
    page.next = page.events.size() < kReplayPage ? std::max(last, reached) : reached;
  } catch (const Error& e) {
    page.error = e;
  }
  return page;
}

}  // namespace decom
