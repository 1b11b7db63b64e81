#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/auth/auth.hpp"

namespace decom {
namespace {

std::string reason_of(const ApiCall& call) {
  const auto body = read_body<api::FreezeBody>(call.body);
  if (trimmed(body.reason).empty())
    throw Error{
        ErrorCode::invalid, "reason: is missing", {{"reason", "is missing: it is shown to whoever is stopped"}}};
  return body.reason;
}

}  // namespace

void add_freeze_routes(Router& router, Engine& engine, Auth& auth, Store& store) {
  router.add({.method = "GET", .pattern = "/v1/freeze", .handler = [&store](const ApiCall&) -> HttpAnswer {
                return json_response(to_wire(store.freeze_state()));
              }});
  router.add({.method = "POST",
              .pattern = "/v1/freeze",
              .access = Access::admin,
              .takes_body = true,
              .old_roles_do = true,
              .handler = [&store](const ApiCall& call) -> HttpAnswer {
                store.set_freeze(true, reason_of(call), call.who());
                return json_response(to_wire(store.freeze_state()));
              }});
  router.add({.method = "POST",
              .pattern = "/v1/thaw",
              .access = Access::admin,
              .where = Where::outside,
              .takes_body = true,
              .handler = [&engine, &auth, &store](const ApiCall& call) -> HttpAnswer {
                const std::string reason = reason_of(call);
                store.set_freeze(false, reason, auth.refresh(call.who(), Role::admin));
                engine.wake();
                return json_response(to_wire(store.freeze_state()));
              }});
}

}  // namespace decom
