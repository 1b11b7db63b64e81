#include "daemon/api/problem.hpp"

#include "common/api/problem.hpp"
#include "common/base/json.hpp"
#include "common/base/log.hpp"

namespace decom {
namespace {

/// RFC 9110 and its friends; only the statuses that this program answers with.
std::string_view title_of(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "Internal Server Error";
  }
}

bool is_ours_to_hide(ErrorCode code) { return code == ErrorCode::internal || code == ErrorCode::storage; }

}  // namespace

HttpResponse problem(const Error& error) { return problem(error, traits(error.code()).http_status); }

HttpResponse problem(const Error& error, int status) {
  api::Problem body;
  body.title = title_of(status);
  body.status = status;
  body.code = to_string(error.code());
  if (is_ours_to_hide(error.code())) {
    log::error("api", "{}: {}", to_string(error.code()), error.what());
    body.detail = "something went wrong inside the daemon; its log says what";
  } else {
    body.detail = error.what();
    for (const Finding& finding : error.findings()) body.errors.push_back({finding.where, finding.what});
  }
  // Names and answers from outside may hold bytes that are no UTF-8; they are replaced, as JSON has no place for them.
  HttpResponse response{.status = status,
                        .content_type = "application/problem+json",
                        .headers = {},
                        .body = Json(body).dump(-1, ' ', false, Json::error_handler_t::replace)};
  if (status == 401) response.headers["WWW-Authenticate"] = "Bearer";
  if (status == 429 || (status == 503 && traits(error.code()).transient)) response.headers["Retry-After"] = "1";
  return response;
}

HttpResponse problem_of_unknown(std::string_view where, std::string_view what) {
  return problem(Error{ErrorCode::internal, "{}: {}", where, what});
}

}  // namespace decom
