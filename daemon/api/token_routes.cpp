#include "common/base/error.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/auth/auth.hpp"

namespace decom {
namespace {

constexpr std::size_t kShortestPrefix = 4;

HttpAnswer list_tokens(const Store& store, const ApiCall& call) {
  const bool all = call.query.flag("all");
  if (all && !call.who().has(Role::admin))
    throw Error{ErrorCode::denied, "only an administrator may see everybody's tokens"};
  api::TokenPage page;
  for (const SessionRow& row : store.tokens_of(all ? "" : call.who().sid)) page.items.push_back(to_wire(row));
  return json_response(page);
}

HttpAnswer create(Auth& auth, const Store& store, const ApiCall& call) {
  const auto body = read_body<api::TokenBody>(call.body);
  constexpr std::int64_t kMost = std::int64_t{100} * 365 * 24 * 60 * 60;  // keeps the next line from overflowing
  if (body.ttl_s <= 0 || body.ttl_s > kMost)
    throw Error{ErrorCode::invalid, "ttl_s: is to be a number of seconds", {{"ttl_s", "is out of range"}}};
  const Login made = auth.create_token(call.who(), body.name, std::chrono::seconds{body.ttl_s});
  api::TokenAnswer answer{.row = {}, .token = made.token.expose()};
  for (const SessionRow& row : store.tokens_of(call.who().sid))
    if (row.id == made.principal.session) answer.row = to_wire(row);
  HttpResponse response = json_response(answer, 201);
  response.headers["Location"] = "/v1/tokens/" + answer.row.id;
  response.headers["Cache-Control"] = "no-store";
  return response;
}

/// The id, or a beginning of it that fits one token.
HttpAnswer revoke(Store& store, const ApiCall& call) {
  const std::string& wanted = call.args.front();
  std::vector<SessionRow> found;
  for (SessionRow& row : store.tokens_of(call.who().has(Role::admin) ? "" : call.who().sid)) {
    if (row.id == wanted) {
      found = {std::move(row)};
      break;
    }
    if (wanted.size() >= kShortestPrefix && row.id.starts_with(wanted)) found.push_back(std::move(row));
  }
  if (found.size() > 1) throw Error{ErrorCode::ambiguous, "'{}' is the beginning of {} tokens", wanted, found.size()};
  if (found.empty() || !store.revoke_session(found.front().id, call.who()))
    throw Error{ErrorCode::not_found, "there is no live token '{}'", wanted};
  return HttpResponse{.status = 204, .content_type = "application/json", .headers = {}, .body = {}};
}

}  // namespace

void add_token_routes(Router& router, Auth& auth, Store& store) {
  router.add({.method = "GET", .pattern = "/v1/tokens", .query = {"all"}, .handler = [&store](const ApiCall& call) {
                return list_tokens(store, call);
              }});
  router.add({.method = "POST",
              .pattern = "/v1/tokens",
              .where = Where::outside,
              .takes_body = true,
              .handler = [&auth, &store](const ApiCall& call) { return create(auth, store, call); }});
  router.add({.method = "DELETE",
              .pattern = "/v1/tokens/{id}",
              .old_roles_do = true,
              .handler = [&store](const ApiCall& call) { return revoke(store, call); }});
}

}  // namespace decom
