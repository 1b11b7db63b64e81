#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "daemon/api/http.hpp"
#include "daemon/server/server_options.hpp"
#include "daemon/store/store.hpp"

namespace decom {

/// HTTP/1.1 over the Unix socket: moves bytes, keeps limits, follows the journal. Knows no business.
class Server {
 public:
  /// Binds at once: throws `conflict` when another daemon listens there, `invalid` for what is no socket of ours.
  Server(ServerOptions options, HttpHandler& handler, const Store& store);
  ~Server();

  /// The io thread: runs until `stop`.
  void run();
  /// Any thread, and signal handlers' thread: stops accepting, ends streams, returns from `run`.
  void stop();
  /// Any thread, after each commit: wakes the event streams.
  void journal_grown(std::int64_t last);
  /// Runs `on_signal` on the io thread for SIGTERM, SIGINT and SIGHUP.
  void on_signal(std::function<void(int)> on_signal);
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
