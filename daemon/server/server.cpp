#include "daemon/server/server.hpp"

#include <csignal>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <sys/socket.h>

#include "common/base/log.hpp"
#include "daemon/api/problem.hpp"
#include "daemon/server/connection.hpp"
#include "daemon/server/listener.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRing = 10'000;
constexpr std::size_t kMostLingering = 128;
constexpr auto kAfterRefusal = 50ms;

/// The kernel's word, typed. Nothing when it has none: then nobody is served.
std::optional<Peer> peer_of(int fd) {
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 || length != sizeof who) return std::nullopt;
  if (who.uid == static_cast<uid_t>(-1)) return std::nullopt;
  return Peer{who.uid, who.pid};
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, HttpHandler& handler, std::unique_ptr<JournalReader> reader)
      : listener_(options),
        reader_(std::move(reader)),
        core_(std::move(options), handler, reader_->last_seq(), kRing),
        acceptor_(core_.io, Protocol{}, listener_.release_socket()),
        signals_(core_.io),
        grace_(core_.io),
        feed_(*reader_, kRing,
              {.restarted = [this](std::int64_t end) { to_io([this, end] { core_.ring.restart(end); }); },
               .arrived =
                   [this](std::vector<EncodedEvent> events) {
                     to_io([this, events = std::move(events)]() mutable { arrived(std::move(events)); });
                   }}) {
    core_.feed = &feed_;
    acceptor_.non_blocking(true);
    feed_.start();
  }

  ~Impl() { core_.doorway->close(); }

  void run() {
    asio::co_spawn(core_.io, accept_all(), asio::detached);
    core_.io.run();
  }

  void stop() {
    to_io([this] { begin_to_stop(); });
  }

  void journal_grown(std::int64_t last) { feed_.grown(last); }

  void on_signal(std::function<void(int)> on_signal) {
    on_signal_ = std::move(on_signal);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) signals_.add(number);
    wait_for_signal();
  }

  [[nodiscard]] std::size_t connections() const { return core_.open; }

 private:
  void to_io(std::function<void()> work) { core_.doorway->post(std::move(work)); }

  void arrived(std::vector<EncodedEvent> events) {
    core_.ring.append(std::move(events));
    for (Connection* stream : core_.streams) stream->wake();
  }

  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& ec, int number) {
      if (ec) return;
      if (on_signal_) on_signal_(number);
      wait_for_signal();
    });
  }

  asio::awaitable<void> accept_all() {
    while (!core_.stopping) {
      auto [ec, socket] = co_await acceptor_.async_accept(kAsTuple);
      if (ec == asio::error::operation_aborted) co_return;
      if (ec) {  // no descriptors left: those who wait in the backlog may get one later
        if (ec != asio::error::connection_aborted) log::warning("server", "cannot accept: {}", ec.message());
        asio::steady_timer pause(core_.io, kAfterRefusal);
        co_await pause.async_wait(kAsTuple);
        continue;
      }
      const auto peer = peer_of(socket.native_handle());
      if (peer) admit(std::move(socket), *peer);
    }
  }

  void admit(Socket socket, Peer peer) {
    const auto of_uid = core_.of_uid.find(peer.uid);
    if (of_uid != core_.of_uid.end() && of_uid->second >= core_.options.connections_a_uid) {
      return turn_off(std::move(socket), Error{ErrorCode::rate_limited, "uid {} has {} connections open already",
                                               peer.uid, of_uid->second});
    }
    if (core_.open >= core_.options.connections) {
      return turn_off(std::move(socket),
                      Error{ErrorCode::overloaded, "the daemon has {} connections open already", core_.open.load()});
    }
    auto connection = std::make_shared<Connection>(core_, std::move(socket), peer);
    core_.connections.insert(connection);
    ++core_.of_uid[peer.uid];
    ++core_.open;
    asio::co_spawn(
        core_.io, [connection] { return connection->serve(); },
        [this, connection](const std::exception_ptr& failure) { ended(connection, failure); });
  }

  void turn_off(Socket socket, const Error& why) {
    if (core_.lingering >= kMostLingering) return;  // a crowd is closed without a word
    asio::co_spawn(core_.io, turn_away(core_, std::move(socket), problem(why)), asio::detached);
  }

  void ended(const std::shared_ptr<Connection>& connection, const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      log::error("server", "a session of uid {} broke: {}", connection->peer().uid, e.what());
    }
    connection->cut();
    core_.connections.erase(connection);
    --core_.open;
    const auto of_uid = core_.of_uid.find(connection->peer().uid);
    if (--of_uid->second == 0) core_.of_uid.erase(of_uid);
    if (core_.stopping && core_.connections.empty()) core_.io.stop();
  }

  void begin_to_stop() {
    if (core_.stopping) return;
    core_.stopping = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    if (core_.connections.empty()) return core_.io.stop();
    const auto all = core_.connections;  // `end` may change the set
    for (const auto& connection : all) connection->end();
    grace_.expires_after(core_.options.write_timeout);
    grace_.async_wait([this](const boost::system::error_code& ec) {
      if (ec) return;
      const auto rest = core_.connections;
      for (const auto& connection : rest) connection->cut();
    });
  }

  Listener listener_;
  std::unique_ptr<JournalReader> reader_;
  Core core_;
  asio::basic_socket_acceptor<Protocol, Executor> acceptor_;
  asio::signal_set signals_;
  asio::steady_timer grace_;
  std::function<void(int)> on_signal_;
  JournalFeed feed_;  // last: its threads use all of the above
};

Server::Server(ServerOptions options, HttpHandler& handler, std::unique_ptr<JournalReader> reader)
    : impl_(std::make_unique<Impl>(std::move(options), handler, std::move(reader))) {}
Server::~Server() = default;

void Server::run() { impl_->run(); }
void Server::stop() { impl_->stop(); }
void Server::journal_grown(std::int64_t last) { impl_->journal_grown(last); }
void Server::on_signal(std::function<void(int)> on_signal) { impl_->on_signal(std::move(on_signal)); }
std::size_t Server::connections() const { return impl_->connections(); }

}  // namespace decom
