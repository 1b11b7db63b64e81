#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace decom {

/// A TCP server on 127.0.0.1 that does to each caller what a test wants, on a thread of its own. Connections stay open
/// until the listener ends, unless `talk` closes them.
class TcpListener {
 public:
  /// `talk` gets the connection's descriptor, one caller after the other; silence is the default.
  explicit TcpListener(std::function<void(int)> talk = [](int) {});
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  /// "ldaps://127.0.0.1:PORT"
  [[nodiscard]] std::string url(const std::string& scheme) const {
    return scheme + "://127.0.0.1:" + std::to_string(port_);
  }

 private:
  void serve();

  std::function<void(int)> talk_;
  int socket_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::vector<int> open_;  // serve()'s alone until the thread has ended
  std::thread thread_;
};

}  // namespace decom
