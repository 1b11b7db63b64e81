#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "daemon/api/http.hpp"
#include "daemon/server/journal_reader.hpp"
#include "daemon/server/server_options.hpp"
#include "daemon/store/store.hpp"

namespace decom {

/// HTTP/1.1 over the Unix socket: moves bytes, keeps limits, follows the journal. Knows no business.
class Server {
 public:
  /// Binds at once: throws `conflict` when another daemon listens there, `invalid` for what is no socket of ours.
  Server(ServerOptions options, HttpHandler& handler, const Store& store);
  Server(ServerOptions options, HttpHandler& handler, std::unique_ptr<JournalReader> reader);
  ~Server();

  /// The io thread: runs until `stop`. Once.
  void run();
  /// Any thread: stops accepting, ends streams, lets what is being answered be answered (at most the write timeout),
  /// then `run` returns. Signals stay caught until the server is destroyed.
  void stop();
  /// Any thread, after each commit: wakes the event streams.
  void journal_grown(std::int64_t last);
  /// Before `run`. Calls `on_signal` on the io thread for SIGTERM, SIGINT and SIGHUP.
  void on_signal(std::function<void(int)> on_signal);
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
