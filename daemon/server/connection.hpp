#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "daemon/api/http.hpp"
#include "daemon/server/core.hpp"

namespace decom {

/// One client, from accept to close: reads requests, waits for the handler, writes answers or an event stream.
/// Lives on the io thread; `serve` is its coroutine and `Core::connections` holds it while that runs.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Core& core, Socket socket, Peer peer);

  asio::awaitable<void> serve();

  /// The handler's answer has come; empty when it will never come.
  void answered(std::optional<HttpAnswer> answer);
  /// A stream's cause to look at the ring again.
  void wake() { wake_.cancel(); }
  /// Orderly: what waits for a request ends now, what is being answered is answered first, a stream ends.
  void end();
  /// At once.
  void cut();

  [[nodiscard]] const Peer& peer() const { return peer_; }

 private:
  enum class Phase { waiting, reading, handling, writing, streaming };

  // session.cpp
  asio::awaitable<bool> wait_for_request(bool is_first);
  asio::awaitable<bool> serve_one();
  asio::awaitable<HttpAnswer> ask_handler(HttpRequest request);
  asio::awaitable<bool> write_response(const HttpResponse& response, bool keep_alive, bool without_body);
  asio::awaitable<void> refuse(const HttpResponse& response);
  asio::awaitable<bool> write_all(std::string_view head, std::string_view body);
  asio::awaitable<void> drain();

  // stream.cpp
  asio::awaitable<std::optional<HttpResponse>> stream_events(EventStream wish, bool chunked);
  asio::awaitable<JournalFeed::Page> read_past(const EventStream& wish, std::int64_t position);
  asio::awaitable<bool> write_events(const std::vector<EncodedEvent>& events, bool ndjson, bool chunked);
  asio::awaitable<bool> write_piece(std::string_view text, bool chunked);
  asio::awaitable<void> notice_hang_up();
  [[nodiscard]] bool over() const { return cut_ || core_.stopping; }

  Core& core_;
  Stream stream_;
  Peer peer_;
  boost::beast::flat_buffer buffer_;
  asio::steady_timer wake_;
  Phase phase_ = Phase::waiting;
  bool cut_ = false;
  bool is_answered_ = false;
  std::optional<HttpAnswer> answer_;
  std::optional<JournalFeed::Page> page_;
};

/// Tells the client why it is not served, waits a moment until it has read that, and closes.
asio::awaitable<void> turn_away(Core& core, Socket socket, HttpResponse response);

/// Status line and header fields, with the empty line behind them.
std::string response_head(const HttpResponse& response, bool keep_alive);

}  // namespace decom
