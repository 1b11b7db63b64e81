#include "common/api/steps.hpp"
#include "common/base/error.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/records/record_book.hpp"
#include "daemon/steps/step.hpp"

namespace decom {
namespace {

HttpAnswer list(const RecordBook& book, const StepRegistry& registry) {
  api::Steps answer;
  for (const KindTraits& kind : registry.all())
    answer.kinds.push_back({kind.name, kind.summary, kind.irreversible, kind.removes_records});
  const auto systems = book.definitions();
  for (const RecordDefinition& system : *systems) {
    const KindTraits* kind = registry.find(system.kind);
    const bool has_own = !system.summary.empty() || kind == nullptr;
    const char* quiet = system.silences ? "; can be silenced" : "";
    answer.systems.push_back({.name = system.name,
                              .kind = system.kind,
                              .summary = (has_own ? system.summary : kind->summary) + quiet,
                              .source = system.source,
                              .deadline_ms = system.deadline.count(),
                              .after = system.after.empty() ? std::vector<std::string>{kComesAfter} : system.after,
                              .on_failure = std::string(to_string(system.on_failure)),
                              .unverified = system.unverified});
  }
  return json_response(answer);
}

HttpAnswer test(const RecordBook& book, const ApiCall& call) {
  const auto body = read_body<api::StepsTestBody>(call.body);
  api::StepsTestAnswer answer;
  for (const RecordAnswer& one : book.test(body.systems, time_limit(body.timeout_ms))) {
    api::SystemTest wire{.system = one.system,
                         .kind = one.kind,
                         .ok = !one.trouble,
                         .code = {},
                         .text = one.text,
                         .elapsed_ms = one.elapsed.count()};
    if (one.trouble) wire.code = to_string(*one.trouble);
    answer.items.push_back(std::move(wire));
  }
  return json_response(answer);
}

}  // namespace

void add_step_routes(Router& router, const RecordBook& book, const StepRegistry& registry) {
  router.add({.method = "GET", .pattern = "/v1/steps", .handler = [&book, &registry](const ApiCall&) {
                return list(book, registry);
              }});
  router.add({.method = "POST",
              .pattern = "/v1/steps/test",
              .where = Where::outside,
              .takes_body = true,
              .handler = [&book](const ApiCall& call) { return test(book, call); }});
}

}  // namespace decom
