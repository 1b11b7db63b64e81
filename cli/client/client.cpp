#include "cli/client/client.hpp"

#include <array>

#include "cli/client/token_file.hpp"
#include "cli/client/unreachable.hpp"
#include "common/base/clock.hpp"
#include "common/base/text.hpp"

namespace decom::cli {
namespace {

constexpr std::size_t kMostBody = std::size_t{256} * 1024 * 1024;

Json json_of(const Reply& reply) {
  if (reply.status < 200 || reply.status > 299) throw to_error(reply);
  if (reply.body.empty()) return Json::object();
  try {
    return parse_json(reply.body);
  } catch (const Error& e) {
    throw Error{ErrorCode::protocol, "cannot understand decomd's answer: {}", e.what()};
  }
}

/// Nothing is different after such a call that nobody saw the answer of: a plan that was not seen just expires.
bool is_harmless(const HttpCall& call) {
  return call.method == "GET" || call.method == "HEAD" || call.target == "/v1/plans" || call.target == "/v1/login";
}

[[noreturn]] void lost(bool harmless, const std::string& what) {
  if (harmless) throw DaemonUnreachable{"{}", what};
  throw Error{ErrorCode::lost, "{}: what was asked for may have happened; look with 'decomctl list'", what};
}

}  // namespace

Error to_error(const Reply& reply) {
  if (reply.content_type.starts_with("application/problem+json")) {
    try {
      const auto problem = parse_json(reply.body).get<api::Problem>();
      std::vector<Finding> findings;
      for (const auto& [where, what] : problem.errors) findings.push_back({where, what});
      return {error_code_from(problem.code), problem.detail.empty() ? problem.title : problem.detail,
              std::move(findings)};
    } catch (const Error&) {
    } catch (const Json::exception&) {
    }
  }
  const auto code = [&] {
    switch (reply.status) {
      case 401: return ErrorCode::unauthenticated;
      case 403: return ErrorCode::denied;
      case 404: return ErrorCode::not_found;
      case 429: return ErrorCode::rate_limited;
      case 503: return ErrorCode::overloaded;
      default: return ErrorCode::protocol;
    }
  }();
  return {code, fmt::format("decomd answered with the status {}", reply.status), {}};
}

Connection Client::start(HttpCall call, Deadline deadline) const {
  Connection connection = Connection::open(options_.socket, deadline);  // before the login is looked at: it says more
  if (const auto token = TokenFile::of(options_.socket).load())
    call.headers.emplace_back("Authorization", "Bearer " + token->expose());
  Secret bytes(to_bytes(call));
  if (!call.headers.empty() && call.headers.back().first == "Authorization")
    ::explicit_bzero(call.headers.back().second.data(), call.headers.back().second.size());
  // A server that refuses early and closes is answered with EPIPE: what it said can still be read.
  static_cast<void>(connection.send(bytes.expose(), deadline));
  return connection;
}

Reply Client::call(HttpCall call, const Sink& sink) const {
  const bool harmless = is_harmless(call);
  const Deadline deadline = Deadline::in(options_.timeout);
  Connection connection = start(std::move(call), deadline);
  ReplyParser parser;
  std::array<char, 65'536> buffer{};
  Reply reply;
  while (!parser.is_done()) {
    const bool streams = sink && parser.has_header() && parser.status() < 300;
    const auto [what, bytes] = connection.receive(buffer, streams ? Deadline::in(std::chrono::hours{24}) : deadline);
    if (what == Connection::Got::late)
      lost(harmless, fmt::format("decomd has not answered within {}", to_text(options_.timeout)));
    if (what == Connection::Got::end) {
      if (!parser.feed_end()) lost(harmless, "decomd closed the connection before it had answered");
      break;
    }
    parser.feed({buffer.data(), bytes});
    if (sink && parser.has_header() && parser.status() < 300)
      sink(parser.take_body());
    else if (parser.has_header())
      reply.body += parser.take_body();
    if (reply.body.size() > kMostBody) throw Error{ErrorCode::too_large, "decomd's answer has more than 256 MiB"};
  }
  reply.status = parser.status();
  reply.content_type = folded(parser.header("Content-Type"));
  return reply;
}

Json Client::get(const std::string& path, const Query& query) const {
  return json_of(call({.method = "GET", .target = path + query_string(query), .headers = {}, .body = {}}));
}

Json Client::post(const std::string& path, const Json& body, const Query& headers) const {
  Query all = headers;
  all.emplace_back("Content-Type", "application/json");
  return json_of(call({.method = "POST", .target = path, .headers = std::move(all), .body = body.dump()}));
}

void Client::remove(const std::string& path) const {
  json_of(call({.method = "DELETE", .target = path, .headers = {}, .body = {}}));
}

}  // namespace decom::cli
