#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include "daemon/api/http.hpp"
#include "daemon/server/event_ring.hpp"
#include "daemon/server/journal_feed.hpp"
#include "daemon/server/server_options.hpp"

namespace decom {

namespace asio = boost::asio;

using Protocol = asio::local::stream_protocol;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<Protocol, Executor>;
using Stream = boost::beast::basic_stream<Protocol, Executor>;

/// Errors as values: a client that goes away is no exception.
inline constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

/// Who is on the other end, from the kernel (SO_PEERCRED) and from nothing else. There is no default one.
struct Peer {
  std::uint32_t uid;
  std::int32_t pid;
};

class Connection;

/// The way into the io thread for others, which may come after the server has gone.
class Doorway {
 public:
  explicit Doorway(asio::io_context& io) : io_(&io) {}
  void close() {
    const std::lock_guard guard(mutex_);
    io_ = nullptr;
  }
  /// False when nobody is there any more; `work` is dropped then.
  bool post(std::function<void()> work);

 private:
  std::mutex mutex_;
  asio::io_context* io_;
};

/// What the connections of one server share. Everything but the atomic belongs to the io thread.
struct Core {
  Core(ServerOptions given, HttpHandler& handles, std::int64_t journal_end, std::size_t ring_size)
      : options(std::move(given)), handler(handles), ring(journal_end, ring_size) {}

  ServerOptions options;
  HttpHandler& handler;
  EventRing ring;
  JournalFeed* feed = nullptr;
  std::map<std::uint32_t, std::size_t> of_uid;
  std::size_t lingering = 0;  ///< clients that are being turned away
  std::atomic<std::size_t> open = 0;
  bool stopping = false;
  std::set<Connection*> streams;
  asio::io_context io{1};  ///< behind what its coroutines use as they are destroyed
  std::shared_ptr<Doorway> doorway = std::make_shared<Doorway>(io);
  std::set<std::shared_ptr<Connection>> connections;
};

}  // namespace decom
