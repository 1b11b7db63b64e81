#include "tests/support/tcp_listener.hpp"

#include <stdexcept>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace decom {

TcpListener::TcpListener(std::function<void(int)> talk) : talk_(std::move(talk)) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (socket_ < 0 || ::bind(socket_, generic, size) != 0 || ::listen(socket_, 16) != 0 ||
      ::getsockname(socket_, generic, &size) != 0 || ::pipe2(stop_, O_CLOEXEC) != 0)
    throw std::runtime_error("cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

TcpListener::~TcpListener() {
  ::close(stop_[1]);
  thread_.join();
  for (const int fd : open_) ::close(fd);
  ::close(stop_[0]);
  ::close(socket_);
}

void TcpListener::serve() {
  for (;;) {
    pollfd waiting[] = {{.fd = socket_, .events = POLLIN, .revents = 0},
                        {.fd = stop_[0], .events = POLLIN, .revents = 0}};
    if (::poll(waiting, 2, -1) < 0) continue;
    if (waiting[1].revents != 0) return;
    const int fd = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    open_.push_back(fd);
    talk_(fd);
  }
}

}  // namespace decom
