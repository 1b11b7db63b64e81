#include "daemon/notices/bookmarks.hpp"

#include <algorithm>

#include "common/base/json.hpp"

namespace decom::notices {
namespace {

std::int64_t number(const Json& json, const char* key, std::int64_t otherwise) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

/// Every request that the notice speaks of, and up to which event.
std::map<std::int64_t, std::int64_t> spoken_of(const Notice& notice) {
  std::map<std::int64_t, std::int64_t> requests;
  if (notice.kind == Notice::Kind::summary) {
    for (const auto& [request, row] : notice.summary.requests) requests[request] = row.last_seq;
  } else if (!notice.draft.items.empty()) {
    requests[notice.draft.request] = notice.draft.last_seq();
  }
  return requests;
}

}  // namespace

Bookmarks::Bookmarks(const std::string& state, const std::vector<std::string>& channels, std::int64_t end, Save save)
    : save_(std::move(save)), position_(end), saved_(state) {
  const Json json = Json::parse(state, nullptr, false);
  for (const std::string& channel : channels) {
    Mark mark{.cursor = end, .ahead = {}, .owed = {}};
    const auto saved = json.is_object() ? json.find(channel) : json.end();
    if (json.is_object() && saved != json.end() && saved->is_object()) {
      // A database that was restored from a backup has a shorter journal than the one that was read.
      mark.cursor = std::min(end, number(*saved, "cursor", end));
      if (const auto ahead = saved->find("ahead"); ahead != saved->end() && ahead->is_array())
        for (const Json& pair : *ahead)
          if (pair.is_array() && pair.size() == 2 && pair[0].is_number_integer() && pair[1].is_number_integer())
            mark.ahead[pair[0].get<std::int64_t>()] = pair[1].get<std::int64_t>();
    }
    position_ = std::min(position_, mark.cursor);
    marks_[channel] = std::move(mark);
  }
}

std::int64_t Bookmarks::start() const {
  const std::lock_guard guard(mutex_);
  return position_;
}

bool Bookmarks::told(const std::string& channel, std::int64_t request, std::int64_t seq) const {
  const std::lock_guard guard(mutex_);
  const auto mark = marks_.find(channel);
  if (mark == marks_.end() || seq <= mark->second.cursor) return true;
  const auto ahead = mark->second.ahead.find(request);
  return ahead != mark->second.ahead.end() && seq <= ahead->second;
}

void Bookmarks::owes(const std::string& channel, const Notice& notice) {
  const std::lock_guard guard(mutex_);
  if (const auto mark = marks_.find(channel); mark != marks_.end())
    mark->second.owed.insert(notice.owed.begin(), notice.owed.end());
}

void Bookmarks::settled(const std::string& channel, const Notice& notice) {
  const std::lock_guard guard(mutex_);
  const auto found = marks_.find(channel);
  if (found == marks_.end()) return;
  Mark& mark = found->second;
  for (const std::int64_t first : notice.owed)
    if (const auto owed = mark.owed.find(first); owed != mark.owed.end()) mark.owed.erase(owed);
  for (const auto& [request, seq] : spoken_of(notice)) {
    std::int64_t& told = mark.ahead[request];
    told = std::max(told, seq);
  }
  advance();
  save_locked();
}

void Bookmarks::reached(std::int64_t position, std::optional<std::int64_t> held) {
  const std::lock_guard guard(mutex_);
  position_ = position;
  held_ = held;
  advance();
}

void Bookmarks::set_channels(const std::vector<std::string>& channels) {
  const std::lock_guard guard(mutex_);
  std::erase_if(marks_, [&](const auto& mark) { return std::ranges::find(channels, mark.first) == channels.end(); });
  for (const std::string& channel : channels)
    marks_.try_emplace(channel, Mark{.cursor = position_, .ahead = {}, .owed = {}});
}

void Bookmarks::save() {
  const std::lock_guard guard(mutex_);
  save_locked();
}

void Bookmarks::advance() {
  for (auto& entry : marks_) {
    Mark& mark = entry.second;
    std::int64_t cursor = position_;
    if (held_) cursor = std::min(cursor, *held_ - 1);
    if (!mark.owed.empty()) cursor = std::min(cursor, *mark.owed.begin() - 1);
    mark.cursor = std::max(mark.cursor, cursor);
    std::erase_if(mark.ahead, [&](const auto& one) { return one.second <= mark.cursor; });
  }
}

void Bookmarks::save_locked() {
  Json state = Json::object();
  for (const auto& [channel, mark] : marks_) {
    Json ahead = Json::array();
    for (const auto& [request, seq] : mark.ahead) ahead.push_back({request, seq});
    state[channel] = {{"cursor", mark.cursor}, {"ahead", std::move(ahead)}};
  }
  std::string text = state.dump();
  if (text == saved_) return;
  save_(text);
  saved_ = std::move(text);
}

}  // namespace decom::notices
