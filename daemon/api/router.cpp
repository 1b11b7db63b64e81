#include "daemon/api/router.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/api/problem.hpp"

namespace decom {
namespace {

/// The arguments when `path` fits, else nothing.
std::optional<std::vector<std::string>> fit_path(const std::string& pattern, const std::string& path) {
  const auto wanted = split(pattern, '/');
  const auto given = split(path, '/');
  if (wanted.size() != given.size()) return std::nullopt;
  std::vector<std::string> args;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{')) {
      if (given[i].empty()) return std::nullopt;
      args.push_back(given[i]);
    } else if (wanted[i] != given[i]) {
      return std::nullopt;
    }
  }
  return args;
}

}  // namespace

const Principal& ApiCall::who() const {
  if (caller == nullptr) throw Error{ErrorCode::internal, "a handler asks for a caller where nobody had to log in"};
  return *caller;
}

std::int64_t ApiCall::request_number() const {
  const auto number = parse_number(args.front());
  if (!number || *number == 0) throw Error{ErrorCode::not_found, "there is no request '{}'", args.front()};
  return *number;
}

std::string ApiCall::bearer() const { return bearer_of(request); }

std::string bearer_of(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const auto found = request.headers.find("authorization");
  if (found == request.headers.end()) throw Error{ErrorCode::unauthenticated, "not logged in: run 'decomctl login'"};
  const std::string_view value = found->second;
  if (value.size() <= kScheme.size() || !equals_folded(value.substr(0, kScheme.size()), kScheme))
    throw Error{ErrorCode::unauthenticated,
                "the only Authorization that is taken is 'Bearer', with what login answered"};
  return std::string(trimmed(value.substr(kScheme.size())));
}

void Router::add(Route route) { routes_.push_back(std::move(route)); }

std::variant<Match, HttpResponse> Router::find(const std::string& method, const std::string& path) const {
  std::vector<std::string> allowed;
  for (const Route& route : routes_) {
    auto args = fit_path(route.pattern, path);
    if (!args) continue;
    if (route.method == method) return Match{&route, *std::move(args)};
    allowed.push_back(route.method);
  }
  if (allowed.empty()) return problem(Error{ErrorCode::not_found, "there is nothing at {}", path.substr(0, 200)});
  HttpResponse response =
      problem(Error{ErrorCode::usage, "{} takes {}, not {}", path.substr(0, 200), join(allowed, " and "), method}, 405);
  response.headers["Allow"] = join(allowed, ", ");
  return response;
}

HttpResponse json_response(const Json& body, int status) {
  return {.status = status,
          .content_type = "application/json",
          .headers = {},
          .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace decom
