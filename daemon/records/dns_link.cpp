#include "daemon/records/dns_link.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.hpp"
#include "common/base/resolve.hpp"

namespace decom::dns {

Server Server::parse(const std::string& text) {
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::invalid, "the DNS server {} is not acceptable: {}", text, std::string{why}};
  };
  Server server{.text = text, .host = text};
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) throw refuse("its [ has no ]");
    server.host = text.substr(1, end - 1);
    port = std::string_view{text}.substr(end + 1);
    if (!port.empty() && port[0] != ':') throw refuse("something follows its address");
    if (!port.empty()) port.remove_prefix(1);
    if (port.empty() && text.size() > end + 1) throw refuse("its port is missing");
  } else if (const std::size_t colon = text.find(':'); colon != std::string::npos && colon == text.rfind(':')) {
    server.host = text.substr(0, colon);
    port = std::string_view{text}.substr(colon + 1);
    if (port.empty()) throw refuse("its port is missing");
  }
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), server.port);
    if (error != std::errc{} || end != port.data() + port.size() || server.port == 0) throw refuse("its port is wrong");
  }
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";
  if (server.host.empty() || server.host.find_first_not_of(kAllowed) != std::string::npos)
    throw refuse("expected an address or a host name, and perhaps :PORT");
  return server;
}

Link::Descriptor::~Descriptor() {
  if (number >= 0) ::close(number);
}

Link::Link(int family, const std::stop_token& stop, const Server& server)
    : server_(server),
      socket_(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      on_stop_(stop, [this] { ::eventfd_write(wake_.number, 1); }) {
  if (socket_.number < 0 || wake_.number < 0)
    throw Error{ErrorCode::unreachable, "cannot connect to the DNS server {}: {}", server.text, std::strerror(errno)};
  // Small questions, small answers: waiting to fill a segment costs 40 ms each.
  const int on = 1;
  ::setsockopt(socket_.number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::unique_ptr<Link> Link::open(const Server& server, const std::stop_token& stop, Clock::Steady deadline) {
  try {
    const Addresses addresses = resolve(server.host, server.port, deadline);
    for (const addrinfo* address = addresses.get();; address = address->ai_next) {
      auto link = std::unique_ptr<Link>(new Link(address->ai_family, stop, server));
      try {
        link->connect(address->ai_addr, address->ai_addrlen, deadline);
        return link;
      } catch (const Error& e) {
        if (e.code() != ErrorCode::unreachable || address->ai_next == nullptr) throw;
      }
    }
  } catch (const Error& e) {
    if (e.code() != ErrorCode::timed_out) throw;
    throw Error{ErrorCode::unreachable, e.what()};  // without a connection, nothing was sent
  }
}

void Link::connect(const sockaddr* address, socklen_t size, Clock::Steady deadline) {
  int failure = ::connect(socket_.number, address, size) == 0 ? 0 : errno;
  if (failure == EINPROGRESS) {
    wait_for(POLLOUT, deadline);
    socklen_t length = sizeof failure;
    if (::getsockopt(socket_.number, SOL_SOCKET, SO_ERROR, &failure, &length) != 0) failure = errno;
  }
  if (failure != 0)
    throw Error{ErrorCode::unreachable, "cannot connect to the DNS server {}: {}", server_.text,
                std::strerror(failure)};
}

void Link::wait_for(short events, Clock::Steady deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) throw Error{ErrorCode::timed_out, "the DNS server {} did not answer in time", server_.text};
    std::array<pollfd, 2> waiting{pollfd{.fd = socket_.number, .events = events, .revents = 0},
                                  pollfd{.fd = wake_.number, .events = POLLIN, .revents = 0}};
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR)
      throw Error{ErrorCode::unreachable, "cannot wait for the DNS server {}: {}", server_.text, std::strerror(errno)};
    if (ready <= 0) continue;
    if (waiting[1].revents != 0)
      throw Error{ErrorCode::cancelled, "stopped while waiting for the DNS server {}", server_.text};
    return;
  }
}

void Link::send(const std::string& message, Clock::Steady deadline) {
  sent_ = false;
  if (message.size() > 0xffff)
    throw Error{ErrorCode::too_large, "a message to the DNS server {} is too long", server_.text};
  std::string framed;
  framed += static_cast<char>(message.size() >> 8);
  framed += static_cast<char>(message.size() & 0xff);
  framed += message;
  for (std::size_t at = 0; at < framed.size();) {
    wait_for(POLLOUT, deadline);
    const ssize_t size = ::send(socket_.number, framed.data() + at, framed.size() - at, MSG_NOSIGNAL);
    if (size >= 0) {
      at += static_cast<std::size_t>(size);
      sent_ = sent_ || size > 0;
    } else if (errno != EAGAIN && errno != EINTR) {
      throw Error{ErrorCode::unreachable, "the DNS server {} hung up: {}", server_.text, std::strerror(errno)};
    }
  }
}

std::string Link::receive_exactly(std::size_t size, Clock::Steady deadline) {
  std::string got(size, '\0');
  for (std::size_t at = 0; at < size;) {
    const ssize_t more = ::recv(socket_.number, got.data() + at, size - at, 0);
    if (more > 0) {
      at += static_cast<std::size_t>(more);
    } else if (more == 0) {
      throw Error{ErrorCode::unreachable, "the DNS server {} hung up", server_.text};
    } else if (errno == EAGAIN || errno == EINTR) {
      wait_for(POLLIN, deadline);
    } else {
      throw Error{ErrorCode::unreachable, "the DNS server {} hung up: {}", server_.text, std::strerror(errno)};
    }
  }
  return got;
}

std::string Link::receive(Clock::Steady deadline) {
  const std::string size = receive_exactly(2, deadline);
  return receive_exactly(
      static_cast<std::size_t>(static_cast<unsigned char>(size[0])) << 8 | static_cast<unsigned char>(size[1]),
      deadline);
}

}  // namespace decom::dns
