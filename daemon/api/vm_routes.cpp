#include "daemon/api/machine_refs.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/inventory/inventory.hpp"

namespace decom {
namespace {

constexpr std::int64_t kMostOnAPage = 10'000;

HttpAnswer search(const Inventory& inventory, const Clock& clock, const ApiCall& call) {
  const SearchResult found =
      inventory.search({.text = call.query.text("q"),
                        .sort = call.query.text("sort", "name"),
                        .limit = static_cast<std::size_t>(call.query.number("limit", 1, kMostOnAPage).value_or(100)),
                        .cursor = call.query.text("cursor")});
  api::VmPage page;
  page.items.reserve(found.machines.size());
  for (const Machine& machine : found.machines) page.items.push_back(to_wire(machine));
  page.total = static_cast<std::int64_t>(found.total);
  page.total_is_at_least = found.total_is_at_least;
  if (!found.next.empty()) page.next = found.next;
  for (const MirrorState& state : found.mirrors) page.mirrors.push_back(to_wire(state, clock.now()));
  return json_response(page);
}

HttpAnswer show(const Inventory& inventory, const ApiCall& call) {
  return json_response(to_wire(machine_of_mirror(inventory, call.args.front())));
}

HttpAnswer fields() {
  api::VmFields answer;
  for (const Finding& field : Inventory::fields()) answer.items.push_back({field.where, field.what});
  return json_response(answer);
}

}  // namespace

void add_vm_routes(Router& router, const Inventory& inventory, Clock& clock) {
  router.add({.method = "GET",
              .pattern = "/v1/vms",
              .query = {"q", "sort", "limit", "cursor"},
              .handler = [&inventory, &clock](const ApiCall& call) { return search(inventory, clock, call); }});
  router.add({.method = "GET", .pattern = "/v1/vms/{id}", .handler = [&inventory](const ApiCall& call) {
                return show(inventory, call);
              }});
  router.add({.method = "GET", .pattern = "/v1/vm-fields", .handler = [](const ApiCall&) { return fields(); }});
}

}  // namespace decom
