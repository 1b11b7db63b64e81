#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "common/base/text.hpp"
#include "tests/support/tcp_listener.hpp"

namespace decom {

/// An HTTP server that answers whatever a test wants, byte for byte, one request a connection.
class HttpPeer {
 public:
  struct Seen {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
  };
  /// The bytes to answer with; kHangUp and kSilence are neither sent.
  using Handler = std::function<std::string(const Seen&)>;
  static constexpr const char* kHangUp = "\x01hang up";
  static constexpr const char* kSilence = "\x01silence";

  explicit HttpPeer(Handler handler) : handler_(std::move(handler)), listener_([this](int fd) { talk(fd); }) {}

  [[nodiscard]] std::string url() const { return listener_.url("http"); }
  [[nodiscard]] std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  [[nodiscard]] int count(const std::string& method) const {
    int n = 0;
    for (const Seen& one : seen()) n += one.method == method ? 1 : 0;
    return n;
  }

  static std::string answer(int status, const std::string& body, const std::string& headers = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n" + headers + "\r\n" + body;
  }

 private:
  void talk(int fd) {
    std::string text;
    std::size_t end = 0;
    std::size_t length = 0;
    Seen request;
    char buffer[4096];
    while (end == 0 || text.size() < end + length) {
      const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<std::size_t>(got));
      if (end != 0) continue;
      const std::size_t blank = text.find("\r\n\r\n");
      if (blank == std::string::npos) continue;
      end = blank + 4;
      const auto lines = split(text.substr(0, blank), '\n');
      const auto words = split(std::string{trimmed(lines[0])}, ' ');
      request.method = words[0];
      request.target = words[1];
      for (std::size_t i = 1; i < lines.size(); ++i) {
        const std::size_t colon = lines[i].find(':');
        request.headers[folded(lines[i].substr(0, colon))] = std::string{trimmed(lines[i].substr(colon + 1))};
      }
      if (request.headers.contains("content-length")) length = std::stoul(request.headers["content-length"]);
    }
    request.body = text.substr(end);
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(request);
    }
    const std::string reply = handler_(request);
    if (reply == kSilence) return;
    if (reply != kHangUp) {
      for (std::size_t at = 0; at < reply.size();) {
        const ssize_t sent = ::send(fd, reply.data() + at, reply.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) break;
        at += static_cast<std::size_t>(sent);
      }
    }
    ::shutdown(fd, SHUT_RDWR);
  }

  Handler handler_;
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
  TcpListener listener_;
};

}  // namespace decom
