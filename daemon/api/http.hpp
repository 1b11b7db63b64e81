#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace decom {

/// A request as the server hands it over: bytes are checked, nothing is known of the business.
struct HttpRequest {
  std::string method;
  std::string path;                               ///< percent-decoded, without the query; UTF-8 without NUL
  std::multimap<std::string, std::string> query;  ///< decoded; `+` is a space
  std::map<std::string, std::string> headers;     ///< names in lower case; repeated ones joined by ", "
  std::string body;
  std::uint32_t uid = 0;  ///< of the peer, from the kernel
  std::int32_t pid = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers;
  std::string body;
};

/// Instead of a response: follow the journal. The server writes it; the store is read for replay.
struct EventStream {
  std::int64_t since = 0;  ///< exclusive
  std::int64_t request = 0;
  std::optional<int> machine;
  bool ndjson = false;         ///< else text/event-stream
  bool until_settled = false;  ///< ends by itself once the request (or its one machine) has settled
  /// With `until_settled`: a settling up to this number is history, as the request lived on (a retry).
  std::int64_t settles_after = 0;
  /// With `until_settled`, not 0: it had settled already; the stream ends behind this number.
  std::int64_t settled_by = 0;
};

using HttpAnswer = std::variant<HttpResponse, EventStream>;

/// What the server needs of the API. `respond` may be called on any thread, once, now or later, also after the server
/// is gone. Where it is dropped uncalled the server answers 500 by itself.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void handle(HttpRequest request, std::function<void(HttpAnswer)> respond) = 0;
};

}  // namespace decom
