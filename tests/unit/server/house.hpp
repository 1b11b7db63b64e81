#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/server/server.hpp"

namespace decom::test {

using namespace std::chrono_literals;

/// A directory of its own, mode 0700, gone with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A journal in memory, with the contract of the store's: ascending, `gone` for what was pruned.
class MemoryJournal {
 public:
  /// Returns its number.
  std::int64_t append(Event event);
  void prune(std::int64_t up_to);
  [[nodiscard]] std::unique_ptr<JournalReader> reader() const;
  [[nodiscard]] std::size_t reads() const;

 private:
  class Reader;
  struct State {
    mutable std::mutex mutex;
    std::vector<Event> events;
    std::int64_t pruned = 0;
    mutable std::size_t reads = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Answers what it was asked, as JSON; "/events" streams; "/hold" answers when it is let go.
class Echo final : public HttpHandler {
 public:
  void handle(HttpRequest request, std::function<void(HttpAnswer)> respond) override;

  void wait_until_held(std::size_t count);
  void let_go();
  [[nodiscard]] std::size_t handled() const;
  std::function<void(const HttpRequest&, EventStream&)> on_stream;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void(HttpAnswer)>> held_;
  std::size_t handled_ = 0;
};

/// A server with its io thread, on a socket of its own.
class House {
 public:
  explicit House(ServerOptions options = {}, MemoryJournal journal = {});
  ~House() { stop(); }
  void stop();

  [[nodiscard]] std::string socket() const { return (folder_.path() / "s.sock").string(); }
  /// Appends to the journal and tells the server, as the store's hook does.
  std::int64_t publish(Event event);

  MemoryJournal journal;
  Echo handler;

 private:
  TemporaryFolder folder_;

 public:
  std::optional<Server> server;

 private:
  std::thread thread_;
};

struct Reply {
  int status = 0;
  std::string head;  ///< with the status line
  std::string body;

  [[nodiscard]] std::string header(const std::string& name) const;
};

/// A client of bytes: what it sends is up to the test. Every wait is bounded by 20 s.
class Client {
 public:
  explicit Client(const std::string& path, int receive_buffer = 0);
  Client(const Client&) = delete;
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), rest_(std::move(other.rest_)) {}
  ~Client();

  /// False where the server has closed.
  bool send(std::string_view bytes) const;
  /// One answer; `is_head`: without a body whatever its length says. Nothing when the connection ends instead.
  std::optional<Reply> receive(bool is_head = false);
  /// Only the head, for streams.
  std::optional<Reply> receive_head();
  /// Up to and with `mark`; less where the connection ends before.
  std::string receive_until(std::string_view mark);
  /// True when the server has closed, within the bound.
  bool is_closed_by_server();
  std::optional<Reply> ask(std::string_view bytes) { return send(bytes) ? receive() : receive(); }
  /// False when an answer or the end comes before that time is over.
  [[nodiscard]] bool hears_nothing_for(std::chrono::milliseconds time) const;
  void close();
  [[nodiscard]] int fd() const { return fd_; }

 private:
  bool fill();
  int fd_ = -1;
  std::string rest_;
};

std::string get(std::string_view target, std::string_view more = "");

}  // namespace decom::test
