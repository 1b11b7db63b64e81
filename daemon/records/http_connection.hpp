#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.hpp"

namespace decom::http {

/// How the other side proves who it is, and we, who we are.
struct Trust {
  std::string host;  ///< that the certificate must name
  bool tls = true;
  std::filesystem::path ca_file;  ///< empty: what this host trusts
  std::string thumbprint;         ///< lower-case hex; instead of a CA
  std::filesystem::path certificate_file;
  std::filesystem::path key_file;
};

/// What is sent. It may carry credentials: never quoted.
struct Outgoing {
  std::string method;
  std::string url;
  std::vector<std::string> headers;
  std::optional<std::string> body;
  bool changes = false;
  std::string what;  ///< for messages: "cannot …"
};

struct Reply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;

  [[nodiscard]] std::string header(std::string_view name) const;
  /// How long the other side asks to be left alone (RFC 9110, section 10.2.3), an hour at most. A date counts from the
  /// answer's own, or from `now` where it has none.
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after(Timestamp now) const;
};

/// HTTP to one server, for one call of a RecordSystem: one thread, and nothing outlives it.
///
/// No redirects, no proxy, no netrc; an answer has at most 16 MiB. What changes something goes out on a connection that
/// is used once: libcurl re-sends a request by itself when a *reused* connection dies before an answer.
class Connection {
 public:
  explicit Connection(Trust trust);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Any status is an answer. Throws `unreachable` (nothing was sent), `untrusted`, `unauthenticated` (our certificate
  /// was refused, and the server had the time to say so), `timed_out`, `protocol` and `too_large` for a read; whatever
  /// happens to a change that may have been sent is `lost`. `cancelled` by `stop`, unless a change was sent by then.
  Reply perform(const Outgoing& request, const std::stop_token& stop, std::chrono::milliseconds within);

 private:
  class Handle;
  Trust trust_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace decom::http
