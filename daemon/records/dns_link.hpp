#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <sys/socket.h>

#include "common/base/clock.hpp"

namespace decom::dns {

struct Server {
  std::string text;  ///< as it was written, for people
  std::string host;  ///< an address or a name
  std::uint16_t port = 53;

  /// "10.0.0.53", "dns1.corp.example.test:5353", "[fd00::53]:53". Throws `invalid`.
  static Server parse(const std::string& text);
  bool operator==(const Server&) const = default;
};

/// A TCP connection to a DNS server, each call of which ends at a deadline and soon after a stop.
/// Messages go with two bytes of length before them (RFC 1035 4.2.2). One thread at a time.
class Link {
 public:
  /// Throws `unreachable` (no such name, refused, no answer in time: nothing was sent) or `cancelled`.
  static std::unique_ptr<Link> open(const Server& server, const std::stop_token& stop, Clock::Steady deadline);
  ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Throws `unreachable` (hung up), `timed_out` or `cancelled`; `too_large` before anything was sent.
  void send(const std::string& message, Clock::Steady deadline);
  std::string receive(Clock::Steady deadline);
  /// Whether a byte of the last message has left.
  [[nodiscard]] bool has_sent() const { return sent_; }

 private:
  struct Descriptor {
    explicit Descriptor(int taken) : number(taken) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();
    int number;
  };

  Link(int family, const std::stop_token& stop, const Server& server);
  void connect(const sockaddr* address, socklen_t size, Clock::Steady deadline);
  void wait_for(short events, Clock::Steady deadline);
  std::string receive_exactly(std::size_t size, Clock::Steady deadline);

  const Server server_;
  Descriptor socket_;
  Descriptor wake_;  ///< readable once a stop was requested; outlives the callback that writes to it
  std::stop_callback<std::function<void()>> on_stop_;
  bool sent_ = false;
};

}  // namespace decom::dns
