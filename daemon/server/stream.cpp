// Event streams: the ring for what is young, the store for what is older, one position for both.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "daemon/api/problem.hpp"
#include "daemon/server/connection.hpp"

namespace decom {
namespace {

constexpr std::size_t kBatch = 64 * 1024;  // what a stalled stream may hold on to

}  // namespace

/// Returns an answer instead where the stream cannot begin: what it asks for was pruned.
asio::awaitable<std::optional<HttpResponse>> Connection::stream_events(EventStream wish, bool chunked) {
  phase_ = Phase::streaming;
  const EventWish filter{wish.request, wish.machine};
  std::int64_t position = wish.since;

  std::optional<JournalFeed::Page> first;
  if (!core_.ring.covers(position)) {
    first = co_await read_past(wish, position);
    if (over()) co_return std::nullopt;
    if (first->error) co_return problem(*first->error);
  }
  const std::string head =
      fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nCache-Control: no-store\r\n{}\r\n",
                  wish.ndjson ? "application/x-ndjson" : "text/event-stream",
                  chunked ? "Transfer-Encoding: chunked\r\nConnection: close\r\n" : "Connection: close\r\n");
  if (!co_await write_all(head, {})) co_return std::nullopt;

  struct Registered {
    Core& core;
    Connection* self;
    Registered(Core& shared, Connection* connection) : core(shared), self(connection) { core.streams.insert(self); }
    ~Registered() { core.streams.erase(self); }
  } const registered(core_, this);
  asio::co_spawn(
      core_.io, [self = shared_from_this()] { return self->notice_hang_up(); }, asio::detached);

  auto next_beat = std::chrono::steady_clock::now() + core_.options.heartbeat;
  while (!over()) {
    std::vector<EncodedEvent> events;
    if (first) {
      events = std::move(first->events);
      position = first->next;
      first.reset();
    } else if (position < core_.ring.begin()) {
      auto page = co_await read_past(wish, position);
      if (page.error) co_return std::nullopt;  // no last chunk: the client sees that it was cut, and may come again
      events = std::move(page.events);
      position = page.next;
    } else {
      events = core_.ring.take(position, filter, kBatch);
    }

    bool is_last = wish.until_settled && wish.settled_by > 0 && position >= wish.settled_by;
    if (wish.until_settled && wish.settled_by == 0) {
      const auto finish = std::ranges::find_if(events, [&](const EncodedEvent& e) {
        return (wish.machine ? e.machine_finished : e.request_finished) && e.seq > wish.settles_after;
      });
      if (finish != events.end()) {
        events.erase(finish + 1, events.end());
        is_last = true;
      }
    }
    if (!events.empty()) {
      if (!co_await write_events(events, wish.ndjson, chunked)) co_return std::nullopt;
      next_beat = std::chrono::steady_clock::now() + core_.options.heartbeat;
    }
    if (is_last) break;
    if (position < core_.ring.end() || over()) continue;

    if (std::chrono::steady_clock::now() >= next_beat) {
      if (!co_await write_piece(wish.ndjson ? "\n" : ": still here\n\n", chunked)) co_return std::nullopt;
      next_beat = std::chrono::steady_clock::now() + core_.options.heartbeat;
      continue;
    }
    wake_.expires_at(next_beat);
    co_await wake_.async_wait(kAsTuple);
  }
  if (!cut_ && co_await write_all(chunked ? "0\r\n\r\n" : "", {})) co_await drain();
  co_return std::nullopt;
}

asio::awaitable<JournalFeed::Page> Connection::read_past(const EventStream& wish, std::int64_t position) {
  page_.reset();
  core_.feed->replay({.since = position, .request = wish.request, .machine = wish.machine},
                     [doorway = core_.doorway, weak = weak_from_this()](JournalFeed::Page page) {
                       doorway->post([weak, page = std::move(page)]() mutable {
                         if (const auto self = weak.lock()) {
                           self->page_ = std::move(page);
                           self->wake();
                         }
                       });
                     });
  while (!page_ && !cut_) {
    wake_.expires_at(asio::steady_timer::time_point::max());
    co_await wake_.async_wait(kAsTuple);
  }
  if (!page_) co_return JournalFeed::Page{.events = {}, .next = position, .error = Error{ErrorCode::cancelled, "cut"}};
  co_return std::move(*page_);
}

asio::awaitable<bool> Connection::write_events(const std::vector<EncodedEvent>& events, bool ndjson, bool chunked) {
  std::size_t size = 0;
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(events.size() + 2);
  buffers.emplace_back();
  for (const EncodedEvent& event : events) {
    const std::string_view text = ndjson ? event.as_ndjson() : event.as_event_stream();
    size += text.size();
    buffers.push_back(asio::buffer(text));
  }
  const std::string length = fmt::format("{:x}\r\n", size);
  if (chunked) {
    buffers.front() = asio::buffer(length);
    buffers.push_back(asio::buffer(std::string_view("\r\n")));
  }
  stream_.expires_after(core_.options.write_timeout);
  const auto [ec, count] = co_await asio::async_write(stream_, buffers, kAsTuple);
  stream_.expires_never();
  co_return !ec;
}

asio::awaitable<bool> Connection::write_piece(std::string_view text, bool chunked) {
  const std::string piece = chunked ? fmt::format("{:x}\r\n{}\r\n", text.size(), text) : std::string(text);
  const bool is_written = co_await write_all(piece, {});
  stream_.expires_never();
  co_return is_written;
}

/// A watcher that leaves is noticed at once and not only by the next write. What it sends is of no interest.
/// Reads from the socket itself: the stream's own reads would share the timeout of its writes.
asio::awaitable<void> Connection::notice_hang_up() {
  std::array<char, 256> bin{};
  while (!cut_) {
    const auto [ec, count] = co_await stream_.socket().async_read_some(asio::buffer(bin), kAsTuple);
    if (!ec) continue;
    if (ec != asio::error::operation_aborted && phase_ == Phase::streaming) cut();
    co_return;
  }
}

}  // namespace decom
