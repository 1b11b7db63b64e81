#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/client/client.hpp"
#include "common/api/events.hpp"

namespace decom::cli {

/// Takes text/event-stream apart (WHATWG HTML, "Server-sent events"): the data of each event, whole.
class SseParser {
 public:
  void feed(std::string_view bytes);
  /// The next complete event's data; nullopt until there is one.
  std::optional<std::string> next();
  /// Forget a half-read event: the connection is a new one.
  void reset();

 private:
  void line(std::string_view text);
  std::string pending_;
  std::string data_;
  bool has_data_ = false;
  std::deque<std::string> ready_;
};

struct EventQuery {
  std::int64_t since = 0;               ///< exclusive
  std::optional<std::int64_t> request;  ///< only of this one
  std::optional<std::string> machine;   ///< its ordinal, or "17.3"
  bool until_settled = false;           ///< the daemon ends the stream once the request has settled
};

/// The journal, followed. When the connection is lost or the daemon restarts it connects again and goes on behind the
/// last number seen, so that nothing is missed and nothing comes twice.
class EventStream {
 public:
  /// `on_away` is told once when the daemon is away, with the reason, and once with nothing when it is back.
  using OnAway = std::function<void(const std::string& why)>;
  EventStream(const Client& client, EventQuery query, OnAway on_away);

  struct Next {
    enum class What { event, late, woken, ended } what = What::late;
    api::Event event;
    Json raw;  ///< the event as the daemon spelled it
  };
  /// The next event; or `late` at `until`, `woken` when `wake_fd` is readable, `ended` when the daemon has said all.
  /// Throws DaemonUnreachable when it stays away for longer than the client's timeout, and what the API answers.
  Next next(Deadline until, int wake_fd = -1);
  /// After an end that came too early, since the daemon was stopping: connect again, and go on.
  void go_on();

 private:
  void connect();
  bool away(const std::string& why, Deadline until, int wake_fd, Next& out);

  const Client& client_;
  EventQuery query_;
  OnAway on_away_;
  std::optional<Connection> connection_;
  ReplyParser reply_;
  SseParser sse_;
  std::string trouble_;  ///< why there is no connection
  std::string refusal_;  ///< the body of an answer that is no stream
  std::optional<std::chrono::steady_clock::time_point> away_since_;
  std::chrono::steady_clock::time_point heard_{};
  std::chrono::steady_clock::time_point try_at_{};
  std::chrono::milliseconds backoff_{100};
};

}  // namespace decom::cli
