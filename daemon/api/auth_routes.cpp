#include "common/base/crypto.hpp"
#include "common/base/error.hpp"
#include "common/base/json.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/auth/auth.hpp"

namespace decom {
namespace {

HttpAnswer login(Auth& auth, const ApiCall& call) {
  auto body = read_body<api::LoginBody>(call.body);
  const Secret password(std::move(body.password));
  if (body.user.empty()) throw Error{ErrorCode::invalid, "user: is to be a name", {{"user", "is missing"}}};
  if (password.empty()) throw Error{ErrorCode::unauthenticated, "wrong user name or password"};
  const Login done = auth.login(body.user, password, call.request.uid);
  HttpResponse response = json_response(api::LoginAnswer{
      .token = done.token.expose(), .expires = to_rfc3339(done.expires), .who = to_wire(done.principal, done.expires)});
  response.headers["Cache-Control"] = "no-store";
  return response;
}

HttpAnswer whoami(const Store& store, const ApiCall& call) {
  const auto row = store.find_session(sha256_hex(call.bearer()));
  if (!row) throw Error{ErrorCode::unauthenticated, "not logged in: run 'decomctl login'"};
  return json_response(to_wire(call.who(), row->expires));
}

HttpAnswer logout(Auth& auth, const ApiCall& call) {
  (void)read_body<api::Nothing>(call.body);
  auth.logout(call.who());
  return HttpResponse{.status = 204, .content_type = "application/json", .headers = {}, .body = {}};
}

}  // namespace

void add_auth_routes(Router& router, Auth& auth, Store& store) {
  router.add({.method = "POST",
              .pattern = "/v1/login",
              .access = Access::anyone,
              .where = Where::outside,
              .takes_body = true,
              .handler = [&auth](const ApiCall& call) { return login(auth, call); }});
  router.add({.method = "POST",
              .pattern = "/v1/logout",
              .takes_body = true,
              .old_roles_do = true,
              .handler = [&auth](const ApiCall& call) { return logout(auth, call); }});
  router.add({.method = "GET", .pattern = "/v1/whoami", .handler = [&store](const ApiCall& call) {
                return whoami(store, call);
              }});
}

}  // namespace decom
