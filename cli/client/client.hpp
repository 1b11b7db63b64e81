#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/client/connection.hpp"
#include "cli/client/http.hpp"
#include "common/api/problem.hpp"
#include "common/base/error.hpp"
#include "common/base/json.hpp"

namespace decom::cli {

using Query = std::vector<std::pair<std::string, std::string>>;

struct ClientOptions {
  std::filesystem::path socket;
  std::chrono::milliseconds timeout = std::chrono::seconds{60};  ///< of one call
};

struct Reply {
  int status = 0;
  std::string content_type;
  std::string body;
};

/// Calls to decomd. Each has a connection of its own: a kept one may be dead by the time that a person has answered a
/// question, and then nobody knows whether a POST was received.
class Client {
 public:
  explicit Client(ClientOptions options) : options_(std::move(options)) {}

  /// 2xx: the JSON. Else throws Error with the problem's code, text and findings.
  [[nodiscard]] Json get(const std::string& path, const Query& query = {}) const;
  Json post(const std::string& path, const Json& body, const Query& headers = {}) const;
  void remove(const std::string& path) const;

  /// As it is, whatever the status. With a `sink`, a 2xx body goes there piece by piece and has no time limit.
  using Sink = std::function<void(std::string_view)>;
  Reply call(HttpCall call, const Sink& sink = {}) const;

  /// A connection on which `call` was sent, with the login added; for what reads the answer itself.
  [[nodiscard]] Connection start(HttpCall call, Deadline deadline) const;

  [[nodiscard]] const ClientOptions& options() const { return options_; }

 private:
  ClientOptions options_;
};

/// What an answer that is not 2xx says, as an Error.
Error to_error(const Reply& reply);

}  // namespace decom::cli
