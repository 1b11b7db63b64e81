#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "cli/client/deadline.hpp"
#include "cli/client/descriptor.hpp"

namespace decom::cli {

/// One connection to decomd's Unix socket.
///
/// A socket at that path could be anybody's who got there first, and a password is about to be sent to it: a server
/// that is neither root, nor the daemon's user, nor ourselves is refused.
class Connection {
 public:
  /// Throws DaemonUnreachable (nobody there), `denied` (the group is missing), `untrusted` (somebody else's server).
  static Connection open(const std::filesystem::path& socket, Deadline deadline);

  enum class Sent { all, closed };  ///< closed: the server has hung up, perhaps after an early answer
  Sent send(std::string_view bytes, Deadline deadline);

  enum class Got { some, end, late, woken };
  struct Received {
    Got what = Got::late;
    std::size_t bytes = 0;
  };
  /// Waits for bytes, the end, the deadline, or until `wake_fd` (-1: none) is readable.
  Received receive(std::span<char> into, Deadline deadline, int wake_fd = -1);

 private:
  explicit Connection(Descriptor fd) : fd_(std::move(fd)) {}
  Descriptor fd_;
};

/// The user that packages run the daemon as.
inline constexpr std::string_view kDaemonUser = "decomd";

/// May a server that runs as `server` be believed to be decomd by a client that runs as `client`?
bool is_trusted_server(unsigned server, unsigned client);

/// What to tell somebody who may not open the socket: names the group that may.
std::string why_denied(const std::filesystem::path& socket);

}  // namespace decom::cli
