#include "daemon/notices/digest.hpp"

#include <algorithm>
#include <utility>

#include "common/base/json.hpp"

namespace decom::notices {
namespace {

/// A window that is fuller closes before its time.
constexpr std::size_t kMostGathered = 1000;
constexpr std::size_t kMostRemembered = 10'000;

/// Our own writer made `data`; should a hand have been at the database, it says nothing.
Json data_of(const Event& event) {
  Json data = Json::parse(event.data, nullptr, false);
  return data.is_object() ? data : Json::object();
}

std::string member(const Json& data, const char* key) {
  const auto found = data.find(key);
  return found != data.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Item item_of(const Event& event, Occasion occasion, const Json& data, std::string text) {
  return {.seq = event.seq,
          .occasion = occasion,
          .machine = event.machine.value_or(0),
          .name = member(data, "name"),
          .text = std::move(text)};
}

}  // namespace

Digest::Digest(std::chrono::milliseconds window, IsFirst is_first) : window_(window), is_first_(std::move(is_first)) {}

void Digest::take(const Event& event, Clock::Steady now) {
  switch (event.kind) {
    case EventKind::decommission_started: begin(event); break;
    case EventKind::request_finished:
      tell_at_once(event, item_of(event, Occasion::finish, {}, member(data_of(event), "state")));
      break;
    case EventKind::decommission_finished: {
      const Json data = data_of(event);
      const std::string state = member(data, "state");
      if (state == to_string(DecommissionState::failed))
        gather(event, item_of(event, Occasion::failure, data, member(data, "reason")), now);
      if (state == to_string(DecommissionState::needs_attention))
        gather(event, item_of(event, Occasion::attention, data, member(data, "reason")), now);
      break;
    }
    case EventKind::decommission_holding: {
      const Json data = data_of(event);
      // With a time it comes back by itself.
      if (member(data, "not_before").empty())
        gather(event, item_of(event, Occasion::attention, data, member(data, "reason")), now);
      break;
    }
    case EventKind::record_returned: {
      Item item = item_of(event, Occasion::attention, data_of(event), event.text);
      if (!item.name.empty() && item.text.starts_with(item.name + ": ")) item.text.erase(0, item.name.size() + 2);
      gather(event, std::move(item), now);
      break;
    }
    case EventKind::freeze_changed: tell_at_once(event, item_of(event, Occasion::attention, {}, event.text)); break;
    case EventKind::request_accepted:
    case EventKind::decommission_queued:
    case EventKind::decommission_cancelling:
    case EventKind::decommission_retried:
    case EventKind::decommission_resolved:
    case EventKind::step_started:
    case EventKind::step_observed:
    case EventKind::step_effect:
    case EventKind::step_handle:
    case EventKind::step_progress:
    case EventKind::step_message:
    case EventKind::step_finished:
    case EventKind::step_lifted:
    case EventKind::record_looked:
    case EventKind::notice_failed: break;
  }
}

void Digest::begin(const Event& event) {
  if (begun_.contains(event.request)) return;
  if (begun_.size() >= kMostRemembered) begun_.erase(begun_.begin());  // the oldest request
  begun_.insert(event.request);
  if (is_first_(event)) tell_at_once(event, item_of(event, Occasion::start, data_of(event), ""));
}

void Digest::gather(const Event& event, Item item, Clock::Steady now) {
  auto [window, is_new] = open_.try_emplace(event.request);
  if (is_new) window->second = {.closes = now + window_, .draft = {.request = event.request, .at = {}, .items = {}}};
  Draft& draft = window->second.draft;
  draft.at = event.at;
  draft.items.push_back(std::move(item));
  if (draft.items.size() >= kMostGathered) close(window);
}

void Digest::close(std::map<std::int64_t, Window>::iterator window) {
  ready_.push_back(std::move(window->second.draft));
  open_.erase(window);
}

void Digest::tell_at_once(const Event& event, Item item) {
  // What was gathered comes before, so that a request is told in order.
  if (const auto window = open_.find(event.request); window != open_.end()) close(window);
  ready_.push_back({.request = event.request, .at = event.at, .items = {std::move(item)}});
}

std::vector<Draft> Digest::due(Clock::Steady now) {
  for (auto window = open_.begin(); window != open_.end();) {
    const auto next = std::next(window);
    if (window->second.closes <= now) close(window);
    window = next;
  }
  return std::exchange(ready_, {});
}

std::optional<Clock::Steady> Digest::next_due() const {
  std::optional<Clock::Steady> first;
  for (const auto& [request, window] : open_)
    if (!first || window.closes < *first) first = window.closes;
  return first;
}

std::optional<std::int64_t> Digest::held_from() const {
  std::optional<std::int64_t> first;
  const auto consider = [&](const Draft& draft) {
    if (!first || draft.first_seq() < *first) first = draft.first_seq();
  };
  for (const auto& [request, window] : open_) consider(window.draft);
  for (const Draft& draft : ready_) consider(draft);
  return first;
}

}  // namespace decom::notices
