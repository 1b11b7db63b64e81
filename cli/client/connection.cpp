#include "cli/client/connection.hpp"

#include <cerrno>
#include <cstring>

#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cli/client/unreachable.hpp"
#include "common/base/error.hpp"

namespace decom::cli {
namespace {

[[noreturn]] void cannot_connect(const std::filesystem::path& socket, int error) {
  const std::string path = socket.string();
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      throw DaemonUnreachable{
          "cannot reach decomd: there is no socket at {}\n"
          "Start it with 'systemctl start decomd', or name another socket with --socket or DECOMCTL_SOCKET.",
          path};
    case ECONNREFUSED:
      throw DaemonUnreachable{
          "cannot reach decomd: nobody listens on {}\n"
          "Look at 'systemctl status decomd' and 'journalctl -u decomd'.",
          path};
    case EACCES:
    case EPERM: throw Error{ErrorCode::denied, why_denied(socket)};
    case EAGAIN:
      throw DaemonUnreachable{"cannot reach decomd: it accepts no connection on {}; it may be overloaded", path};
    default: throw DaemonUnreachable{"cannot reach decomd at {}: {}", path, std::strerror(error)};
  }
}

bool wait_for(int fd, short events, Deadline deadline) {
  pollfd one{fd, events, 0};
  for (;;) {
    const int ready = ::poll(&one, 1, static_cast<int>(deadline.left().count()));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw Error{ErrorCode::internal, "cannot wait for decomd: {}", std::strerror(errno)};
  }
}

}  // namespace

bool is_trusted_server(unsigned server, unsigned client) {
  if (server == 0 || server == client) return true;
  const passwd* daemon = ::getpwnam(std::string(kDaemonUser).c_str());
  return daemon != nullptr && daemon->pw_uid == server;
}

std::string why_denied(const std::filesystem::path& socket) {
  // The socket's directory is closed to us as well: the first thing on the way up that can be looked at names the
  // group.
  struct stat info {};
  std::filesystem::path seen = std::filesystem::absolute(socket);
  while (::stat(seen.c_str(), &info) != 0 && seen.has_relative_path()) seen = seen.parent_path();
  const group* owner = ::getgrgid(info.st_gid);
  const passwd* self = ::getpwuid(::geteuid());
  const std::string name = owner != nullptr ? owner->gr_name : std::to_string(info.st_gid);
  const std::string user = self != nullptr ? self->pw_name : std::to_string(::geteuid());
  return fmt::format(
      "may not open {}: only members of the group '{}' may, and '{}' is not one now\n"
      "An administrator adds you with 'usermod -aG {} {}'; log in to this host again afterwards.",
      socket.string(), name, user, name, user);
}

Connection Connection::open(const std::filesystem::path& socket, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.empty() || path.size() >= sizeof address.sun_path)
    throw Error{ErrorCode::usage, "'{}' cannot be a socket: its path must have 1 to {} bytes", path,
                sizeof address.sun_path - 1};
  std::memcpy(static_cast<void*>(address.sun_path), path.data(), path.size());

  Descriptor fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd) throw Error{ErrorCode::internal, "cannot make a socket: {}", std::strerror(errno)};
  // A full backlog blocks connect(2), and this is its timeout, too (unix(7)).
  const auto left = deadline.left().count();
  timeval limit{};
  limit.tv_sec = left / 1000;
  limit.tv_usec = left % 1000 * 1000 + 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    if (errno != EINTR) cannot_connect(socket, errno);

  ucred server{};
  socklen_t size = sizeof server;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &server, &size) != 0 || size != sizeof server)
    throw Error{ErrorCode::untrusted, "cannot tell who listens on {}", path};
  if (!is_trusted_server(server.uid, ::geteuid()))
    throw Error{ErrorCode::untrusted,
                "refuse to talk to {}: the server there runs as uid {}, which is neither root, nor '{}', nor yourself",
                path, server.uid, kDaemonUser};
  return Connection{std::move(fd)};
}

Connection::Sent Connection::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return Sent::closed;
    } else if (errno == EAGAIN) {
      if (!wait_for(fd_.get(), POLLOUT, deadline)) return Sent::closed;
    } else if (errno != EINTR) {
      throw DaemonUnreachable{"cannot send to decomd: {}", std::strerror(errno)};
    }
  }
  return Sent::all;
}

Connection::Received Connection::receive(std::span<char> into, Deadline deadline, int wake_fd) {
  for (;;) {
    std::array<pollfd, 2> fds{pollfd{fd_.get(), POLLIN, 0}, pollfd{wake_fd, POLLIN, 0}};
    const int ready = ::poll(fds.data(), wake_fd < 0 ? 1 : 2, static_cast<int>(deadline.left().count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw Error{ErrorCode::internal, "cannot wait for decomd: {}", std::strerror(errno)};
    if (ready == 0) return {Got::late, 0};
    if (wake_fd >= 0 && fds[1].revents != 0) return {Got::woken, 0};
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return {Got::some, static_cast<std::size_t>(got)};
    if (got == 0 || errno == ECONNRESET || errno == EPIPE) return {Got::end, 0};
    if (errno != EAGAIN && errno != EINTR) throw DaemonUnreachable{"cannot read from decomd: {}", std::strerror(errno)};
  }
}

}  // namespace decom::cli
