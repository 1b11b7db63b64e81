#include "daemon/server/event_ring.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/api/event_json.hpp"

namespace decom {

EncodedEvent::EncodedEvent(const Event& event)
    : seq(event.seq),
      request(event.request),
      machine(event.machine),
      request_finished(event.kind == EventKind::request_finished),
      machine_finished(event.kind == EventKind::decommission_finished) {
  std::string head = fmt::format("id: {}\nevent: {}\ndata: ", event.seq, to_string(event.kind));
  json_at = head.size();
  frame = std::make_shared<const std::string>(std::move(head) + encode_event(event) + "\n\n");
}

void EventRing::restart(std::int64_t end) {
  events_.clear();
  begin_ = end_ = end;
}

void EventRing::append(std::vector<EncodedEvent> events) {
  for (EncodedEvent& event : events) {
    if (event.seq <= end_) continue;
    end_ = event.seq;
    events_.push_back(std::move(event));
  }
  while (events_.size() > capacity_) {
    begin_ = events_.front().seq;
    events_.pop_front();
  }
}

std::vector<EncodedEvent> EventRing::take(std::int64_t& position, const EventWish& wish, std::size_t bytes) const {
  std::vector<EncodedEvent> taken;
  std::size_t size = 0;
  auto event = std::ranges::upper_bound(events_, position, {}, &EncodedEvent::seq);
  for (; event != events_.end() && size < bytes; ++event) {
    position = event->seq;
    if (!wish.wants(*event)) continue;
    size += event->frame->size();
    taken.push_back(*event);
  }
  return taken;
}

}  // namespace decom
