// One client's requests and answers. One of three files that include Beast, which is slow to compile.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/api/problem.hpp"
#include "daemon/server/connection.hpp"
#include "daemon/server/request_head.hpp"

namespace decom {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::size_t kPiece = 64 * 1024;  // the write timeout is for each
constexpr std::size_t kMostDrained = 4 * 1024 * 1024;
constexpr auto kDrainFor = 1s;

using Parser = http::request_parser<http::string_body>;

/// What the bytes were, as an answer; nothing where there is nobody to answer to: gone, or too slow.
std::optional<HttpResponse> explain(error_code ec, const ServerOptions& options) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return problem(Error{ErrorCode::too_large, "the request's head is larger than {} bytes", options.header_limit},
                   431);
  if (ec == http::error::body_limit)
    return problem(Error{ErrorCode::too_large, "the request's body is larger than {} bytes", options.body_limit});
  if (ec == http::error::end_of_stream || ec == http::error::partial_message) return std::nullopt;
  if (ec.category() != http::make_error_code(http::error::bad_method).category()) return std::nullopt;
  return problem(Error{ErrorCode::usage, "this is no HTTP/1.1: {}", ec.message()});
}

/// Calls back into the io thread, once; where the handler drops it uncalled it says so instead.
class Responder {
 public:
  Responder(std::shared_ptr<Doorway> doorway, std::weak_ptr<Connection> connection)
      : doorway_(std::move(doorway)), connection_(std::move(connection)) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() {
    if (!is_used_.exchange(true)) post(std::nullopt);
  }
  void answer(HttpAnswer answer) {
    if (!is_used_.exchange(true)) post(std::move(answer));
  }

 private:
  void post(std::optional<HttpAnswer> answer) {
    doorway_->post([connection = connection_, answer = std::move(answer)]() mutable {
      if (const auto alive = connection.lock()) alive->answered(std::move(answer));
    });
  }
  std::shared_ptr<Doorway> doorway_;
  std::weak_ptr<Connection> connection_;
  std::atomic<bool> is_used_ = false;
};

}  // namespace

bool Doorway::post(std::function<void()> work) {
  const std::lock_guard guard(mutex_);
  if (io_ == nullptr) return false;
  asio::post(*io_, std::move(work));
  return true;
}

std::string response_head(const HttpResponse& response, bool keep_alive) {
  const auto phrase = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n", response.status,
                  std::string_view(phrase.data(), phrase.size()), response.content_type, response.body.size());
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  head += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  return head;
}

Connection::Connection(Core& core, Socket socket, Peer peer)
    : core_(core), stream_(std::move(socket)), peer_(peer), buffer_(core.options.header_limit + 4096), wake_(core.io) {}

asio::awaitable<void> Connection::serve() {
  for (bool is_first = true; !over(); is_first = false) {
    phase_ = Phase::waiting;
    if (!co_await wait_for_request(is_first)) co_return;
    phase_ = Phase::reading;
    if (!co_await serve_one()) co_return;
  }
}

/// True once a first byte of the next request is there. A client that has asked once may be idle for longer.
asio::awaitable<bool> Connection::wait_for_request(bool is_first) {
  if (buffer_.size() > 0) co_return true;
  stream_.expires_after(is_first ? core_.options.header_timeout : core_.options.idle_timeout);
  const auto [ec, count] = co_await stream_.async_read_some(buffer_.prepare(4096), kAsTuple);
  if (ec) co_return false;
  buffer_.commit(count);
  co_return true;
}

/// False when the connection is to be closed.
asio::awaitable<bool> Connection::serve_one() {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(core_.options.header_limit));
  parser.body_limit(core_.options.body_limit);
  stream_.expires_after(core_.options.header_timeout);
  auto [ec, count] = co_await http::async_read_header(stream_, buffer_, parser, kAsTuple);
  if (ec && ec != http::error::body_limit) {  // a Content-Length above the limit is known here already
    if (const auto response = explain(ec, core_.options)) co_await refuse(*response);
    co_return false;
  }

  // Beast counts start line and fields apart; the limit is for both together.
  if (count > core_.options.header_limit) {
    co_await refuse(*explain(http::error::header_limit, core_.options));
    co_return false;
  }

  HttpRequest request;
  std::optional<HttpResponse> refusal;
  try {
    // Taken before the body is read: what a chunked body carries as trailers must not become header fields.
    std::vector<HeaderField> fields;
    for (const auto& field : parser.get())
      fields.push_back(
          {{field.name_string().data(), field.name_string().size()}, {field.value().data(), field.value().size()}});
    request.headers = check_head(parser.get().version(), fields);
    const auto method = parser.get().method_string();
    request.method.assign(method.data(), method.size());
    const auto text = parser.get().target();
    Target target = parse_target({text.data(), text.size()});
    request.path = std::move(target.path);
    request.query = std::move(target.query);
    if (ec) refusal = explain(ec, core_.options);
  } catch (const Error& e) {
    refusal = problem(e);
  }
  const bool wants_leave = request.headers.contains("expect");
  if (!refusal && wants_leave && !equals_folded(request.headers.at("expect"), "100-continue"))
    refusal = problem(Error{ErrorCode::usage, "the only expectation that is met is '100-continue'"}, 417);
  if (refusal) {
    co_await refuse(*refusal);
    co_return false;
  }
  if (wants_leave && !parser.is_done()) {
    if (!co_await write_all("HTTP/1.1 100 Continue\r\n\r\n", {})) co_return false;
  }

  stream_.expires_after(core_.options.body_timeout);
  std::tie(ec, count) = co_await http::async_read(stream_, buffer_, parser, kAsTuple);
  if (ec) {
    if (const auto response = explain(ec, core_.options)) co_await refuse(*response);
    co_return false;
  }
  stream_.expires_never();
  request.body = std::move(parser.get().body());
  request.uid = peer_.uid;
  request.pid = peer_.pid;

  const bool is_head = request.method == "HEAD";
  const bool chunked = parser.get().version() >= 11;
  const bool keep_alive = parser.get().keep_alive();
  HttpAnswer answer = co_await ask_handler(std::move(request));
  if (cut_) co_return false;
  if (const auto* wish = std::get_if<EventStream>(&answer)) {
    const auto failure = co_await stream_events(*wish, chunked);
    if (failure) co_await refuse(*failure);
    co_return false;
  }
  co_return co_await write_response(std::get<HttpResponse>(answer), keep_alive && !core_.stopping, is_head);
}

asio::awaitable<HttpAnswer> Connection::ask_handler(HttpRequest request) {
  phase_ = Phase::handling;
  is_answered_ = false;
  answer_.reset();
  try {
    auto responder = std::make_shared<Responder>(core_.doorway, weak_from_this());
    core_.handler.handle(std::move(request), [responder](HttpAnswer answer) { responder->answer(std::move(answer)); });
  } catch (const std::exception& e) {
    co_return problem_of_unknown("a handler", e.what());
  }
  while (!is_answered_ && !cut_) {
    wake_.expires_at(asio::steady_timer::time_point::max());
    co_await wake_.async_wait(kAsTuple);
  }
  if (!answer_) co_return problem_of_unknown("a handler", "it gave no answer");
  co_return std::move(*answer_);
}

void Connection::answered(std::optional<HttpAnswer> answer) {
  is_answered_ = true;
  answer_ = std::move(answer);
  wake();
}

asio::awaitable<bool> Connection::write_response(const HttpResponse& response, bool keep_alive, bool without_body) {
  phase_ = Phase::writing;
  const std::string head = response_head(response, keep_alive);
  const bool is_written = co_await write_all(head, without_body ? std::string_view{} : response.body);
  if (is_written && !keep_alive) co_await drain();
  co_return is_written&& keep_alive;
}

/// An early answer: the client may still be sending, so it is read out for a moment, lest it sees a reset and no
/// answer.
asio::awaitable<void> Connection::refuse(const HttpResponse& response) {
  phase_ = Phase::writing;
  const std::string head = response_head(response, false);
  if (co_await write_all(head, response.body)) co_await drain();
}

asio::awaitable<bool> Connection::write_all(std::string_view head, std::string_view body) {
  const std::string_view first = body.substr(0, kPiece);
  const std::array<asio::const_buffer, 2> both{asio::buffer(head), asio::buffer(first)};
  stream_.expires_after(core_.options.write_timeout);
  if (const auto [ec, count] = co_await asio::async_write(stream_, both, kAsTuple); ec) co_return false;
  for (body.remove_prefix(first.size()); !body.empty();) {
    const std::string_view piece = body.substr(0, kPiece);
    stream_.expires_after(core_.options.write_timeout);
    if (const auto [ec, count] = co_await asio::async_write(stream_, asio::buffer(piece), kAsTuple); ec)
      co_return false;
    body.remove_prefix(piece.size());
  }
  co_return true;
}

asio::awaitable<void> Connection::drain() {
  error_code ignored;
  stream_.socket().shutdown(Socket::shutdown_send, ignored);
  stream_.expires_after(kDrainFor);
  buffer_.clear();
  for (std::size_t drained = 0; drained < kMostDrained;) {
    const auto [ec, count] = co_await stream_.async_read_some(buffer_.prepare(4096), kAsTuple);
    if (ec) co_return;
    drained += count;
  }
}

void Connection::end() {
  switch (phase_) {
    case Phase::waiting:
    case Phase::reading: cut(); break;
    case Phase::handling:
    case Phase::writing: break;
    case Phase::streaming: wake(); break;
  }
}

void Connection::cut() {
  cut_ = true;
  stream_.close();
  wake();
}

asio::awaitable<void> turn_away(Core& core, Socket socket, HttpResponse response) {
  struct Guard {
    std::size_t& count;
    explicit Guard(std::size_t& counter) : count(counter) { ++count; }
    ~Guard() { --count; }
  } const guard(core.lingering);
  Stream stream(std::move(socket));
  stream.expires_after(kDrainFor);
  const std::string text = response_head(response, false) + response.body;
  if (const auto [ec, count] = co_await asio::async_write(stream, asio::buffer(text), kAsTuple); ec) co_return;
  error_code ignored;
  stream.socket().shutdown(Socket::shutdown_send, ignored);
  std::array<char, 4096> bin{};
  for (int i = 0; i < 64; ++i) {
    const auto [ec, count] = co_await stream.async_read_some(asio::buffer(bin), kAsTuple);
    if (ec) co_return;
  }
}

}  // namespace decom
