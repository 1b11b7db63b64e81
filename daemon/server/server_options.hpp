#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

namespace decom {

/// Where to listen, and what a client may cost. Limits of design: header 8 KiB, body 1 MiB, timeouts 10 s, 30 s, 5 s.
struct ServerOptions {
  std::filesystem::path socket = "/run/decomd/decomd.sock";
  std::string group;  ///< who may open the socket; empty: the daemon's own
  std::size_t header_limit = 8 * 1024;
  std::size_t body_limit = 1024 * 1024;
  std::size_t connections_a_uid = 64;
  std::size_t connections = 1024;
  std::chrono::milliseconds header_timeout = std::chrono::seconds{10};
  std::chrono::milliseconds body_timeout = std::chrono::seconds{30};
  std::chrono::milliseconds write_timeout = std::chrono::seconds{5};
  std::chrono::milliseconds idle_timeout = std::chrono::seconds{60};
  std::chrono::milliseconds heartbeat = std::chrono::seconds{15};
};

}  // namespace decom
