#include "tests/unit/server/house.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/json.hpp"

namespace decom::test {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "decom-server-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

class MemoryJournal::Reader final : public JournalReader {
 public:
  explicit Reader(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::vector<Event> events(const EventFilter& filter) const override {
    const std::lock_guard guard(state_->mutex);
    ++state_->reads;
    if (filter.since < state_->pruned) throw Error{ErrorCode::gone, "events up to {} were pruned", state_->pruned};
    std::vector<Event> found;
    for (auto i = static_cast<std::size_t>(filter.since - state_->pruned); i < state_->events.size(); ++i) {
      const Event& event = state_->events[i];
      if (filter.request != 0 && event.request != filter.request) continue;
      if (filter.machine && event.machine != filter.machine) continue;
      if (found.size() == filter.limit) break;
      found.push_back(event);
    }
    return found;
  }
  std::int64_t last_seq() const override {
    const std::lock_guard guard(state_->mutex);
    return state_->pruned + static_cast<std::int64_t>(state_->events.size());
  }

 private:
  std::shared_ptr<State> state_;
};

std::int64_t MemoryJournal::append(Event event) {
  const std::lock_guard guard(state_->mutex);
  event.seq = state_->pruned + static_cast<std::int64_t>(state_->events.size()) + 1;
  state_->events.push_back(std::move(event));
  return state_->events.back().seq;
}
void MemoryJournal::prune(std::int64_t up_to) {
  const std::lock_guard guard(state_->mutex);
  state_->events.erase(state_->events.begin(), state_->events.begin() + (up_to - state_->pruned));
  state_->pruned = up_to;
}
std::unique_ptr<JournalReader> MemoryJournal::reader() const { return std::make_unique<Reader>(state_); }
std::size_t MemoryJournal::reads() const {
  const std::lock_guard guard(state_->mutex);
  return state_->reads;
}

void Echo::handle(HttpRequest request, std::function<void(HttpAnswer)> respond) {
  {
    const std::lock_guard guard(mutex_);
    ++handled_;
  }
  if (request.path == "/events") {
    EventStream stream;
    if (request.query.contains("since")) stream.since = std::stoll(request.query.find("since")->second);
    if (request.query.contains("request")) stream.request = std::stoll(request.query.find("request")->second);
    stream.ndjson = request.headers["accept"] == "application/x-ndjson";
    stream.until_settled = request.query.contains("until_settled");
    if (on_stream) on_stream(request, stream);
    return respond(stream);
  }
  if (request.path == "/hold") {
    const std::lock_guard guard(mutex_);
    held_.push_back(std::move(respond));
    changed_.notify_all();
    return;
  }
  if (request.path == "/throw") throw std::runtime_error("a secret of the house");
  if (request.path == "/drop") return;
  if (request.path == "/big") {
    HttpResponse response;
    response.body.assign(static_cast<std::size_t>(std::stoll(request.query.find("size")->second)), 'x');
    return respond(response);
  }
  Json query = Json::object();
  for (const auto& [key, value] : request.query) query[key] = value;
  const Json body{{"method", request.method},    {"path", request.path}, {"query", query},
                  {"headers", request.headers},  {"uid", request.uid},   {"pid", request.pid},
                  {"size", request.body.size()}, {"body", request.body}};
  respond(HttpResponse{.status = 200, .content_type = "application/json", .headers = {}, .body = body.dump()});
}

void Echo::wait_until_held(std::size_t count) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, 20s, [&] { return held_.size() >= count; })) throw std::runtime_error("nobody is held");
}
void Echo::let_go() {
  const std::lock_guard guard(mutex_);
  for (auto& respond : held_)
    respond(HttpResponse{.status = 200, .content_type = "text/plain", .headers = {}, .body = "held"});
  held_.clear();
}
std::size_t Echo::handled() const {
  const std::lock_guard guard(mutex_);
  return handled_;
}

House::House(ServerOptions options, MemoryJournal given) : journal(std::move(given)) {
  options.socket = socket();
  server.emplace(std::move(options), handler, journal.reader());
  thread_ = std::thread([this] { server->run(); });
}
void House::stop() {
  if (!thread_.joinable()) return;
  server->stop();
  thread_.join();
}
std::int64_t House::publish(Event event) {
  const std::int64_t seq = journal.append(std::move(event));
  server->journal_grown(seq);
  return seq;
}

std::string Reply::header(const std::string& name) const {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const auto begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

Client::Client(const std::string& path, int receive_buffer) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
}
Client::~Client() { close(); }
void Client::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool Client::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Client::fill() {
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, 20'000) != 1) return false;
  std::array<char, 65536> piece;
  const auto count = ::recv(fd_, piece.data(), piece.size(), 0);
  if (count <= 0) return false;
  rest_.append(piece.data(), static_cast<std::size_t>(count));
  return true;
}

std::string Client::receive_until(std::string_view mark) {
  std::size_t at = 0;
  while ((at = rest_.find(mark)) == std::string::npos)
    if (!fill()) return std::exchange(rest_, {});
  std::string text = rest_.substr(0, at + mark.size());
  rest_.erase(0, text.size());
  return text;
}

std::optional<Reply> Client::receive_head() {
  Reply reply;
  reply.head = receive_until("\r\n\r\n");
  if (!reply.head.ends_with("\r\n\r\n")) return std::nullopt;
  reply.status = std::stoi(reply.head.substr(9, 3));
  return reply;
}

std::optional<Reply> Client::receive(bool is_head) {
  auto reply = receive_head();
  if (!reply || is_head) return reply;
  const std::string length = reply->header("Content-Length");
  const std::size_t size = length.empty() ? 0 : std::stoul(length);
  while (rest_.size() < size)
    if (!fill()) return std::nullopt;
  reply->body = rest_.substr(0, size);
  rest_.erase(0, size);
  return reply;
}

bool Client::hears_nothing_for(std::chrono::milliseconds time) const {
  pollfd ready{fd_, POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(time.count())) == 0;
}

bool Client::is_closed_by_server() {
  while (fill()) {
  }
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, 0) != 1) return false;
  char byte = 0;
  return ::recv(fd_, &byte, 1, MSG_DONTWAIT) <= 0;
}

std::string get(std::string_view target, std::string_view more) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: decom\r\n" + std::string(more) + "\r\n";
}

}  // namespace decom::test
