#include "cli/client/event_stream.hpp"

#include <array>

#include <poll.h>

#include "cli/client/unreachable.hpp"

namespace decom::cli {
namespace {

using namespace std::chrono_literals;
/// The daemon sends a heartbeat every 15 s; three missed ones mean that nobody is there.
constexpr auto kSilence = 50s;
constexpr auto kMostBackoff = std::chrono::milliseconds{2000};

}  // namespace

void SseParser::feed(std::string_view bytes) {
  pending_ += bytes;
  std::size_t from = 0;
  for (std::size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', from)) {
    std::string_view text(pending_.data() + from, end - from);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text);
    from = end + 1;
  }
  pending_.erase(0, from);
}

void SseParser::line(std::string_view text) {
  if (text.empty()) {
    if (has_data_) ready_.push_back(std::move(data_));
    data_.clear();
    has_data_ = false;
    return;
  }
  if (!text.starts_with("data:")) return;  // comments, ids (the data has its number) and event names
  text.remove_prefix(5);
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (has_data_) data_ += '\n';
  data_ += text;
  has_data_ = true;
}

std::optional<std::string> SseParser::next() {
  if (ready_.empty()) return std::nullopt;
  std::string data = std::move(ready_.front());
  ready_.pop_front();
  return data;
}

void SseParser::reset() {
  pending_.clear();
  data_.clear();
  has_data_ = false;
}

EventStream::EventStream(const Client& client, EventQuery query, OnAway on_away)
    : client_(client), query_(std::move(query)), on_away_(std::move(on_away)) {
  connect();  // the first time, what goes wrong is the caller's to see
}

void EventStream::connect() {
  const std::string seen = std::to_string(query_.since);
  Query query{{"since", seen}};
  if (query_.request) query.emplace_back("request", std::to_string(*query_.request));
  if (query_.machine) query.emplace_back("machine", *query_.machine);
  if (query_.until_settled) query.emplace_back("until_settled", "true");
  HttpCall call{.method = "GET",
                .target = "/v1/events" + query_string(query),
                .headers = {{"Accept", "text/event-stream"}, {"Last-Event-ID", seen}},
                .body = {}};
  reply_ = ReplyParser{};
  sse_.reset();
  refusal_.clear();
  connection_ = client_.start(std::move(call), Deadline::in(client_.options().timeout));
  heard_ = std::chrono::steady_clock::now();
}

bool EventStream::away(const std::string& why, Deadline until, int wake_fd, Next& out) {
  const auto now = std::chrono::steady_clock::now();
  connection_.reset();
  if (!away_since_) {
    away_since_ = now;
    backoff_ = 100ms;
    try_at_ = now + backoff_;
    on_away_(why);
  }
  if (now - *away_since_ > client_.options().timeout) throw DaemonUnreachable{"{}", why};
  const auto wait_until = std::min(try_at_, until.when());
  pollfd wake{wake_fd, POLLIN, 0};
  const int ready = ::poll(&wake, wake_fd < 0 ? 0 : 1, static_cast<int>(Deadline::at(wait_until).left().count()));
  if (ready > 0) {
    out.what = Next::What::woken;
    return true;
  }
  if (std::chrono::steady_clock::now() < try_at_) {
    out.what = Next::What::late;
    return true;
  }
  backoff_ = std::min(backoff_ * 2, kMostBackoff);
  try_at_ = std::chrono::steady_clock::now() + backoff_;
  return false;
}

void EventStream::go_on() {
  trouble_ = "decomd ended the stream: it is stopping";
  connection_.reset();
}

EventStream::Next EventStream::next(Deadline until, int wake_fd) {
  Next out;
  std::array<char, 65'536> buffer{};
  for (;;) {
    while (auto data = sse_.next()) {
      out.raw = parse_json(*data);
      out.event = out.raw.get<api::Event>();
      if (out.event.seq <= query_.since) continue;
      query_.since = out.event.seq;
      out.what = Next::What::event;
      return out;
    }
    if (!connection_) {
      if (away(trouble_, until, wake_fd, out)) return out;
      try {
        connect();
      } catch (const DaemonUnreachable& e) {
        trouble_ = e.what();
      } catch (const Error& e) {
        if (e.code() != ErrorCode::denied) throw;  // a socket that is being made has not its group yet
        trouble_ = e.what();
      }
      continue;
    }
    if (reply_.is_done() && reply_.status() == 200) {
      if (query_.until_settled) {
        out.what = Next::What::ended;
        return out;
      }
      go_on();
      continue;
    }
    const auto silent_at = heard_ + kSilence;
    const auto [what, bytes] = connection_->receive(buffer, Deadline::at(std::min(until.when(), silent_at)), wake_fd);
    switch (what) {
      case Connection::Got::woken: out.what = Next::What::woken; return out;
      case Connection::Got::late:
        if (std::chrono::steady_clock::now() < silent_at) return out;
        trouble_ = "decomd has fallen silent";
        connection_.reset();
        continue;
      case Connection::Got::end:
        if (!reply_.feed_end()) {
          trouble_ = "the connection to decomd was lost";
          connection_.reset();
        }
        break;
      case Connection::Got::some: reply_.feed({buffer.data(), bytes}); break;
    }
    heard_ = std::chrono::steady_clock::now();
    if (!reply_.has_header()) continue;
    if (reply_.status() == 200) {
      if (away_since_) on_away_("");
      away_since_.reset();
      sse_.feed(reply_.take_body());
      continue;
    }
    refusal_ += reply_.take_body();
    if (!reply_.is_done()) continue;
    const Error error = to_error({reply_.status(), reply_.header("Content-Type"), refusal_});
    if (!away_since_ || !traits(error.code()).transient) throw error;
    trouble_ = error.what();  // a daemon that is just starting may be too busy yet
    connection_.reset();
  }
}

}  // namespace decom::cli
