#include "daemon/notices/notices.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/core.h>
#include <pthread.h>
#include <unistd.h>

#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/notices/bookmarks.hpp"
#include "daemon/notices/digest.hpp"
#include "daemon/store/store.hpp"

namespace decom {

using namespace notices;

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPage = 500;
constexpr auto kAfterTrouble = 1s;
constexpr auto kPatience = 1s;
/// So many events without a notice are not read again after a crash.
constexpr std::int64_t kSaveEvery = 5000;

std::string name_of_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("localhost");
}

/// What of the draft the channel was not told before.
Draft untold(const Bookmarks& bookmarks, const std::string& channel, const Draft& draft) {
  Draft left{.request = draft.request, .at = draft.at, .items = {}};
  for (const Item& item : draft.items)
    if (!bookmarks.told(channel, draft.request, item.seq)) left.items.push_back(item);
  return left;
}

std::vector<std::string> names_of(const std::map<std::string, std::shared_ptr<Channel>>& channels) {
  std::vector<std::string> names;
  names.reserve(channels.size());
  for (const auto& [name, channel] : channels) names.push_back(name);
  return names;
}

}  // namespace

Notices::Notices(Store& store, Clock& clock, std::vector<ChannelOptions> channels, NoticesOptions options)
    : store_(store), clock_(clock), options_(options), host_(name_of_host()) {
  for (ChannelOptions& channel : channels) {
    const std::string name = channel.name;
    channels_[name] = make_channel(std::move(channel));
  }
}

Notices::~Notices() { stop(); }

std::shared_ptr<Channel> Notices::make_channel(ChannelOptions options) {
  const std::string name = options.name;
  return std::make_shared<Channel>(
      std::move(options), clock_,
      [this, name](const Notice& notice, const std::string& failure) { settled(name, notice, failure); });
}

void Notices::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  pthread_setname_np(thread_.native_handle(), "notices");
}

void Notices::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  std::vector<std::shared_ptr<Channel>> retired;
  {
    const std::lock_guard guard(mutex_);
    retired = std::exchange(retired_, {});
  }
  for (const auto& channel : retired) channel->stop();
  for (const auto& [name, channel] : channels()) channel->close();
  // What is under way and nearly there would come twice.
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  for (const auto& [name, channel] : channels()) channel->stop(patience);
  if (bookmarks_) save();
}

void Notices::grown(std::int64_t last) {
  {
    const std::lock_guard guard(mutex_);
    known_last_ = std::max(known_last_, last);
  }
  changed_.notify_all();
}

void Notices::replace(std::vector<ChannelOptions> configured) {
  {
    const std::lock_guard guard(mutex_);
    Channels kept;
    for (ChannelOptions& options : configured) {
      const std::string name = options.name;
      const auto old = channels_.find(name);
      if (old == channels_.end()) {
        kept[name] = make_channel(std::move(options));
      } else {
        old->second->replace(std::move(options));
        kept[name] = old->second;
        channels_.erase(old);
      }
    }
    for (auto& [name, channel] : channels_) retired_.push_back(std::move(channel));
    channels_ = std::move(kept);
    changes_ = true;
  }
  changed_.notify_all();
}

Notices::Channels Notices::channels() const {
  const std::lock_guard guard(mutex_);
  return channels_;
}

std::vector<ChannelStatus> Notices::status() const {
  std::vector<ChannelStatus> all;
  for (const auto& [name, channel] : channels()) all.push_back(channel->status());
  return all;
}

void Notices::run(const std::stop_token& stop) {
  while (!bookmarks_ && !stop.stop_requested()) {
    try {
      const std::int64_t last = store_.last_seq();
      auto marks = std::make_unique<Bookmarks>(store_.notice_state(), names_of(channels()), last,
                                               [this](const std::string& state) { store_.save_notice_state(state); });
      marks->save();
      bookmarks_ = std::move(marks);
      grown(last);
    } catch (const Error& e) {
      log::error("notices", "cannot read up to where people were told: {}", e.what());
      pause(stop);
    }
  }
  if (stop.stop_requested()) return;
  for (const auto& [name, channel] : channels()) channel->start();
  follow(stop);
}

void Notices::pause(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, kAfterTrouble, [] { return false; });
}

void Notices::save() {
  try {
    bookmarks_->save();
  } catch (const Error& e) {
    log::warning("notices", "cannot note up to where people were told: {}", e.what());
  }
}

/// Whether its request began with this event.
bool Notices::is_first(const Event& event) const {
  try {
    const RequestFacts facts = facts_of(store_.load_request(event.request));
    return facts.first_machine == event.machine.value_or(0) && facts.first_started == event.at;
  } catch (const Error& e) {
    log::warning("notices", "request {}: {}", event.request, e.what());
    return false;
  }
}

/// True when there is something to do; false when stopped.
bool Notices::wait(const std::stop_token& stop, const Digest& digest, std::int64_t position) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stop.stop_requested()) return false;
    if (changes_ || known_last_ > position) return true;
    const auto due = digest.next_due();
    if (!due) {
      changed_.wait(lock, stop, [&] { return changes_ || known_last_ > position; });
    } else if (clock_.steady() >= *due) {
      return true;
    } else {
      clock_.wait_until(changed_, lock, stop, *due);
    }
  }
}

void Notices::follow(const std::stop_token& stop) {
  Digest digest(options_.window, [this](const Event& event) { return is_first(event); });
  std::int64_t position = bookmarks_->start();
  std::int64_t saved = position;
  while (wait(stop, digest, position)) {
    take_changes();
    std::vector<Event> events;
    std::int64_t last = 0;
    {
      const std::lock_guard guard(mutex_);
      if (changes_) continue;
      last = known_last_;
    }
    if (last > position) {
      try {
        events = store_.events({.since = position, .request = 0, .machine = std::nullopt, .limit = kPage});
      } catch (const Error& e) {
        if (e.code() == ErrorCode::gone) {
          log::warning("notices", "the journal was pruned before everything in it was told: {}", e.what());
          position = store_.last_seq();
        } else {
          log::error("notices", "cannot follow the journal: {}", e.what());
          pause(stop);
        }
        continue;
      }
      if (events.empty()) {  // announced and not there: a reader's view may lag behind the writer's
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, 5ms, [] { return false; });
        continue;
      }
    }
    // What was committed since may be news to a channel that is only now being made.
    std::erase_if(events, [&](const Event& event) { return event.seq > last; });
    for (const Event& event : events) digest.take(event, clock_.steady());
    if (!events.empty()) position = events.back().seq;
    for (const Draft& draft : digest.due(clock_.steady())) tell(draft);
    if (position >= last) tell_backlog();
    bookmarks_->reached(position, digest.held_from());
    if (position - saved >= kSaveEvery) {
      save();
      saved = position;
    }
  }
}

void Notices::take_changes() {
  std::vector<std::shared_ptr<Channel>> retired;
  Channels now;
  {
    const std::lock_guard guard(mutex_);
    if (!std::exchange(changes_, false)) return;
    retired = std::exchange(retired_, {});
    now = channels_;
  }
  for (const auto& channel : retired) channel->stop();
  bookmarks_->set_channels(names_of(now));
  save();
  for (const auto& [name, channel] : now) channel->start();
}

void Notices::tell(const Draft& draft) {
  RequestFacts facts;
  if (draft.request != 0) {
    try {
      facts = facts_of(store_.load_request(draft.request));
    } catch (const Error& e) {
      log::warning("notices", "request {}: {}", draft.request, e.what());  // what happened is told nevertheless
    }
  }
  const bool old = draft.at + options_.old < clock_.now();
  for (const auto& [name, channel] : channels()) {
    auto notice = notice_for(channel->options(), untold(*bookmarks_, name, draft), facts);
    if (!notice) continue;
    notice->host = host_;
    bookmarks_->owes(name, *notice);
    if (!old) {
      channel->post(*std::move(notice));
      continue;
    }
    auto [backlog, is_new] = backlog_.try_emplace(name);
    Notice& all = backlog->second;
    if (is_new) {
      all.kind = Notice::Kind::summary;
      all.id = "summary-" + notice->id;
      all.host = host_;
    }
    all.summary.add(notice->draft, notice->facts);
    all.draft.at = notice->draft.at;
    all.owed.insert(all.owed.end(), notice->owed.begin(), notice->owed.end());
  }
}

void Notices::tell_backlog() {
  const auto all = channels();
  for (auto& [name, notice] : std::exchange(backlog_, {}))
    if (const auto channel = all.find(name); channel != all.end()) channel->second->post(std::move(notice));
}

void Notices::settled(const std::string& channel, const Notice& notice, const std::string& failure) {
  try {
    if (!failure.empty())
      store_.notice_failed(notice.request(), channel,
                           fmt::format("notice of {} to {}: {}", notice.what(), channel, failure));
    bookmarks_->settled(channel, notice);
  } catch (const Error& e) {
    // After a restart it is told once more.
    log::error("notices", "{}: cannot note that a notice is through: {}", channel, e.what());
  }
}

std::vector<Notices::Test> Notices::test(const std::vector<std::string>& names,
                                         std::optional<std::chrono::milliseconds> within) {
  Channels chosen = channels();
  for (const std::string& name : names) {
    if (chosen.contains(name)) continue;
    const auto near = nearest(name, names_of(chosen), 1);
    throw Error{ErrorCode::not_found, "there is no channel '{}'{}", name,
                near.empty() ? "" : fmt::format(": did you mean '{}'?", near.front())};
  }
  if (!names.empty())
    std::erase_if(chosen, [&](const auto& one) { return std::ranges::find(names, one.first) == names.end(); });

  Notice notice{.kind = Notice::Kind::test,
                .id = "test-" + random_uuid(),
                .draft = {.request = 0, .at = clock_.now(), .items = {}},
                .facts = {},
                .summary = {},
                .host = host_,
                .owed = {}};
  std::vector<Test> results;
  for (const auto& [name, channel] : chosen)
    results.push_back({.channel = name, .ok = false, .text = {}, .elapsed = {}});
  std::mutex mutex;
  std::condition_variable_any over;
  std::size_t left = results.size();
  {
    std::vector<std::jthread> threads;
    threads.reserve(results.size());
    for (Test& result : results)
      threads.emplace_back([&, &result = result, channel = chosen.at(result.channel)](const std::stop_token& stop) {
        const auto begun = clock_.steady();
        const Verdict verdict = channel->test(notice, stop);
        const std::lock_guard guard(mutex);
        result.ok = verdict.what == Verdict::What::delivered && verdict.text.empty();
        result.text = verdict.text;
        result.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
        --left;
        over.notify_all();
      });
    if (within) {
      std::unique_lock lock(mutex);
      over.wait_for(lock, *within, [&] { return left == 0; });
    } else {
      std::unique_lock lock(mutex);
      over.wait(lock, [&] { return left == 0; });
    }
  }  // stops and joins
  for (Test& result : results)
    if (result.text.empty()) result.text = chosen.at(result.channel)->status().where;
  return results;
}

}  // namespace decom
