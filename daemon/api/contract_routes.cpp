#include "daemon/api/routes.hpp"

namespace decom {

void add_contract_routes(Router& router) {
  router.add(
      {.method = "GET",
       .pattern = "/v1/openapi.json",
       .access = Access::anyone,
       .handler = [](const ApiCall&) -> HttpAnswer {
         return HttpResponse{
             .status = 200, .content_type = "application/json", .headers = {}, .body = std::string(openapi_json())};
       }});
}

}  // namespace decom
