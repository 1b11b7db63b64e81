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
  std::string path;  ///< percent-decoded, without the query
  std::multimap<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< names in lower case
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
  std::int64_t since = 0;
  std::int64_t request = 0;
  std::optional<int> machine;
  bool ndjson = false;         ///< else text/event-stream
  bool until_settled = false;  ///< ends by itself once the request has settled
};

using HttpAnswer = std::variant<HttpResponse, EventStream>;

/// What the server needs of the API. `respond` may be called on any thread, once, now or later.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void handle(HttpRequest request, std::function<void(HttpAnswer)> respond) = 0;
};

}  // namespace decom
