#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/json.hpp"
#include "daemon/api/http.hpp"
#include "daemon/api/query.hpp"
#include "daemon/domain/principal.hpp"

namespace decom {

enum class Access { anyone, viewer, operator_, admin };

/// Which threads a handler may occupy: those for quick reads and commits, or those that may wait for the outside world.
enum class Where { api, outside };

/// What a handler gets: everything parsed, and who is calling. The body is the very object on which was authorised.
struct ApiCall {
  const HttpRequest& request;
  const std::vector<std::string>& args;  ///< what stood for {…}, in order
  const Query& query;
  const Json& body;         ///< an object; empty where none came
  const Principal* caller;  ///< null where anyone may call

  [[nodiscard]] const Principal& who() const;
  /// The argument as a request's number. Throws `not_found`.
  [[nodiscard]] std::int64_t request_number() const;
  /// Of `Authorization: Bearer …`. Throws `unauthenticated`.
  [[nodiscard]] std::string bearer() const;
};

std::string bearer_of(const HttpRequest& request);

struct Route {
  std::string method;
  std::string pattern;  ///< "/v1/requests/{id}/cancel"
  Access access = Access::viewer;
  Where where = Where::api;
  std::vector<std::string> query{};  ///< names of the parameters it knows
  bool takes_body = false;
  /// The roles of the last answer count, whatever their age: for what only makes things safer while AD hangs.
  bool old_roles_do = false;
  std::function<HttpAnswer(const ApiCall&)> handler{};
};

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> args;
};

class Router {
 public:
  void add(Route route);
  /// Throws nothing: a path that is not there, or another method than it knows, is an answer.
  [[nodiscard]] std::variant<Match, HttpResponse> find(const std::string& method, const std::string& path) const;
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

/// 200 with JSON; what came from outside and is no UTF-8 is replaced.
HttpResponse json_response(const Json& body, int status = 200);

}  // namespace decom
